// ctld/privacy.hpp — who sees whose jobs: PrivateData=jobs and MCSParameters=privatedata.
// Source: slurm 22.05 src/slurmctld/job_mgr.c _hide_job_user_rec(), src/plugins/mcs/ mcs_p_check_mcs_label().
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "ctld/controller.hpp"
#include "model/job.hpp"

namespace flurm::ctld {

/// Everybody sees all jobs, unless PrivateData=jobs; then operators do, and others their own and those of the accounts
/// they coordinate. With MCSParameters=privatedata it is not coordinators but those who may use the job's MCS label,
/// and who sees a job without one is everybody.
class JobPrivacy {
 public:
  /// For one request of this user.
  JobPrivacy(const Controller& controller, std::uint32_t uid);
  bool shows(const model::Job& job) const;

 private:
  const Controller& controller_;
  std::uint32_t uid_;
  bool shows_all_ = true;
  std::optional<std::set<std::string>> labels_;  // that the user may use; none: labels are of no concern
};

}  // namespace flurm::ctld
