// noded/batch_environment.hpp — the environment of a batch script: what the user submitted, and what Slurm adds.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exec/environment.hpp"
#include "exec/identity.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/versions.hpp"

namespace flurm::noded {

/// What of this node and cluster shows in a job's environment.
struct NodeFacts {
  std::string node_name, host_name;
  std::string cluster_name, slurm_conf;
  std::string controller_addr;
  std::uint32_t controller_port = 6817;
  std::uint16_t protocol = 0;          ///< that clients in the job should find the controller speaking
  std::uint32_t select_plugin_id = 0;  ///< of SelectType, part of SLURM_WORKING_CLUSTER
};

/// Everything the script sees except what only the task knows (SLURM_TASK_PID, TMPDIR) and the limits, which the task
/// takes out. Variables as slurmd 22.05 gives them; tests/real-peer compares the two.
exec::Environment batch_environment(const wire::BatchJobLaunch& job, const exec::Identity& user,
                                    const NodeFacts& facts);

/// "4", "2(x3),1": values with their repetitions.
std::string repeated_values(std::span<const std::uint16_t> values, std::span<const std::uint32_t> repetitions);

/// How many of `ntasks` tasks each node gets, dealt out in turn as long as it has CPUs; a node's share of CPUs counts
/// as at least one task. 0 tasks: as many as fit. (slurm 22.05 slurm_step_layout.c, block distribution)
std::vector<std::uint16_t> tasks_per_node(std::uint32_t ntasks, std::uint16_t cpus_per_task,
                                          std::span<const std::uint16_t> cpus_per_node,
                                          std::span<const std::uint32_t> repetitions);

/// plugin_id of a SelectType; 0 for one we do not know.
std::uint32_t select_plugin_id(std::string_view select_type);

}  // namespace flurm::noded
