// noded/memory_binding.hpp — srun --mem-bind: which NUMA nodes a task takes its memory from.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "noded/cpu_binding.hpp"

namespace flurm::noded {

/// A task as --mem-bind sees it.
struct MemoryTask {
  std::uint32_t local_id = 0, global_id = 0;
  std::vector<std::uint64_t> cpus;  ///< as TaskLaunch::cpus; empty: all
};

struct MemoryBinding {
  std::vector<std::uint64_t> nodes;  ///< as TaskLaunch::memory_nodes; empty: not bound
  bool preferred = false;            ///< other nodes will do when these are full
  std::string report;                ///< the line for verbose, "{}" standing for the pid; or empty
};

/// type: bits of MemBind; list: of nodes or masks, one for each task. step_cpus: of the step on this node. Errors:
/// einval (a node that is not there). (slurm 22.05 plugins/task/affinity/numa.c)
Result<MemoryBinding> bind_memory(std::uint16_t type, std::string_view list, const MemoryTask& task,
                                  std::uint32_t step_cpus, const CpuMap& map, const std::string& host_name);

}  // namespace flurm::noded
