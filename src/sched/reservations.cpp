// sched/reservations.cpp — see reservations.hpp.
#include "sched/reservations.hpp"

#include <algorithm>

#include "sched/profile.hpp"

namespace flurm::sched {

namespace flag = model::resv_flag;

Reservations::Reservations(const std::vector<std::shared_ptr<const model::Reservation>>& all, const Cluster& cluster,
                           TimeS now)
    : cluster_(cluster) {
  for (const auto& config : all) {
    Reserved reserved{.config = config.get(),
                      .period = config->period(now),
                      .nodes = Bitmap(cluster.size()),
                      .cores = {},
                      .licenses = {}};
    if (!config->whole_nodes) reserved.cores.assign(cluster.size() * cluster.words(), 0);
    for (const model::ReservedNode& node : config->nodes) {
      const NodeIndex index = cluster.index_of(node.node);
      if (index == kNoNode) continue;
      reserved.nodes.set(index);
      for (std::size_t w = 0; !config->whole_nodes && w < std::min(node.cores.size(), cluster.words()); ++w)
        reserved.cores[index * cluster.words() + w] = node.cores[w];
    }
    if (auto licenses = parse_licenses(config->licenses)) reserved.licenses = std::move(*licenses);
    all_.push_back(std::move(reserved));
  }
}

ReservationIndex Reservations::find(std::string_view name) const {
  for (ReservationIndex i = 0; i < all_.size(); ++i)
    if (all_[i].config->name == name) return i;
  return kNoReservation;
}

bool Reservations::concerns(const Claim& claim, ReservationIndex index) const {
  const model::Reservation& other = *all_[index].config;
  if (index == claim.own || other.nodes.empty()) return false;
  if (claim.own != kNoReservation) return model::keeps_out(config(claim.own), other);
  return !other.tolerates(*claim.request);
}

/// All of its nodes are out of bounds, not only cores.
bool Reservations::whole_for(const Claim& claim, const Reserved& reserved) const {
  return reserved.config->whole_nodes || (claim.own == kNoReservation && claim.shape->demand.whole_node);
}

void Reservations::stay_inside(const Claim& claim, TimeS from, Leave& leave) {
  const Reserved& own = all_[claim.own];
  const model::Reservation& config = *own.config;
  if (!config.binds()) return;
  if (from < own.period.start || (config.nodes.empty() && !config.has(flag::any_nodes))) {
    leave.closed = Leave::Closed::later;
    leave.until = own.period.start;
  } else if (from > own.period.end) {
    leave.closed = Leave::Closed::ended;
  }
  if (!config.has(flag::any_nodes)) leave.nodes = own.nodes;
  if (leave.closed == Leave::Closed::no && claim.shape->required.size() != 0 &&
      !claim.shape->required.subset_of(leave.nodes))
    leave.closed = Leave::Closed::ended;
  if (own.cores.empty() || config.has(flag::any_nodes)) return;
  auto barred = std::make_shared<std::vector<Word>>(own.cores.size());
  for (std::size_t w = 0; w < own.cores.size(); ++w) (*barred)[w] = ~own.cores[w];
  leave.barred = std::move(barred);
}

Leave Reservations::leave(const Claim& claim, TimeS from, TimeS until) {
  Leave out;
  out.nodes = Bitmap(cluster_.size());
  out.nodes.set_all();
  std::vector<ReservationIndex> having_say;
  if (claim.own != kNoReservation) {
    stay_inside(claim, from, out);
    having_say.push_back(claim.own);
  }
  const Shape& shape = *claim.shape;
  const PartitionInfo& partition = cluster_.partitions()[shape.partition];
  std::shared_ptr<std::vector<Word>> barred;
  for (ReservationIndex i = 0; i < all_.size(); ++i) {
    const Reserved& other = all_[i];
    if (!concerns(claim, i) || !other.period.meets(from, until)) continue;
    const model::Reservation& config = *other.config;
    having_say.push_back(i);
    if (claim.own != kNoReservation) {
      if (out.nodes.intersects(other.nodes)) out.overlap = true;
      out.nodes.and_not(other.nodes);
      continue;
    }
    const bool all_of_partition = config.has(flag::all_nodes) ||
                                  (config.has(flag::part_nodes) && config.partition == partition.config->name) ||
                                  (config.has(flag::maint) && partition.nodes.subset_of(other.nodes));
    const bool required =
        shape.demand.whole_node && shape.required.size() != 0 && shape.required.intersects(other.nodes);
    if (all_of_partition || required) {
      out.closed = all_of_partition ? Leave::Closed::maintenance : Leave::Closed::required;
      out.until = other.period.end;
      break;
    }
    if (partition.nodes.intersects(other.nodes)) out.overlap = true;
    if (whole_for(claim, other)) {
      out.nodes.and_not(other.nodes);
      continue;
    }
    if (!barred) barred = std::make_shared<std::vector<Word>>(other.cores.size());
    for (std::size_t w = 0; w < other.cores.size(); ++w) (*barred)[w] |= other.cores[w];
  }
  if (barred) out.barred = std::move(barred);
  if (claim.own != kNoReservation && out.closed == Leave::Closed::no && out.overlap && out.nodes.none())
    out.closed = Leave::Closed::maintenance;
  if (!having_say.empty()) out.key = key_of(out, having_say);
  return out;
}

std::uint32_t Reservations::key_of(const Leave& leave, const std::vector<ReservationIndex>& having_say) {
  const std::pair wanted(having_say, leave.closed);
  const auto found = std::ranges::find(keys_, wanted);
  const auto place = static_cast<std::uint32_t>(found - keys_.begin());
  if (found == keys_.end()) keys_.push_back(wanted);
  return place + 1;
}

TimeS Reservations::node_open(const Claim& claim, NodeIndex node, TimeS from, std::int64_t duration_s) const {
  for (bool moved = true; moved;) {
    moved = false;
    for (ReservationIndex i = 0; i < all_.size(); ++i) {
      const Reserved& other = all_[i];
      if (!other.nodes.test(node) || !other.period.meets(from, from + duration_s) || !concerns(claim, i)) continue;
      if (!whole_for(claim, other)) continue;
      from = other.period.end;
      moved = true;
    }
  }
  return from;
}

TimeS Reservations::next_end(TimeS after) const {
  TimeS next = kNever;
  for (const Reserved& reserved : all_)
    if (reserved.period.end > after) next = std::min(next, reserved.period.end);
  return next;
}

std::uint64_t Reservations::licenses_kept(const Claim& claim, std::string_view name, TimeS from, TimeS until) const {
  std::uint64_t kept = 0;
  for (ReservationIndex i = 0; i < all_.size(); ++i) {
    if (i == claim.own || !all_[i].period.meets(from, until)) continue;
    for (const auto& [license, count] : all_[i].licenses)
      if (license == name) kept += count;
  }
  return kept;
}

}  // namespace flurm::sched
