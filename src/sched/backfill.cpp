// sched/backfill.cpp — search for the earliest slot.
#include "sched/backfill.hpp"

#include <algorithm>

namespace flurm::sched {
namespace {

NodeNeed least_need(const Demand& d, const NodeInfo& node) {
  NodeNeed need;
  const std::uint32_t per_core = cpus_per_core(d, node);
  std::uint32_t cpus = std::max<std::uint32_t>(d.cpus_per_node, std::uint32_t{d.tasks_per_node} * d.cpus_per_task);
  if (d.asked_max_nodes == 1 && !d.overcommit) cpus = std::max({cpus, d.min_cpus, d.tasks * d.cpus_per_task});
  need.cores = std::max((cpus + per_core - 1) / per_core, 1u);
  if (d.whole_node) need.cores = 1;  // idle nodes have them all
  if (d.counts_memory) need.memory_mib = d.memory_per_cpu ? d.memory_mib * cpus : d.memory_mib;
  need.idle = d.whole_node || d.idle_nodes_only || d.sharing == Sharing::exclusive;
  return need;
}

}  // namespace

bool Backfill::place_at(const Shape& shape, std::uint32_t user, const Bitmap& nodes, TimeS start,
                        std::int64_t duration_s, Holding& holding) {
  // What jobs of one partition share, or may use together, is known for the present only: where nothing is planned.
  const bool beside_own =
      shape.demand.sharing == Sharing::row || shape.demand.partition_cpus_per_node_max != kInfinite32;
  if (beside_own && start == now_) {
    Bitmap unplanned = nodes;
    nodes.for_each([&](std::size_t i) {
      if (profile_.reserved(static_cast<NodeIndex>(i), start, start + duration_s)) unplanned.clear(i);
    });
    return placer_.fits(shape, user, usage_, unplanned, holding);
  }
  nodes.for_each(
      [&](std::size_t i) { profile_.fill(window_usage_, static_cast<NodeIndex>(i), start, start + duration_s); });
  return placer_.fits(shape, user, window_usage_, nodes, holding);
}

/// When the node has room and no reservation bars it.
TimeS Backfill::ready_at(const Claim& claim, NodeIndex node, const NodeNeed& need, TimeS from,
                         std::int64_t duration_s) const {
  TimeS ready = profile_.earliest(node, need, from, duration_s);
  if (reservations_.empty()) return ready;
  while (ready < kNever) {
    const TimeS open = reservations_.node_open(claim, node, ready, duration_s);
    if (open == ready) break;
    ready = profile_.earliest(node, need, open, duration_s);
  }
  return ready;
}

std::optional<Backfill::Slot> Backfill::find(const Claim& claim, std::int64_t duration_s, bool now_only) {
  const Shape& shape = *claim.shape;
  const std::uint32_t user = claim.request->user_id;
  const Demand& d = shape.demand;
  Bitmap usable = shape.nodes & usable_;
  if (claim.without) usable.and_not(*claim.without);
  if (d.max_nodes < d.min_nodes || usable.count() < d.min_nodes || d.min_nodes == 0) return std::nullopt;
  const std::uint32_t warning = std::uint32_t{claim.request->warn_flags} << 16 | claim.request->warn_time;
  const SearchKey key{&shape, duration_s, claim.own, reservations_.empty() ? 0 : warning};
  const bool same_for_all = !d.same_user_only && !usage_.has_owner() && !claim.without;
  TimeS from = now_;
  if (const auto before = searched_.find(key); before != searched_.end() && same_for_all) from = before->second;

  std::vector<NodeNeed> needs;
  for (NodeIndex node : cluster_.kinds()) needs.push_back(least_need(d, cluster_.node(node)));
  const TimeS limit = now_ + window_s_;
  Slot slot;
  Bitmap fit(cluster_.size());
  for (std::int64_t jump_s = 0; from < limit;) {
    if (now_only && from != now_) break;
    Leave leave;
    if (!reservations_.empty()) {
      leave = reservations_.leave(claim, from, from + duration_s);
      if (leave.closed != Leave::Closed::no) {
        if (leave.closed == Leave::Closed::ended) break;
        const TimeS open = leave.until > from ? leave.until : reservations_.next_end(from);
        from = std::max(open, from + 1);
        continue;
      }
    }
    fit.clear_all();
    ready_.clear();
    usable.for_each([&](std::size_t i) {
      const auto node = static_cast<NodeIndex>(i);
      if (claim.own != kNoReservation && !leave.nodes.test(i)) {
        ready_.push_back({kNever, cluster_.node(node).cpus});
        return;
      }
      const bool may_share = d.sharing == Sharing::row && from == now_;
      const NodeNeed& need = needs[cluster_.node(node).kind];
      TimeS ready = may_share ? from : ready_at(claim, node, need, from, duration_s);
      if (may_share && leave.key != 0 && !leave.nodes.test(i)) ready = reservations_.next_end(from);
      if (ready == from) fit.set(i);
      ready_.push_back({ready, cluster_.node(node).cpus});
    });
    if (const TimeS least = enough_ready(d); least > from) {
      from = least;
      continue;
    }
    slot.start = from;
    placer_.bar(leave.barred.get());
    const bool placed = place_at(shape, user, fit, from, duration_s, slot.holding);
    placer_.bar(nullptr);
    if (placed) {
      if (!claim.without) searched_[key] = from;
      return slot;
    }
    // A change at a time for the jobs at the head of the queue; in leaps when this has cost enough.
    if (exact_tries_left_ > 0)
      --exact_tries_left_;
    else
      jump_s = std::max<std::int64_t>(2 * jump_s, 30);
    const TimeS change = std::min(profile_.next_change(usable, from), reservations_.next_end(from));
    from = std::max(change, from + jump_s);
  }
  if (!claim.without) searched_[key] = std::max(from, now_ + 1);
  return std::nullopt;
}

void Backfill::take(const Slot& slot, std::int64_t duration_s) {
  const TimeS end = slot.start + duration_s;
  if (slot.start == now_) return profile_.hold(slot.holding, end);
  if (slot.holding.shares.size() == 1) return profile_.reserve(slot.holding, slot.start, end);
  Holding whole = slot.holding;
  whole.whole_node = true;
  for (Share& share : whole.shares) {
    const ConstCores cores = cluster_.cores(share.node);
    share.cores.assign(cores.begin(), cores.end());
  }
  profile_.reserve(whole, slot.start, end);
}

Bitmap Backfill::unplanned(std::int64_t duration_s) const {
  Bitmap nodes = usable_;
  usable_.for_each([&](std::size_t i) {
    if (profile_.reserved(static_cast<NodeIndex>(i), now_, now_ + duration_s)) nodes.clear(i);
  });
  return nodes;
}

/// Before that time there are too few nodes, or too few CPUs even if the nodes that have room were all free.
TimeS Backfill::enough_ready(const Demand& d) {
  const auto nth = ready_.begin() + (d.min_nodes - 1);
  std::ranges::nth_element(ready_, nth, {}, &Ready::at);
  TimeS least = nth->at;
  std::uint64_t cpus = 0;
  for (const Ready& node : ready_)
    if (node.at <= least) cpus += node.cpus;
  if (cpus >= d.min_cpus || d.overcommit) return least;
  std::ranges::sort(ready_, {}, &Ready::at);
  cpus = 0;
  for (const Ready& node : ready_) {
    cpus += node.cpus;
    if (cpus >= d.min_cpus) return std::max(least, node.at);
  }
  return kNever;
}

}  // namespace flurm::sched
