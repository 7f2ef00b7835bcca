// sched/preemption.cpp — see preemption.hpp.
#include "sched/preemption.hpp"

#include <algorithm>
#include <map>

#include "acct/preemption.hpp"

namespace flurm::sched {
namespace {

namespace mode = model::preempt_mode;

constexpr std::uint32_t kCompletes = kInfinite32;
/// A job that goes and has not gone so long after KillWait may never go: others are preempted in its stead.
constexpr std::int64_t kPatienceS = 60;

/// The least number from 1 to `most` for which the test holds, which holds for all greater ones too; it is the last one
/// tested.
template <class Test>
std::optional<std::size_t> least(std::size_t most, Test test) {
  if (most == 0 || !test(most)) return std::nullopt;
  std::size_t low = 1, high = most;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (test(middle))
      high = middle;
    else
      low = middle + 1;
  }
  if (!test(high)) return std::nullopt;
  return high;
}

}  // namespace

Preemption::Preemption(const View& view, const Inventory& inventory, const model::PriorityScale* scale, TimeS now)
    : view_(view),
      inventory_(inventory),
      cluster_(inventory.cluster()),
      scale_(scale),
      now_(now),
      books_(view.books ? view.books : std::make_shared<const acct::Books>()),
      future_(inventory.usage()) {
  Bitmap nodes(cluster_.size());
  view.active.for_each([&](std::uint64_t id, const auto& job) {
    if (!leaves(*job)) return true;
    gone_.insert(static_cast<std::uint32_t>(id));
    for (const Share& share : inventory_.holding(job->id).shares) nodes.set(share.node);
    return true;
  });
  recount(future_, nodes, gone_, {});
}

bool Preemption::leaves(const model::Job& job) const {
  if (!job.state.completing() && !job.preempt_time) return false;
  return now_ - job.end_time < view_.settings.kill_wait_s + kPatienceS;
}

const model::Partition* Preemption::partition_of(const model::Job& job) const {
  const std::size_t index = cluster_.partition_index(job.partition);
  return index < cluster_.partitions().size() ? cluster_.partitions()[index].config.get() : nullptr;
}

/// Where QOS preempt, a job takes the turn of the first one that it may preempt, or that such a one may, and so on.
std::vector<const QueueEntry*> Preemption::order(const Queue& queue) const {
  if (view_.settings.preempt.by != model::PreemptRule::By::qos) return {};
  const auto& entries = queue.entries();
  const auto qos_of = [&](const QueueEntry& entry) { return queue.jobs()[entry.job].job->qos; };
  std::map<std::uint32_t, std::size_t> first;  // of each QOS
  for (std::size_t i = 0; i < entries.size(); ++i) first.try_emplace(qos_of(entries[i]), i);
  struct Turn {
    std::size_t at;
    std::uint32_t below;  // how many QOS stand below
  };
  std::map<std::uint32_t, Turn> turns;
  const auto turn_of = [&](auto&& self, std::uint32_t id) -> Turn {
    if (const auto known = turns.find(id); known != turns.end()) return known->second;
    Turn turn{entries.size(), 0};
    if (const acct::Qos* qos = books_->qos.find_live(id))
      for (std::uint32_t each : qos->preempt) {
        if (each == id) continue;
        const Turn under = self(self, each);
        const auto own = first.find(each);
        turn.at = std::min({turn.at, under.at, own == first.end() ? turn.at : own->second});
        turn.below = std::max(turn.below, under.below + 1);
      }
    return turns[id] = turn;
  };
  struct Placed {
    std::size_t at;
    std::uint32_t below;
    const QueueEntry* entry;
  };
  std::vector<Placed> placed;
  placed.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Turn turn = turn_of(turn_of, qos_of(entries[i]));
    placed.push_back({std::min(i, turn.at), turn.below, &entries[i]});
  }
  std::ranges::stable_sort(
      placed, [](const Placed& a, const Placed& b) { return a.at != b.at ? a.at < b.at : a.below > b.below; });
  std::vector<const QueueEntry*> out;
  out.reserve(placed.size());
  for (const Placed& each : placed) out.push_back(each.entry);
  return out;
}

void Preemption::add(const Holding& holding) {
  future_.add(holding);
  given_.push_back(holding);
}

bool Preemption::may_preempt(const QueueEntry& entry, const model::Job& job, const model::Job& running) const {
  const model::Partition* partition = partition_of(running);
  if (!partition || gone_.contains(running.id.v) || running.preempt_time) return false;
  if (!running.state.running() && !(running.state.suspended() && running.waits_turn)) return false;
  const model::PreemptRule& rule = view_.settings.preempt;
  const acct::Contender waiting{&job, cluster_.partitions()[entry.partition].config.get(), entry.priority};
  const acct::Contender other{&running, partition, model::priority_of(scale_, running, *partition)};
  return (borrows_from(entry, running) || acct::may_preempt(rule, *books_, waiting, other)) &&
         acct::preemptable_from(rule, *books_, running, *partition) <= now_;
}

