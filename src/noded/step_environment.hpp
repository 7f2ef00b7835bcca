// noded/step_environment.hpp — the environment of a step's tasks: what srun sent, and what Slurm adds on the node.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exec/environment.hpp"
#include "exec/identity.hpp"
#include "noded/batch_environment.hpp"
#include "wire/msg/launch_tasks.hpp"

namespace flurm::noded {

/// A step as this node sees it.
struct StepPlace {
  std::uint32_t node_rank = 0;     ///< among the step's nodes
  std::uint32_t cpus = 1;          ///< of this node that belong to the step
  std::string client_host;         ///< numeric address of srun
  std::uint16_t message_port = 0;  ///< srun's port for this node; 0: none
};

/// What all tasks of the node see. Variables as slurmstepd 22.05 gives them (common/env.c setup_env,
/// slurmstepd/task.c); tests/real-clients compares the two.
exec::Environment step_environment(const wire::LaunchTasks& order, const exec::Identity& user, const NodeFacts& facts,
                                   const StepPlace& place);
/// What differs between them.
std::vector<std::string> task_environment(const wire::LaunchTasks& order, const StepPlace& place,
                                          std::uint32_t local_id);

/// Bits of cpu_bind_type and mem_bind_type (slurm 22.05 slurm/slurm.h).
enum CpuBind : std::uint16_t {
  cpu_bind_verbose = 0x0001,
  cpu_bind_to_threads = 0x0002,
  cpu_bind_to_cores = 0x0004,
  cpu_bind_to_sockets = 0x0008,
  cpu_bind_to_ldoms = 0x0010,
  cpu_bind_none = 0x0020,
  cpu_bind_rank = 0x0040,
  cpu_bind_map = 0x0080,
  cpu_bind_mask = 0x0100,
  cpu_bind_ldrank = 0x0200,
  cpu_bind_ldmap = 0x0400,
  cpu_bind_ldmask = 0x0800,
  cpu_bind_one_thread_per_core = 0x2000,
};
enum MemBind : std::uint16_t {
  mem_bind_verbose = 0x01,
  mem_bind_none = 0x02,
  mem_bind_rank = 0x04,
  mem_bind_map = 0x08,
  mem_bind_mask = 0x10,
  mem_bind_local = 0x20,
  mem_bind_sort = 0x40,
  mem_bind_prefer = 0x80,
};

}  // namespace flurm::noded
