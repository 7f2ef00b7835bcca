// sched/limits.hpp — what a partition's configuration forbids: a refusal at submission or a reason to wait, as
// EnforcePartLimits has it.
#pragma once
#include "acct/books.hpp"
#include "sched/cluster.hpp"

namespace flurm::sched {

/// The code of the first limit that the request breaks, success when it breaks none. `time_limit` is the job's, in
/// minutes, NO_VAL while nobody has set one. `qos_flags`: of its QOS, PartitionTimeLimit and the like free it of
/// limits. Nothing is asked of a partition that starts no jobs at present. Source: slurm 22.05 src/slurmctld/job_mgr.c
/// _part_access_check().
Errc broken_limit(const model::JobRequest& request, std::uint32_t time_limit, const PartitionInfo& info,
                  std::uint32_t qos_flags = 0);

/// MaxMemPerNode holds. (MaxMemPerCPU never refuses: it raises the job's CPUs.)
bool within_memory_limit(const model::JobRequest& request, const PartitionInfo& info, const Cluster& cluster,
                         const model::Settings& settings);

/// All of the above, and that the nodes asked for by name are the partition's. Errors: what broken_limit() gives,
/// requested_nodes_not_in_partition, invalid_task_memory, invalid_node_name.
Result<void> within_limits(const model::JobRequest& request, const PartitionInfo& info, const Cluster& cluster,
                           const model::Settings& settings, std::uint32_t qos_flags = 0);

/// Why the job has to wait for the partition's configuration to change; none when it need not.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c job_limits_check().
model::JobReason partition_reason(const model::Job& job, const PartitionInfo& info, const Cluster& cluster,
                                  const model::Settings& settings, const acct::Books* books = nullptr);

}  // namespace flurm::sched