bool Preemption::borrows_from(const QueueEntry& entry, const model::Job& running) const {
  return entry.reservation != kNoReservation && view_.reservations[entry.reservation]->lends_to(running);
}

std::vector<const model::Job*> Preemption::with_components(const model::Job& job) const {
  std::vector<const model::Job*> parts;
  if (!job.het) return {&job};
  for (JobId each : job.het->components)
    if (const model::Job* part = view_.active.find(each.v)) parts.push_back(part);
  return parts;
}

/// Of the components of a heterogeneous job the mildest way goes for all.
std::uint16_t Preemption::mode_of(const Candidate& candidate) const {
  std::uint16_t found = mode::off;
  for (const model::Job* part : candidate.parts) {
    const std::uint16_t own = acct::preempt_mode_of(view_.settings.preempt, *books_, *part, *partition_of(*part));
    if (own == mode::suspend || found == mode::off || (own == mode::requeue && found != mode::suspend)) found = own;
  }
  return found;
}

/// In the order in which they are to go.
std::vector<Preemption::Candidate> Preemption::candidates(const QueueEntry& entry, const model::Job& job) const {
  const model::PreemptRule& rule = view_.settings.preempt;
  const Bitmap& wanted = cluster_.partitions()[entry.partition].nodes;
  std::vector<Candidate> out;
  view_.active.for_each([&](std::uint64_t, const auto& running) {
    if (running->het && running->het->offset != 0) return true;
    Candidate candidate{.parts = with_components(*running), .nodes = Bitmap(cluster_.size())};
    for (const model::Job* part : candidate.parts) {
      if (!may_preempt(entry, job, *part)) return true;
      for (const Share& share : inventory_.holding(part->id).shares) candidate.nodes.set(share.node);
    }
    if (!candidate.nodes.intersects(wanted)) return true;
    candidate.mode = mode_of(candidate);
    if (candidate.mode == mode::off) return true;
    candidate.order = acct::preempt_order(rule, *books_, *running, *partition_of(*running));
    out.push_back(std::move(candidate));
    return true;
  });
  const auto before = [&](const Candidate& a, const Candidate& b) {
    if (rule.youngest_first) return a.parts.front()->start_time > b.parts.front()->start_time;
    return a.order < b.order;
  };
  std::ranges::stable_sort(out, before);
  return out;
}

void Preemption::add_parts(const Candidate& candidate, Ids& ids, Bitmap& nodes) const {
  for (const model::Job* part : candidate.parts) ids.insert(part->id.v);
  nodes |= candidate.nodes;
}

void Preemption::recount(Usage& usage, const Bitmap& nodes, const Ids& gone, const Ids& aside) const {
  if (nodes.none()) return;
  const auto standing_aside = [](Holding holding) {
    for (Share& share : holding.shares) std::ranges::fill(share.cores, 0);
    return holding;
  };
  nodes.for_each([&](std::size_t i) {
    const auto node = static_cast<NodeIndex>(i);
    usage.clear(node);
    inventory_.for_each_on(node, [&](JobId id, const Holding& holding, const Share& share) {
      if (gone.contains(id.v)) return;
      if (!aside.contains(id.v)) return usage.add_to_node(holding, share);
      Share without = share;
      std::ranges::fill(without.cores, 0);
      usage.add_to_node(holding, without);
    });
    for (const Holding& holding : given_)
      for (const Share& share : holding.shares)
        if (share.node == node) usage.add_to_node(holding, share);
  });
  if (!usage.counts_partitions()) return;
  usage.clear_partitions();
  inventory_.for_each_held([&](JobId id, const Holding& holding) {
    if (!gone.contains(id.v)) usage.add_to_partition(aside.contains(id.v) ? standing_aside(holding) : holding);
  });
  for (const Holding& holding : given_) usage.add_to_partition(holding);
}

Bitmap Preemption::nodes_of(const Holding& holding) const {
  Bitmap nodes(cluster_.size());
  for (const Share& share : holding.shares) nodes.set(share.node);
  return nodes;
}

/// Jobs that would be suspended leave their cores, but not their memory.
std::optional<Preemption::Way> Preemption::find_by_suspending(const std::vector<Candidate>& candidates,
                                                              const Fits& fits) const {
  Usage now = inventory_.usage();
  for (const Holding& holding : given_) now.add(holding);
  Way way{.holding = {}, .jobs = {}, .free_at = now_, .at_once = true};
  const auto fits_over = [&](std::size_t count) {
    Usage usage = now;
    Ids aside;
    Bitmap nodes(cluster_.size());
    for (std::size_t i = 0; i < count; ++i) add_parts(candidates[i], aside, nodes);
    recount(usage, nodes, {}, aside);
    return fits(usage, way.holding);
  };
  return least(candidates.size(), fits_over) ? std::optional(std::move(way)) : std::nullopt;
}

