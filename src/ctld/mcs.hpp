// ctld/mcs.hpp — MCS labels of jobs: MCSPlugin and MCSParameters.
// Source: slurm 22.05 src/common/slurm_mcs.c, src/plugins/mcs/.
#pragma once
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "model/partition.hpp"

namespace flurm::ctld {

/// MCSParameters: "[ondemand|enforced][,noselect|select|ondemandselect][,privatedata][:group1|group2]".
struct McsRule {
  bool enforced = false;  // every job gets a label, else those that ask for one or for --exclusive=mcs
  model::McsSelect select = model::McsSelect::on_demand;
  bool private_data = false;        // where PrivateData hides, it hides by labels
  std::vector<std::string> groups;  // mcs/group: which count, the first of the user's is the label
};

/// What the configuration means; without a plugin no label sets nodes apart.
McsRule mcs_rule(const conf::Config& config);

/// Gives the job its label, or checks the one it asks for. user_groups: of the job's user, for mcs/group.
/// Errors: invalid_mcs_label.
Result<void> settle_mcs_label(model::JobRequest& request, const conf::Config& config, const std::string& user_name,
                              const std::vector<std::string>& user_groups);

}  // namespace flurm::ctld
