// acct/preemption.cpp — see preemption.hpp.
#include "acct/preemption.hpp"

#include <algorithm>

#include "acct/claim.hpp"
#include "acct/policy.hpp"

namespace flurm::acct {
namespace {

using model::PreemptRule;
namespace mode = model::preempt_mode;

const Qos* qos_of(const Books& books, const model::Job& job) { return books.qos.find_live(job.qos); }

/// Of the longest chain of QOS in which each preempts the next. The books have no circles of them.
std::uint32_t qos_below(const Books& books, const Qos& qos) {
  std::uint32_t most = 0;
  for (std::uint32_t id : qos.preempt)
    if (const Qos* below = id == qos.id ? nullptr : books.qos.find_live(id))
      most = std::max(most, qos_below(books, *below) + 1);
  return most;
}

}  // namespace

bool may_preempt(const PreemptRule& rule, const Books& books, const Contender& waiting, const Contender& running) {
  if (!rule.enabled()) return false;
  if (rule.by == PreemptRule::By::partition)
    return waiting.partition->priority_tier > running.partition->priority_tier &&
           running.partition->preempt_mode != mode::off;
  const Qos *own = qos_of(books, *waiting.job), *other = qos_of(books, *running.job);
  if (!own || !other) return false;
  if (own->id == other->id)
    return (own->preempt_mode | rule.mode) & mode::within && waiting.priority > running.priority;
  return own->preempt.contains(other->id);
}

std::uint16_t preempt_mode_of(const PreemptRule& rule, const Books& books, const model::Job& job,
                              const model::Partition& partition) {
  std::uint16_t own = rule.mode;
  if (rule.by == PreemptRule::By::partition && partition.preempt_mode != kNoVal16) own = partition.preempt_mode;
  if (rule.by == PreemptRule::By::qos)
    if (const Qos* qos = qos_of(books, job); qos && qos->preempt_mode != mode::off) own = qos->preempt_mode;
  return static_cast<std::uint16_t>(own & ~(mode::gang | mode::within));
}

std::uint32_t preempt_grace_s(const PreemptRule& rule, const Books& books, const model::Job& job,
                              const model::Partition& partition) {
  if (rule.by == PreemptRule::By::partition) return partition.grace_time;
  const Qos* qos = qos_of(books, job);
  return qos ? qos->grace_time : 0;
}

TimeS preemptable_from(const PreemptRule& rule, const Books& books, const model::Job& job,
                       const model::Partition& partition) {
  const Qos* own = qos_of(books, job);
  const Qos* of_partition = books.qos.find_live(partition_qos(books, &partition));
  const Qos* first = of_partition;
  const Qos* second = own;
  if (!first || (own && own->flags & qos_flag::over_part_qos)) std::swap(first, second);
  for (const Qos* qos : {first, second})
    if (qos && qos->preempt_exempt_time != kInfinite32) return job.start_time + qos->preempt_exempt_time;
  return rule.exempt_s == kInfinite32 ? job.start_time : job.start_time + rule.exempt_s;
}

std::uint32_t preempt_order(const PreemptRule& rule, const Books& books, const model::Job& job,
                            const model::Partition& partition) {
  std::uint32_t first = 0;
  if (rule.by == PreemptRule::By::partition) {
    first = partition.priority_tier;
  } else if (const Qos* qos = qos_of(books, job)) {
    first = std::min<std::uint32_t>(qos->priority, 0xffff);
  }
  const std::size_t nodes = job.allocation ? job.allocation->shares.size() : 0;
  return first << 16 | static_cast<std::uint32_t>(std::min<std::size_t>(nodes, 0xffff));
}

std::uint32_t preempt_tier(const PreemptRule& rule, const Books& books, const model::Job& job,
                           const model::Partition& partition) {
  if (rule.by != PreemptRule::By::qos) return partition.priority_tier;
  const Qos* qos = qos_of(books, job);
  return qos ? qos_below(books, *qos) : 0;
}

}  // namespace flurm::acct
