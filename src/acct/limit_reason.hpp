// acct/limit_reason.hpp — the names and numbers of the limits that keep a job waiting.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace flurm::acct {

/// Limits that are counted per trackable resource.
enum class TresLimit : std::uint8_t {
  assoc_grp,
  assoc_grp_mins,
  assoc_grp_run_mins,
  assoc_max_job,
  assoc_max_node,
  assoc_max_mins_job,
  qos_grp,
  qos_grp_mins,
  qos_grp_run_mins,
  qos_max_job,
  qos_max_node,
  qos_max_account,
  qos_max_user,
  qos_max_mins_job,
  qos_min_job,
};

/// The others, with their numbers (slurm 22.05 slurm/slurm.h enum job_state_reason).
enum LimitReason : std::uint32_t {
  reason_none = 0,
  reason_qos_grp_jobs = 43,
  reason_qos_grp_submit = 46,
  reason_qos_grp_wall = 47,
  reason_qos_max_wall = 51,
  reason_qos_max_jobs_user = 53,
  reason_qos_max_submit_user = 55,
  reason_assoc_grp_jobs = 60,
  reason_assoc_grp_submit = 63,
  reason_assoc_grp_wall = 64,
  reason_assoc_max_jobs = 65,
  reason_assoc_max_wall = 69,
  reason_assoc_max_submit = 70,
  reason_qos_max_jobs_account = 176,
  reason_qos_max_submit_account = 177,
};

/// The number of the reason why a job waits. `type`: of the resource, as acct::Tres has it.
std::uint32_t limit_reason(TresLimit limit, std::uint32_t tres_id, std::string_view type);
/// "AssocGrpCpuLimit", as clients name it; empty for a number that is no limit's.
std::string limit_reason_name(std::uint32_t reason);

}  // namespace flurm::acct
