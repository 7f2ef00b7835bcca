// sched/policing.hpp — the limits of accounting within one scheduling pass: what runs, and what the pass has started,
// against associations and QOS.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "acct/fair_share.hpp"
#include "acct/policy.hpp"
#include "sched/cluster.hpp"
#include "sched/plan.hpp"

namespace flurm::sched {

class Policing {
 public:
  /// Where AccountingStorageEnforce does not ask for associations nothing is ever in the way. `cluster` must outlive
  /// it.
  Policing(const View& view, const Cluster& cluster, TimeS now);

  /// Why the job may not start there now, whatever it would get; none when it may.
  model::JobReason before(const model::Job& job, std::size_t partition);
  /// The same with what it would get.
  model::JobReason after(const model::Job& job, std::size_t partition, const Holding& holding);
  /// No more nodes than these where it may do with fewer.
  std::uint64_t nodes_at_most(const model::Job& job, std::size_t partition) const;
  /// The job's QOS has no time reserved for it by backfill (NoReserve).
  bool reserves_nothing(const model::Job& job) const;
  /// So little that neither has backfill, and nobody waits behind it (MinPrioThreshold of QOS and associations).
  bool too_low_to_reserve(const model::Job& job, std::size_t partition, std::uint32_t priority) const;
  /// It starts.
  void begin(const model::Job& job, std::size_t partition, const Holding& holding);

 private:
  /// Its association's fair share is below what its QOS asks for (UsageThreshold with EnforceUsageThreshold).
  bool uses_too_much(const model::Job& job) const;
  acct::Claimant claim_of(const model::Job& job, std::size_t partition, const Holding& holding) const;

  const Cluster& cluster_;
  std::shared_ptr<const acct::Books> books_;  // null: nothing is enforced
  std::uint16_t priority_flags_ = 0;
  bool needs_qos_ = false;
  std::map<std::uint32_t, acct::FairShare> shares_;  // by association, where a QOS has a threshold of usage
  std::optional<acct::Policy> policy_;        // where limits are enforced
  std::vector<std::uint32_t> partition_qos_;  // by partition

  // Jobs of one user often come in rows: their answers, as long as nothing starts.
  using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;
  std::map<Key, model::JobReason> known_;
  std::uint64_t known_at_ = 0;
};

}  // namespace flurm::sched
