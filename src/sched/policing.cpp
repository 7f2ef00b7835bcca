// sched/policing.cpp — see policing.hpp.
#include "sched/policing.hpp"

#include <algorithm>

#include "acct/claim.hpp"

namespace flurm::sched {

using model::JobReason;
namespace enforce = model::enforce_flag;

namespace {

bool has_threshold(const acct::Qos& qos) {
  return !qos.deleted && (qos.flags & acct::qos_flag::enforce_usage_thres) && qos.usage_thres != acct::Qos::kNoFactor;
}

}  // namespace

Policing::Policing(const View& view, const Cluster& cluster, TimeS now) : cluster_(cluster) {
  const model::Settings& settings = view.settings;
  if (!view.books || !(settings.enforce & (enforce::assocs | enforce::limits))) return;
  books_ = view.books;
  priority_flags_ = settings.priority.flags;
  needs_qos_ = settings.enforce & enforce::qos;
  if (std::ranges::any_of(books_->qos.rows(), [](const auto& row) { return has_threshold(*row.second); }))
    shares_ = acct::fair_shares(*books_, view.assoc_usage, settings.priority);
  if (!(settings.enforce & enforce::limits)) return;
  for (const PartitionInfo& info : cluster.partitions())
    partition_qos_.push_back(acct::partition_qos(*books_, info.config.get()));
  policy_.emplace(books_, view.assoc_usage, view.qos_usage, settings.enforce & enforce::safe);
  const auto partition_named = [&](std::string_view name) -> const model::Partition* {
    const std::size_t index = cluster.partition_index(name);
    return index < cluster.partitions().size() ? cluster.partitions()[index].config.get() : nullptr;
  };
  acct::begin_active(*policy_, *books_, view.active, settings, now, partition_named);
}

bool Policing::uses_too_much(const model::Job& job) const {
  const acct::Qos* qos = shares_.empty() ? nullptr : books_->qos.find_live(job.qos);
  if (!qos || !has_threshold(*qos)) return false;
  const auto share = shares_.find(job.assoc);
  return share != shares_.end() && share->second.factor < qos->usage_thres;
}

JobReason Policing::before(const model::Job& job, std::size_t partition) {
  if (!books_) return JobReason::none;
  if (!books_->assocs().find_live(job.assoc)) return JobReason::invalid_account;
  if (needs_qos_ && !books_->qos.find_live(job.qos)) return JobReason::invalid_qos;
  if (uses_too_much(job)) return JobReason::qos_usage_threshold;
  if (!policy_) return JobReason::none;
  if (known_at_ != policy_->version()) {
    known_.clear();
    known_at_ = policy_->version();
  }
  const std::uint32_t partition_qos = partition_qos_[partition];
  const Key key{job.assoc, job.qos, partition_qos, job.request->user_id, job.time_limit};
  const auto [at, added] = known_.try_emplace(key);
  if (added) at->second = static_cast<JobReason>(policy_->before(acct::claimant(job, partition_qos)));
  return at->second;
}

acct::Claimant Policing::claim_of(const model::Job& job, std::size_t partition, const Holding& holding) const {
  const model::Partition& config = *cluster_.partitions()[partition].config;
  acct::Claimant claim = acct::claimant(job, partition_qos_[partition]);
  claim.time_limit = model::time_limit_in(job, config);
  acct::Amounts amounts{.nodes = holding.shares.size(), .gres = {}, .licenses = job.request->licenses};
  for (const Share& share : holding.shares) {
    amounts.cpus += share.cpus;
    amounts.memory_mib += share.memory_mib;
    for (const model::GresShare& gres : share.gres) amounts.gres.push_back({gres.name, gres.type, gres.count});
    claim.nodes.push_back(cluster_.node(share.node).id);
  }
  claim.tres = acct::count_tres(*books_, amounts, &config, priority_flags_);
  return claim;
}

JobReason Policing::after(const model::Job& job, std::size_t partition, const Holding& holding) {
  if (!policy_) return JobReason::none;
  return static_cast<JobReason>(policy_->after(claim_of(job, partition, holding)));
}

std::uint64_t Policing::nodes_at_most(const model::Job& job, std::size_t partition) const {
  return policy_ ? policy_->nodes_at_most(acct::claimant(job, partition_qos_[partition])) : kInfinite64;
}

bool Policing::reserves_nothing(const model::Job& job) const {
  return books_ && (acct::qos_flags(*books_, job.qos) & acct::qos_flag::no_reserve);
}

bool Policing::too_low_to_reserve(const model::Job& job, std::size_t partition, std::uint32_t priority) const {
  return policy_ && priority < policy_->least_priority_that_reserves(acct::claimant(job, partition_qos_[partition]));
}

void Policing::begin(const model::Job& job, std::size_t partition, const Holding& holding) {
  if (policy_) policy_->begin(claim_of(job, partition, holding));
}

}  // namespace flurm::sched
