// ctld/membership.hpp — which controllers there are, and which of them this process is, as the configuration tells.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cluster/members.hpp"
#include "conf/config.hpp"
#include "conf/flurm_conf.hpp"
#include "replog/log.hpp"

namespace flurm::ctld {

struct Membership {
  std::vector<cluster::Member> members;
  std::size_t self = 0;
  std::string link_host;  ///< address that the controller link listens on; empty: all
  std::string rpc_host;   ///< the same for Slurm's port

  const cluster::Member& own() const { return members[self]; }
};

/// All controllers that the configuration names. Errors: einval.
Result<std::vector<cluster::Member>> configured_members(const conf::Config& config, const conf::FlurmConf& flurm_conf);

/// The members are those of flurm.conf (FLURM_CLUSTER_NODES), else the SlurmctldHost lines. A single one is this
/// process; of several, the one named as ControllerName (FLURM_NODE_NAME) says, else as the host is. Errors: einval.
Result<Membership> membership(const conf::Config& config, const conf::FlurmConf& flurm_conf, std::string_view host_name);

/// The members as a log names them that they found: a new cluster's, and a restored one's.
std::vector<replog::Member> log_members(const Membership& membership);

}  // namespace flurm::ctld
