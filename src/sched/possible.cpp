// sched/possible.cpp — the tests that a request must pass at submission.
#include "sched/possible.hpp"

#include <algorithm>

namespace flurm::sched {
namespace {

bool given(std::uint32_t value) { return value != kNoVal32; }

/// Requests that the partition's limits forbid. Source: slurm 22.05 src/slurmctld/job_mgr.c _part_access_check().
Result<void> check_limits(const model::JobRequest& r, const PartitionInfo& info, const Cluster& cluster) {
  const model::Partition& partition = *info.config;
  const bool open = partition.state_up & model::partition_state::sched;
  const std::uint64_t cpus = info.total_cpus;
  const std::uint64_t nodes = info.nodes.count();
  if (open && given(r.min_cpus)) {
    const bool limited = partition.max_cpus_per_node != kInfinite32;
    if (r.min_cpus > cpus || (limited && r.min_cpus > partition.max_cpus_per_node * nodes))
      return fail(Errc::too_many_requested_cpus, "{} CPUs of partition {}'s {}", r.min_cpus, partition.name, cpus);
  }
  if (open && given(r.min_nodes) && r.min_nodes > nodes)
    return fail(Errc::invalid_node_count, "{} nodes of partition {}'s {}", r.min_nodes, partition.name, nodes);
  if (!r.req_nodes.empty()) {
    FLURM_TRY(const Bitmap required, cluster.nodes_of(r.req_nodes));
    if (!required.subset_of(info.nodes))
      return fail(Errc::requested_nodes_not_in_partition, "nodes {} in partition {}", r.req_nodes, partition.name);
  }
  if (!open) return {};
  if (given(r.max_nodes) && r.max_nodes != 0 &&
      (r.max_nodes > partition.max_nodes || r.max_nodes < partition.min_nodes))
    return fail(Errc::invalid_node_count, "at most {} nodes in partition {}", r.max_nodes, partition.name);
  if (given(r.min_nodes) && r.min_nodes > partition.max_nodes)
    return fail(Errc::invalid_node_count, "{} nodes in partition {}", r.min_nodes, partition.name);
  if (given(r.time_limit) && r.time_limit > partition.max_time && !given(r.time_min))
    return fail(Errc::invalid_time_limit, "{} minutes in partition {}", r.time_limit, partition.name);
  if (given(r.time_min) && r.time_min > partition.max_time)
    return fail(Errc::invalid_time_min_limit, "{} minutes in partition {}", r.time_min, partition.name);
  return {};
}

/// MaxMemPerNode. (MaxMemPerCPU never refuses: it raises the job's CPUs.)
Result<void> check_memory(const model::JobRequest& r, const PartitionInfo& info, const Cluster& cluster,
                          const model::Settings& settings) {
  const std::uint64_t limit = info.config->max_mem_per_cpu ? info.config->max_mem_per_cpu : settings.max_mem_per_cpu;
  if (r.pn_min_memory == kNoVal64 || limit == 0 || (limit & model::kMemoryPerCpu)) return {};
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
  if (memory > limit) return fail(Errc::invalid_task_memory, "{} MiB on a node, limit {}", memory, limit);
  return {};
}

Result<void> check_names(const model::JobRequest& r, const Cluster& cluster) {
  if (!r.req_nodes.empty()) {
    FLURM_TRY(const Bitmap required, cluster.nodes_of(r.req_nodes));
    if (given(r.max_nodes) && r.max_nodes != 0 && required.count() > r.max_nodes)
      return fail(Errc::invalid_node_count, "{} nodes required, at most {} wanted", required.count(), r.max_nodes);
    if (!r.exc_nodes.empty()) {
      FLURM_TRY(const Bitmap excluded, cluster.nodes_of(r.exc_nodes));
      if (excluded.intersects(required)) return fail(Errc::invalid_node_name, "nodes both required and excluded");
    }
  }
  if (!r.features.empty()) {
    FLURM_TRY(const Constraint constraint, Constraint::parse(r.features));
    for (const std::string& name : constraint.names())
      if (!cluster.has_feature(name)) return fail(Errc::invalid_feature, "no node has feature {}", name);
  }
  return {};
}

Result<void> check_licenses(const model::JobRequest& r, const model::Settings& settings) {
  if (r.licenses.empty()) return {};
  FLURM_TRY(const auto asked, parse_licenses(r.licenses));
  FLURM_TRY(const auto configured, parse_licenses(settings.licenses));
  for (const auto& [name, count] : asked) {
    const auto found = std::ranges::find(configured, name, [](const auto& license) { return license.first; });
    if (found == configured.end() || found->second < count)
      return fail(Errc::invalid_licenses, "{} licenses {}", count, name);
  }
  return {};
}

}  // namespace

Result<void> possible(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                      const model::Settings& settings, Placer& placer) {
  const PartitionInfo& info = cluster.partitions()[partition];
  if (request.min_nodes == 0) return fail(Errc::invalid_node_count, "a job without nodes");
  if (auto names = check_names(request, cluster); !names) return names;
  if (settings.enforce_part_limits != 0) {
    if (auto limits = check_limits(request, info, cluster); !limits) return limits;
    if (auto memory = check_memory(request, info, cluster, settings); !memory) return memory;
  }
  if (auto licenses = check_licenses(request, settings); !licenses) return licenses;

  FLURM_TRY(const Shape shape, make_shape(request, partition, cluster, settings));
  if (shape.demand.max_nodes < shape.demand.min_nodes) return {};  // waits for the partition's limits to change
  const bool misplaced = shape.required.size() != 0 && !shape.required.subset_of(shape.nodes);
  if (misplaced || !placer.possible(shape, shape.nodes))
    return fail(Errc::requested_node_config_unavailable, "partition {}", info.config->name);
  return {};
}

}  // namespace flurm::sched
