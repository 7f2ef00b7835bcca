// model/job_state.hpp — a job's state, its flags, and the reasons a job waits or failed.
// Numbers are Slurm's (slurm 22.05 slurm/slurm.h enum job_states, JOB_* flags, enum job_state_reason): clients
// interpret them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace flurm::model {

enum class JobBase : std::uint8_t {
  pending, running, suspended, complete, cancelled, failed, timeout, node_fail, preempted, boot_fail, deadline, oom,
};

namespace job_flag {
inline constexpr std::uint32_t launch_failed = 1u << 8, requeue = 1u << 10, requeue_hold = 1u << 11,
                               special_exit = 1u << 12, resizing = 1u << 13, configuring = 1u << 14,
                               completing = 1u << 15, stopped = 1u << 16, revoked = 1u << 19,
                               reservation_deleted = 1u << 21, signaling = 1u << 22, stage_out = 1u << 23;
}

/// Base state and flags, as Slurm keeps them in one number.
struct JobState {
  JobBase base = JobBase::pending;
  std::uint32_t flags = 0;
  bool operator==(const JobState&) const = default;

  std::uint32_t number() const { return static_cast<std::uint32_t>(base) | flags; }
  static JobState from_number(std::uint32_t n) { return {static_cast<JobBase>(n & 0xff), n & ~0xffu}; }
  bool has(std::uint32_t flag) const { return flags & flag; }

  bool pending() const { return base == JobBase::pending && !has(job_flag::completing); }
  bool running() const { return base == JobBase::running; }
  bool suspended() const { return base == JobBase::suspended; }
  bool completing() const { return has(job_flag::completing); }
  /// Its last run has ended, whatever still has to be cleaned up.
  bool ended() const { return base > JobBase::suspended; }
  /// Nothing more will happen to it.
  bool finished() const { return ended() && !completing(); }
};

/// "PENDING", "COMPLETING", … and "PD", "CG", … as squeue prints them.
std::string_view job_state_name(JobState state);
/// The base state of a name as clients write it, long or compact, any case.
std::optional<JobBase> job_base_from_name(std::string_view name);

/// Why a job waits, or why it failed. Only the ones FLURM sets are named; the number travels as it is.
enum class JobReason : std::uint32_t {
  none = 0, priority, dependency, resources, part_node_limit, part_time_limit, part_down, part_inactive, held_admin,
  begin_time, licenses, assoc_job_limit, assoc_resource_limit, assoc_time_limit, reservation, node_not_avail,
  held_user, front_end, defer, down_partition, down_node, bad_constraints, system_failure, launch_failed, exit_code,
  time_limit, inactive_limit, invalid_account, invalid_qos, qos_usage_threshold, qos_job_limit, qos_resource_limit,
  qos_time_limit, cleaning = 35, prolog, qos, account, dependency_never_satisfied,
  max_requeue = 71, array_task_limit,
  deadline = 167, part_config = 178, out_of_memory = 181, memory_limit, reservation_deleted = 198,
};

}  // namespace flurm::model
