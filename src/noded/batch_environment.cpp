// noded/batch_environment.cpp — see batch_environment.hpp. (slurm 22.05 common/env.c, env_array_for_batch_job and
// setup_env)
#include "noded/batch_environment.hpp"

#include <algorithm>
#include <numeric>

#include "base/hostlist.hpp"
#include "fmt/format.h"

namespace flurm::noded {
namespace {

constexpr std::uint64_t kPerCpu = std::uint64_t{1} << 63;
constexpr std::size_t kNodesMax = kMaxHosts;

std::string run_lengths(const std::vector<std::uint16_t>& values) {
  std::vector<std::uint16_t> distinct;
  std::vector<std::uint32_t> repetitions;
  for (const std::uint16_t value : values) {
    if (distinct.empty() || distinct.back() != value) {
      distinct.push_back(value);
      repetitions.push_back(0);
    }
    ++repetitions.back();
  }
  return repeated_values(distinct, repetitions);
}

/// The CPUs of each node of the job, one entry per node.
std::vector<std::uint16_t> unrolled(std::span<const std::uint16_t> values, std::span<const std::uint32_t> repetitions) {
  std::vector<std::uint16_t> all;
  for (std::size_t i = 0; i < values.size() && i < repetitions.size(); ++i) {
    const std::size_t room = kNodesMax - all.size();
    all.insert(all.end(), std::min<std::size_t>(repetitions[i], room), values[i]);
  }
  return all;
}

/// `--distribution=arbitrary`: the nodes of SLURM_ARBITRARY_NODELIST, one task each time a node is named.
std::vector<std::uint16_t> tasks_by_list(std::string_view list) {
  std::vector<std::uint16_t> tasks;
  const auto named = expand_hosts(list);
  if (!named) return tasks;
  std::vector<std::string> seen;
  for (const std::string& host : *named) {
    const auto at = std::ranges::find(seen, host);
    if (at == seen.end()) {
      seen.push_back(host);
      tasks.push_back(1);
    } else {
      ++tasks[static_cast<std::size_t>(at - seen.begin())];
    }
  }
  return tasks;
}

void set_allocation(exec::Environment& env, const wire::BatchJobLaunch& job, const NodeFacts& facts) {
  const std::string job_id = std::to_string(job.job_id.v);
  const std::uint32_t nodes = std::accumulate(job.cpu_count_reps.begin(), job.cpu_count_reps.end(), 0u);
  env.set("SLURM_CLUSTER_NAME", facts.cluster_name);
  env.set("SLURM_JOB_ID", job_id);
  env.set("SLURM_JOB_NUM_NODES", std::to_string(nodes));
  if (job.array_task_id != kNoVal32) {
    env.set("SLURM_ARRAY_JOB_ID", std::to_string(job.array_job_id.v));
    env.set("SLURM_ARRAY_TASK_ID", std::to_string(job.array_task_id));
  }
  env.set("SLURM_JOB_NODELIST", job.nodes);
  env.set("SLURM_JOB_PARTITION", job.partition);
  env.set("SLURM_NODE_ALIASES", job.alias_list.empty() ? "(null)" : job.alias_list);  // scripts may test for it
  env.set("SLURM_JOB_CPUS_PER_NODE", repeated_values(job.cpus_per_node, job.cpu_count_reps));
  env.set("ENVIRONMENT", "BATCH");
  env.set("HOSTNAME", facts.node_name);
  env.set("SLURM_JOBID", job_id);
  env.set("SLURM_NNODES", std::to_string(nodes));
  env.set("SLURM_NODELIST", job.nodes);
}

void set_tasks(exec::Environment& env, const wire::BatchJobLaunch& job) {
  const std::uint16_t cpus_per_task =
      job.cpus_per_task == 0 || job.cpus_per_task == kNoVal16 ? std::uint16_t{1} : job.cpus_per_task;
  if (env.get("SLURM_CPUS_PER_TASK")) env.set("SLURM_CPUS_PER_TASK", std::to_string(cpus_per_task));
  if (job.ntasks != 0) {
    env.set_default("SLURM_NTASKS", std::to_string(job.ntasks));
    env.set_default("SLURM_NPROCS", std::to_string(job.ntasks));
  }
  std::vector<std::uint16_t> tasks;
  if (const auto list = env.get("SLURM_ARBITRARY_NODELIST")) tasks = tasks_by_list(*list);
  if (tasks.empty()) tasks = tasks_per_node(job.ntasks, cpus_per_task, job.cpus_per_node, job.cpu_count_reps);
  env.set("SLURM_TASKS_PER_NODE", run_lengths(tasks));
}

void set_memory_and_account(exec::Environment& env, const wire::BatchJobLaunch& job) {
  if (job.pn_min_memory & kPerCpu) {
    env.set("SLURM_MEM_PER_CPU", std::to_string(job.pn_min_memory & ~kPerCpu));
  } else if (job.pn_min_memory != 0) {
    env.set("SLURM_MEM_PER_NODE", std::to_string(job.pn_min_memory));
  }
  if (!job.account.empty()) env.set("SLURM_JOB_ACCOUNT", job.account);
  if (!job.qos.empty()) env.set("SLURM_JOB_QOS", job.qos);
  if (!job.resv_name.empty()) env.set("SLURM_JOB_RESERVATION", job.resv_name);
}

void set_task(exec::Environment& env, const wire::BatchJobLaunch& job, const exec::Identity& user,
              const NodeFacts& facts) {
  env.set("SLURM_TOPOLOGY_ADDR", facts.node_name);
  env.set("SLURM_TOPOLOGY_ADDR_PATTERN", "node");
  env.set("SLURM_CONF", facts.slurm_conf);
  env.unset("SLURM_CONF_SERVER");  // SLURM_CONF names a file that is there
  if (!job.cpus_per_node.empty()) env.set("SLURM_CPUS_ON_NODE", std::to_string(job.cpus_per_node.front()));
  for (const char* zero : {"SLURM_NODEID", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_GTIDS"}) env.set(zero, "0");
  if (job.restart_cnt != 0) env.set("SLURM_RESTART_COUNT", std::to_string(job.restart_cnt));
  env.set("SLURM_JOB_UID", std::to_string(user.uid));
  env.set("SLURM_JOB_USER", user.name);
  env.set("SLURM_WORKING_CLUSTER", fmt::format("{}:{}:{}:{}:{}", facts.cluster_name, facts.controller_addr,
                                               facts.controller_port, facts.protocol, facts.select_plugin_id));
  env.set("SLURM_JOB_GID", std::to_string(user.gid));
  env.set("SLURMD_NODENAME", facts.node_name);
  if (!job.tres_bind.empty()) env.set("SLURMD_TRES_BIND", job.tres_bind);
  if (!job.tres_freq.empty()) env.set("SLURMD_TRES_FREQ", job.tres_freq);
}

}  // namespace

std::string repeated_values(std::span<const std::uint16_t> values, std::span<const std::uint32_t> repetitions) {
  std::string text;
  for (std::size_t i = 0; i < values.size() && i < repetitions.size(); ++i) {
    if (i != 0) text += ',';
    text += repetitions[i] > 1 ? fmt::format("{}(x{})", values[i], repetitions[i]) : std::to_string(values[i]);
  }
  return text;
}

std::vector<std::uint16_t> tasks_per_node(std::uint32_t ntasks, std::uint16_t cpus_per_task,
                                          std::span<const std::uint16_t> cpus_per_node,
                                          std::span<const std::uint32_t> repetitions) {
  std::vector<std::uint16_t> room = unrolled(cpus_per_node, repetitions);
  std::uint32_t fit = 0;
  std::uint16_t room_max = 0;
  for (std::uint16_t& each : room) {
    each = static_cast<std::uint16_t>(each / cpus_per_task);
    fit += each;
    each = std::max<std::uint16_t>(each, 1);
    room_max = std::max(room_max, each);
  }
  std::vector<std::uint16_t> tasks(room.size(), 0);
  std::uint32_t left = ntasks != 0 ? ntasks : fit;
  for (std::uint32_t round = 0; left > 0 && !tasks.empty(); ++round) {
    const bool crowded = round >= room_max;  // more tasks than CPUs: everyone takes one more in turn
    for (std::size_t i = 0; i < room.size() && left > 0; ++i) {
      if (!crowded && round >= room[i]) continue;
      if (++tasks[i] == 0xffff) return tasks;
      --left;
    }
  }
  return tasks;
}

std::uint32_t select_plugin_id(std::string_view select_type) {
  if (select_type == "select/cons_res") return 101;
  if (select_type == "select/linear") return 102;
  if (select_type == "select/cons_tres") return 109;
  return 0;
}

exec::Environment batch_environment(const wire::BatchJobLaunch& job, const exec::Identity& user,
                                    const NodeFacts& facts) {
  exec::Environment env(job.environment);
  set_allocation(env, job, facts);
  set_tasks(env, job);
  set_memory_and_account(env, job);
  set_task(env, job, user, facts);
  return env;
}

}  // namespace flurm::noded
