// sched/limits.cpp — see limits.hpp.
#include "sched/limits.hpp"

#include <algorithm>

#include "acct/claim.hpp"

namespace flurm::sched {
namespace {

bool given(std::uint32_t value) { return value != kNoVal32; }

}  // namespace

Errc broken_limit(const model::JobRequest& r, std::uint32_t time_limit, const PartitionInfo& info,
                  std::uint32_t qos_flags) {
  namespace flag = acct::qos_flag;
  const model::Partition& partition = *info.config;
  if (!(partition.state_up & model::partition_state::sched)) return Errc::success;
  const std::uint64_t nodes = info.nodes.count();
  if (given(r.min_cpus)) {
    const bool limited = partition.max_cpus_per_node != kInfinite32;
    if (r.min_cpus > info.total_cpus || (limited && r.min_cpus > partition.max_cpus_per_node * nodes))
      return Errc::too_many_requested_cpus;
  }
  const std::uint32_t least = qos_flags & flag::part_min_node ? 0 : partition.min_nodes;
  const std::uint32_t most = qos_flags & flag::part_max_node ? kInfinite32 : partition.max_nodes;
  if (given(r.min_nodes) && (r.min_nodes > nodes || r.min_nodes < least || r.min_nodes > most))
    return Errc::invalid_node_count;
  if (given(r.max_nodes) && r.max_nodes != 0 && r.max_nodes > most) return Errc::invalid_node_count;
  if (given(time_limit) && time_limit > partition.max_time && !(qos_flags & flag::part_time_limit))
    return Errc::invalid_time_limit;
  return Errc::success;
}

bool within_memory_limit(const model::JobRequest& r, const PartitionInfo& info, const Cluster& cluster,
                         const model::Settings& settings) {
  const std::uint64_t limit = info.config->max_mem_per_cpu ? info.config->max_mem_per_cpu : settings.max_mem_per_cpu;
  if (r.pn_min_memory == kNoVal64 || limit == 0 || (limit & model::kMemoryPerCpu)) return true;
  std::uint64_t memory = r.pn_min_memory & ~model::kMemoryPerCpu;
  if (r.pn_min_memory & model::kMemoryPerCpu) {
    const Demand d = make_demand(r, *info.config, settings);
    std::uint64_t cpus = std::max<std::uint64_t>(d.tasks_per_node, 1);
    if (d.tasks != 0 && d.asked_max_nodes != 0)
      cpus = std::max<std::uint64_t>(cpus, (d.tasks + d.asked_max_nodes - 1) / d.asked_max_nodes);
    memory *= std::max<std::uint64_t>(cpus * d.cpus_per_task, d.cpus_per_node);
  } else if (memory == 0 && info.nodes.any()) {
    memory = cluster.node(static_cast<NodeIndex>(info.nodes.first())).memory_mib;
  }
  return memory <= limit;
}

Result<void> within_limits(const model::JobRequest& r, const PartitionInfo& info, const Cluster& cluster,
                           const model::Settings& settings, std::uint32_t qos_flags) {
  const std::string& name = info.config->name;
  if (const Errc code = broken_limit(r, r.time_limit, info, qos_flags); code != Errc::success)
    return fail(code, "a limit of partition {}", name);
  if (!r.req_nodes.empty()) {
    FLURM_TRY(const Bitmap required, cluster.nodes_of(r.req_nodes));
    if (!required.subset_of(info.nodes))
      return fail(Errc::requested_nodes_not_in_partition, "nodes {} in partition {}", r.req_nodes, name);
  }
  if (!within_memory_limit(r, info, cluster, settings))
    return fail(Errc::invalid_task_memory, "memory in partition {}", name);
  return {};
}

model::JobReason partition_reason(const model::Job& job, const PartitionInfo& info, const Cluster& cluster,
                                  const model::Settings& settings, const acct::Books* books) {
  using model::JobReason;
  const model::JobRequest& request = *job.request;
  switch (broken_limit(request, job.time_limit, info, books ? acct::qos_flags(*books, job.qos) : 0)) {
    case Errc::success:
      break;
    case Errc::invalid_time_limit:
      return JobReason::part_time_limit;
    case Errc::invalid_node_count:
      return JobReason::part_node_limit;
    default:
      return JobReason::part_config;
  }
  if (info.config->state_up == model::partition_state::down) return JobReason::part_down;
  if (info.config->state_up == model::partition_state::inactive) return JobReason::part_inactive;
  if (!within_memory_limit(request, info, cluster, settings)) return JobReason::memory_limit;
  if (!books) return JobReason::none;
  if (const Errc code = acct::admits(*books, *info.config, job.assoc, job.qos); code != Errc::success)
    return code == Errc::invalid_account ? JobReason::account : JobReason::qos;
  return JobReason::none;
}

}  // namespace flurm::sched
