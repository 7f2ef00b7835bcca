// acct/claim.hpp — what a job asks for and what it holds, counted by the TRES of the books.
#pragma once
#include <span>
#include <string_view>

#include "acct/policy.hpp"
#include "base/result.hpp"
#include "model/job.hpp"
#include "model/partition.hpp"

namespace flurm::acct {

/// Resources in plain numbers.
struct Amounts {
  std::uint64_t cpus = 0, memory_mib = 0, nodes = 0;
  std::vector<model::GresCount> gres;
  std::string_view licenses;  ///< "a:2,b"
};

/// Counts by TRES id, with what the partition bills for them (TRESBillingWeights; its CPUs, where it has no weights).
/// Generic resources and licenses count where the books have a TRES for them. `priority_flags`: PriorityFlags.
TresCounts count_tres(const Books& books, const Amounts& amounts, const model::Partition* partition,
                      std::uint16_t priority_flags);

/// What the job holds, or if it has nothing yet, asks for.
TresCounts job_tres(const Books& books, const model::Job& job, const model::Settings& settings,
                    const model::Partition* partition);
TresCounts requested_tres(const Books& books, const model::JobRequest& request, const model::Settings& settings,
                          const model::Partition* partition);

/// The id of the partition's QOS; 0: it has none.
std::uint32_t partition_qos(const Books& books, const model::Partition* partition);

/// Whether the partition lets the account and the QOS in (AllowAccounts, DenyAccounts, AllowQos, DenyQos), which are
/// those of the association and QOS of these ids. An account is known only with accounting. Returns success,
/// invalid_account or invalid_qos. Source: slurm 22.05 src/slurmctld/partition_mgr.c part_policy_valid_acct(),
/// part_policy_valid_qos().
Errc admits(const Books& books, const model::Partition& partition, std::uint32_t assoc, std::uint32_t qos);

/// The same as a sentence, as Slurm says it; empty when it lets them in.
std::string why_not_admitted(const Books& books, const model::Partition& partition, std::uint32_t assoc,
                             std::uint32_t qos);

/// Flags of the QOS that let its jobs go beyond a partition's limits; `id` 0: none.
std::uint32_t qos_flags(const Books& books, std::uint32_t id);

/// The job as limits see it, without its TRES.
Claimant claimant(const model::Job& job, std::uint32_t partition_qos);
/// A job that holds nodes, with them and what it holds of them.
Claimant holder(const Books& books, const model::Job& job, const model::Settings& settings,
                const model::Partition* partition);

/// What runs, as limits count it. `partition_named`: look-up by name, null for none.
template <class PartitionNamed>
void begin_active(Policy& policy, const Books& books, const PersistentMap<model::Job>& active,
                  const model::Settings& settings, TimeS now, PartitionNamed&& partition_named) {
  active.for_each([&](std::uint64_t, const auto& job) {
    if (!job->state.running() && !job->state.suspended()) return true;
    const model::Partition* partition = partition_named(job->partition);
    const std::int64_t limit_s =
        job->time_limit == kInfinite32 || job->time_limit == kNoVal32
            ? -1
            : std::max<std::int64_t>(0, std::int64_t{job->time_limit} * 60 - job->run_time(now));
    policy.begin(holder(books, *job, settings, partition), limit_s);
    return true;
  });
}

}  // namespace flurm::acct
