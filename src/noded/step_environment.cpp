// noded/step_environment.cpp — see step_environment.hpp.
#include "noded/step_environment.hpp"

#include "fmt/format.h"

namespace flurm::noded {
namespace {

std::uint32_t offset(std::uint32_t of_het_job) { return of_het_job == kNoVal32 ? 0 : of_het_job; }

struct Word {
  std::uint16_t bit;
  std::string_view text;
};

/// The text of the first word whose bit is set.
std::string_view first_of(std::uint16_t type, std::initializer_list<Word> words) {
  for (const Word& word : words) {
    if (type & word.bit) return word.text;
  }
  return {};
}

void set_cpu_bind(exec::Environment& env, std::uint16_t type, const std::string& list) {
  for (const char* name : {"SLURM_CPU_BIND", "SLURM_CPU_BIND_LIST", "SLURM_CPU_BIND_TYPE", "SLURM_CPU_BIND_VERBOSE"})
    env.unset(name);
  const std::string verbose = type & cpu_bind_verbose ? "verbose" : "quiet";
  const std::string_view unit = first_of(type, {{cpu_bind_to_threads, "threads"},
                                                {cpu_bind_to_cores, "cores"},
                                                {cpu_bind_to_sockets, "sockets"},
                                                {cpu_bind_to_ldoms, "ldoms"}});
  const std::string_view mode = first_of(type, {{cpu_bind_none, "none"},
                                                {cpu_bind_rank, "rank"},
                                                {cpu_bind_map, "map_cpu:"},
                                                {cpu_bind_mask, "mask_cpu:"},
                                                {cpu_bind_ldrank, "rank_ldom"},
                                                {cpu_bind_ldmap, "map_ldom:"},
                                                {cpu_bind_ldmask, "mask_ldom:"}});
  const std::string kind = fmt::format("{}{}{}", unit, !unit.empty() && !mode.empty() ? "," : "", mode);
  env.set("SLURM_CPU_BIND", kind.empty() ? verbose : fmt::format("{},{}{}", verbose, kind, list));
  env.set("SLURM_CPU_BIND_LIST", list);
  env.set("SLURM_CPU_BIND_TYPE", kind);
  env.set("SLURM_CPU_BIND_VERBOSE", verbose);
}

void set_mem_bind(exec::Environment& env, std::uint16_t type, const std::string& list) {
  for (const char* name : {"SLURM_MEM_BIND", "SLURM_MEM_BIND_LIST", "SLURM_MEM_BIND_PREFER", "SLURM_MEM_BIND_SORT",
                           "SLURM_MEM_BIND_TYPE", "SLURM_MEM_BIND_VERBOSE"})
    env.unset(name);
  const std::string verbose = type & mem_bind_verbose ? "verbose" : "quiet";
  const std::string kind(first_of(type, {{mem_bind_none, "none"},
                                         {mem_bind_rank, "rank"},
                                         {mem_bind_map, "map_mem:"},
                                         {mem_bind_mask, "mask_mem:"},
                                         {mem_bind_local, "local"}}));
  std::string all = verbose;
  if (type & mem_bind_prefer) all += ",prefer";
  if (!kind.empty()) all += "," + kind + list;
  env.set("SLURM_MEM_BIND", all);
  env.set("SLURM_MEM_BIND_LIST", list);
  if (type & mem_bind_prefer) env.set("SLURM_MEM_BIND_PREFER", "prefer");
  if (type & mem_bind_sort) env.set("SLURM_MEM_BIND_SORT", "sort");
  env.set("SLURM_MEM_BIND_TYPE", kind);
  env.set("SLURM_MEM_BIND_VERBOSE", verbose);
}

}  // namespace

exec::Environment step_environment(const wire::LaunchTasks& order, const exec::Identity& user, const NodeFacts& facts,
                                   const StepPlace& place) {
  exec::Environment env(order.env);
  const std::uint32_t step_id = order.step_id.step_id;
  const bool interactive = step_id == kInteractiveStep;
  env.set("SLURM_SRUN_COMM_HOST", place.client_host);
  env.set("SLURM_TOPOLOGY_ADDR", facts.node_name);
  env.set("SLURM_TOPOLOGY_ADDR_PATTERN", "node");
  env.set("SLURM_CONF", facts.slurm_conf);
  env.unset("SLURM_CONF_SERVER");  // SLURM_CONF names a file that is there
  env.set("SLURM_CPUS_ON_NODE", std::to_string(place.cpus));
  if (order.cpu_bind_type != 0 && !interactive) set_cpu_bind(env, order.cpu_bind_type, order.cpu_bind);
  if (order.mem_bind_type != 0 && !interactive) set_mem_bind(env, order.mem_bind_type, order.mem_bind);
  const std::uint32_t job_id = order.het_job_id == kNoVal32 ? order.step_id.job_id.v : order.het_job_id;
  env.set("SLURM_JOB_ID", std::to_string(job_id));
  env.set("SLURM_JOBID", std::to_string(job_id));
  env.set("SLURM_NODEID", std::to_string(place.node_rank + offset(order.het_job_node_offset)));
  if (step_id < kInteractiveStep) {
    env.set("SLURM_STEP_ID", std::to_string(step_id));
    env.set("SLURM_STEPID", std::to_string(step_id));
  }
  if (place.message_port != 0) env.set("SLURM_SRUN_COMM_PORT", std::to_string(place.message_port));
  env.set("SLURM_LAUNCH_NODE_IPADDR", place.client_host);
  std::string ids;
  for (const std::uint32_t id : order.tasks[place.node_rank].global_task_ids) {
    ids += fmt::format("{}{}", ids.empty() ? "" : ",", id + offset(order.het_job_task_offset));
  }
  env.set("SLURM_GTIDS", ids);
  env.set("SLURM_JOB_UID", std::to_string(user.uid));
  env.set("SLURM_JOB_USER", user.name);
  env.set("SLURM_WORKING_CLUSTER", fmt::format("{}:{}:{}:{}:{}", facts.cluster_name, facts.controller_addr,
                                               facts.controller_port, facts.protocol, facts.select_plugin_id));
  env.set("SLURM_JOB_GID", std::to_string(user.gid));
  env.set("SLURMD_NODENAME", facts.node_name);
  // Bindings to devices mean something only between several tasks.
  const bool one_task = order.tasks[place.node_rank].global_task_ids.size() <= 1;
  if (!order.tres_bind.empty() && (!one_task || interactive)) env.set("SLURMD_TRES_BIND", order.tres_bind);
  if (!interactive && env.get("SLURM_MPI_TYPE") == "none") env.unset("SLURM_MPI_TYPE");
  if (!order.tres_freq.empty()) env.set("SLURMD_TRES_FREQ", order.tres_freq);
  return env;
}

std::vector<std::string> task_environment(const wire::LaunchTasks& order, const StepPlace& place,
                                          std::uint32_t local_id) {
  const std::uint32_t global_id = order.tasks[place.node_rank].global_task_ids[local_id];
  return {fmt::format("SLURM_PROCID={}", global_id + offset(order.het_job_task_offset)),
          fmt::format("SLURM_LOCALID={}", local_id)};
}

}  // namespace flurm::noded
