// sched/step_cores.hpp — which of its job's cores on a node a step gets.
#pragma once
#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "sched/step_place.hpp"

namespace flurm::sched {

/// Threads of each core that the job has; all of the node's unless it asked for fewer.
std::uint32_t job_threads_per_core(const model::Job& job, const model::Node& node);
/// Threads of each core that the step will use.
std::uint32_t used_threads_per_core(const StepView& view, const model::StepRequest& request, const model::Node& node);
/// Tasks are placed as if cores had one thread.
bool one_thread_per_core(const StepView& view, const model::StepRequest& request);
/// CPUs that a core counts for when a task's CPUs are turned into cores.
std::uint32_t cpus_per_core(const StepView& view, const model::StepRequest& request, const model::Node& node);

struct CoreWish {
  std::uint32_t tasks = 0, cpus_per_task = 0;
  bool all = false;         // every core that the job has there
  bool overcommit = false;  // where cores run out, they are shared
  bool shares = false;      // other steps' cores are as good
  std::uint32_t task_dist = 0;
  std::uint32_t cpus_per_core = 1;
};

/// The cores as a mask like NodeShare::cores: from all sockets in turn, a task's cores together, unless the distribution
/// asks to fill sockets. Errors: too_many_requested_cpus (more than the job has there), nodes_busy.
/// Source: slurm 22.05 src/slurmctld/step_mgr.c _pick_step_cores(), _handle_core_select().
Result<std::vector<std::uint64_t>> take_cores(const model::NodeConfig& node, const model::NodeShare& share,
                                              const model::StepUse& use, const CoreWish& wish);

}  // namespace flurm::sched
