// noded/cpu_binding.hpp — task/affinity: which CPUs each task of a step runs on.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "noded/step_plan.hpp"
#include "wire/msg/launch_tasks.hpp"

namespace flurm::noded {

/// The CPUs of this machine. Slurm counts them board by board, socket by socket, core by core, thread by thread
/// ("abstract"); the system has numbers of its own.
struct CpuMap {
  std::vector<std::uint32_t> system_number;  ///< by abstract number
  std::vector<std::uint32_t> numa_node;      ///< by system number
};
/// Errors: io.
Result<CpuMap> detect_cpus();

/// The node as Slurm was told it is, which may be more or less than the machine.
struct NodeShape {
  std::uint16_t cpus = 1, sockets = 1, cores_per_socket = 1, threads_per_core = 1;
};

struct BindDefaults {
  bool block_by_default = false;  ///< SelectTypeParameters=CR_CORE_DEFAULT_DIST_BLOCK
  std::uint32_t task_plugin_param = 0;
};

/// How the tasks of one node are bound. type and list: as SLURM_CPU_BIND_TYPE and _LIST tell the tasks.
struct Binding {
  std::uint16_t type = 0;
  std::string list;
  std::vector<std::vector<std::uint64_t>> cpus;  ///< by local id, as TaskLaunch::cpus; empty ones are not bound
};

/// Asked for by --cpu-bind, or found by Slurm's rules: by sockets, cores or threads where the tasks are as many as
/// those the step was given, else to all the step's CPUs. (slurm 22.05 plugins/task/affinity/dist_tasks.c) Errors:
/// node_cpu_bind (what was asked for lies outside the allocation), node_cpu_layout (more tasks than CPUs).
Result<Binding> bind_tasks(const wire::LaunchTasks& order, std::uint32_t node_rank, const CoreRange& cores,
                           const NodeShape& node, const CpuMap& map, const BindDefaults& defaults);

/// The line for --cpu-bind=verbose, "{}" standing for the task's pid; empty where none was asked for.
std::string bind_report(const Binding& binding, const std::string& node_name, std::uint32_t global_id,
                        std::uint32_t local_id);

}  // namespace flurm::noded