std::optional<std::size_t> Preemption::free_in_order(const std::vector<Candidate>& candidates, const Usage& from,
                                                     const Ids& aside, const Fits& fits, Holding& holding) const {
  return least(candidates.size(), [&](std::size_t count) {
    Usage usage = from;
    Ids gone = gone_;
    Bitmap nodes(cluster_.size());
    for (std::size_t i = 0; i < count; ++i) add_parts(candidates[i], gone, nodes);
    recount(usage, nodes, gone, aside);
    return fits(usage, holding);
  });
}

/// Who completes a place goes first in the next round, which may then do with fewer. Slurm orders the others by how
/// many of their nodes the place has, so that those go first which are of use.
std::optional<Preemption::Way> Preemption::find_by_ending(std::vector<Candidate> those, const Usage& from,
                                                          const Ids& aside, const Fits& fits) const {
  const model::PreemptRule& rule = view_.settings.preempt;
  Way way;
  std::size_t count = 0;
  for (std::uint32_t round = 0;; ++round) {
    const auto found = free_in_order(those, from, aside, fits, way.holding);
    if (!found) return std::nullopt;
    count = *found;
    if (round > rule.reorder_count || those.size() <= round + 1) break;
    const auto last = those.begin() + static_cast<std::ptrdiff_t>(count) - 1;
    if (rule.strict_order) {
      std::rotate(those.begin(), last, last + 1);
      continue;
    }
    const Bitmap place = nodes_of(way.holding);
    for (Candidate& each : those) each.overlap = 0;
    for (auto each = those.begin(); each != last; ++each)
      each->overlap = static_cast<std::uint32_t>(each->nodes.count_and(place));
    last->overlap = kCompletes;
    std::ranges::stable_sort(those, std::ranges::greater{}, &Candidate::overlap);
  }
  const Bitmap place = nodes_of(way.holding);
  for (std::size_t i = 0; i < count; ++i)
    if (those[i].nodes.intersects(place)) way.jobs.push_back(those[i].parts.front()->id);
  return way;
}

std::optional<Preemption::Way> Preemption::find(const QueueEntry& entry, const model::Job& job,
                                                const Fits& fits) const {
  std::vector<Candidate> to_suspend, to_end;
  for (Candidate& each : candidates(entry, job)) {
    if (each.mode != mode::suspend)
      to_end.push_back(std::move(each));
    else if (view_.settings.preempt.gang())
      to_suspend.push_back(std::move(each));
  }
  if (auto way = find_by_suspending(to_suspend, fits)) return way;
  std::optional<Way> way;
  if (Way waiting; !gone_.empty() && fits(future_, waiting.holding)) way = std::move(waiting);
  if (!way) {
    Usage from = future_;
    Ids aside;
    Bitmap nodes(cluster_.size());
    for (const Candidate& each : to_suspend) add_parts(each, aside, nodes);
    recount(from, nodes, gone_, aside);
    way = find_by_ending(std::move(to_end), from, aside, fits);
  }
  if (way) way->free_at = free_at(entry, *way);
  return way;
}

/// When the last one has gone that is on these nodes, as far as anybody knows.
TimeS Preemption::free_at(const QueueEntry& entry, const Way& way) const {
  const TimeS soon{(now_.v / 60 + 1) * 60};  // so that plans stay as they are for a while
  TimeS at = soon;
  nodes_of(way.holding).for_each([&](std::size_t node) {
    inventory_.for_each_on(static_cast<NodeIndex>(node), [&](JobId id, const Holding&, const Share&) {
      if (gone_.contains(id.v)) at = std::max(at, inventory_.held_until(id));
    });
  });
  for (JobId id : way.jobs) {
    const model::Job& job = *view_.active.find(id.v);
    const std::uint32_t grace_s = borrows_from(entry, job)
                                      ? job.request->warn_time
                                      : acct::preempt_grace_s(view_.settings.preempt, *books_, job, *partition_of(job));
    at = std::max(at, now_ + grace_s);
  }
  return at;
}

void Preemption::take(const Way& way) {
  Bitmap nodes(cluster_.size());
  for (JobId id : way.jobs)
    for (const model::Job* part : with_components(*view_.active.find(id.v))) {
      gone_.insert(part->id.v);
      for (const Share& share : inventory_.holding(part->id).shares) nodes.set(share.node);
    }
  recount(future_, nodes, gone_, {});
}

}  // namespace flurm::sched
