// sched/place.cpp — from a shape and the nodes' use to a placement.
#include "sched/place.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "sched/choose.hpp"
#include "sched/distribute.hpp"

namespace flurm::sched {
namespace {

constexpr std::uint32_t kNoVersion = 0xffffffff;

/// Leaves the nodes whose hardware the job can use.
void keep_fit_nodes(Shape& shape, const Cluster& cluster) {
  model::NodeId last = 0;
  const Bitmap asked = shape.nodes;
  asked.for_each([&](std::size_t i) {
    const NodeInfo& node = cluster.node(static_cast<NodeIndex>(i));
    const Lack lack = lack_of(shape.demand, node);
    if (lack == Lack::nothing) return;
    shape.nodes.clear(i);
    if (shape.lack != Lack::nothing && node.id < last) return;
    shape.lack = lack;
    last = node.id;
  });
  if (shape.nodes.any()) shape.lack = Lack::nothing;
}

/// --mem-per-gpu.
std::uint64_t memory_for(const Demand& demand, const std::vector<model::GresShare>& gres) {
  std::uint64_t memory = 0;
  for (const model::GresWish& wish : demand.gres)
    for (const model::GresShare& share : gres)
      if (share.name == wish.name && (wish.type.empty() || wish.type == share.type))
        memory += wish.memory_each_mib * share.count;
  return memory;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::uint32_t>>> parse_licenses(std::string_view text) {
  const std::string_view whole = text;
  std::vector<std::pair<std::string, std::uint32_t>> licenses;
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find_first_of(",;"));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    std::uint32_t count = 1;
    if (const std::size_t colon = item.find_first_of(":="); colon != item.npos) {
      const std::string_view number = item.substr(colon + 1);
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
      if (error != std::errc{} || end != number.data() + number.size())
        return fail(Errc::invalid_licenses, "licenses '{}'", whole);
      item = item.substr(0, colon);
    }
    if (item.empty()) return fail(Errc::invalid_licenses, "licenses '{}'", whole);
    const auto same = std::ranges::find(licenses, item, [](const auto& l) { return std::string_view(l.first); });
    if (same != licenses.end())
      same->second += count;
    else
      licenses.emplace_back(item, count);
  }
  return licenses;
}

namespace {

Result<Shape> shape_with(const model::JobRequest& request, const std::string& features, std::size_t partition,
                         const Cluster& cluster, const model::Settings& settings) {
  const PartitionInfo& info = cluster.partitions()[partition];
  Shape shape;
  shape.partition = partition;
  shape.demand = make_demand(request, *info.config, settings);
  shape.nodes = info.nodes;
  if (!request.exc_nodes.empty()) {
    FLURM_TRY(const Bitmap excluded, cluster.nodes_of(request.exc_nodes));
    shape.nodes.and_not(excluded);
  }
  if (!request.req_nodes.empty()) {
    FLURM_TRY(shape.required, cluster.nodes_of(request.req_nodes));
    if (shape.demand.contiguous && shape.required.any())
      shape.required.set_range(shape.required.first(), shape.required.last());
    const auto count = static_cast<std::uint32_t>(shape.required.count());
    shape.demand.min_nodes = std::max(shape.demand.min_nodes, count);
    shape.demand.wanted_nodes = std::max(shape.demand.wanted_nodes, count);
    shape.demand.min_cpus = std::max(shape.demand.min_cpus, count);
  }
  if (!features.empty()) {
    FLURM_TRY(const Constraint constraint, Constraint::parse(features));
    const auto nodes_of = [&](std::string_view feature) { return cluster.with_feature(feature); };
    shape.nodes = constraint.nodes(shape.nodes, nodes_of);
    shape.alternatives = constraint.alternatives(nodes_of);
    shape.counted = constraint.counted(nodes_of);
    shape.counted_apart = constraint.counted_apart();
  }
  keep_fit_nodes(shape, cluster);
  FLURM_TRY(shape.licenses, parse_licenses(request.licenses));
  return shape;
}

}  // namespace

Result<Shape> make_shape(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                         const model::Settings& settings) {
  FLURM_TRY(Shape shape, shape_with(request, request.features, partition, cluster, settings));
  if (request.req_switch != 0 && !cluster.switches().empty()) {
    shape.anywhere = std::make_shared<const Shape>(shape);
    shape.demand.leaf_switches_max = request.req_switch;
  }
  if (request.prefer.empty()) return shape;
  FLURM_TRY(Shape preferred, shape_with(request, request.prefer, partition, cluster, settings));
  shape.preferred = std::make_shared<const Shape>(std::move(preferred));
  return shape;
}

Placer::Placer(const Cluster& cluster)
    : cluster_(cluster), empty_(cluster), offers_(cluster.size()), free_(cluster.size() * cluster.words()) {}

void Placer::watch(const Usage& usage) {
  watched_ = &usage;
  kept_.demand = nullptr;
}

Outcome Placer::place(const Shape& shape, std::uint32_t user, const Usage& usage, const Bitmap& available,
                      Holding& holding, const Bitmap* within) {
  const Demand& d = shape.demand;
  const bool has_required = shape.required.size() != 0;
  if (d.max_nodes < d.min_nodes) return Outcome::node_limit;
  const Bitmap all = within ? shape.nodes & *within : shape.nodes;
  if (all.none()) return Outcome::never;
  if (has_required) {
    if (!shape.required.subset_of(all)) return Outcome::never;
    if (!shape.required.subset_of(available)) return Outcome::not_available;
  }
  const Bitmap nodes = all & available;
  if (fits(shape, user, usage, nodes, holding)) return Outcome::placed;
  if (possible(shape, nodes)) return Outcome::busy;
  if (!possible(shape, all)) return Outcome::never;
  bool some_busy = false;
  nodes.for_each([&](std::size_t i) {
    const NodeUse& use = usage.at(static_cast<NodeIndex>(i));
    some_busy = some_busy || (d.idle_nodes_only ? use.jobs : use.exclusive_jobs) != 0;
  });
  return some_busy ? Outcome::busy : Outcome::not_available;
}

bool Placer::possible(const Shape& shape, const Bitmap& nodes) {
  Holding ignored;
  return place_in(shape, kNoVal32, empty_, nodes, true, ignored);
}

bool Placer::fits(const Shape& shape, std::uint32_t user, const Usage& usage, const Bitmap& nodes, Holding& holding) {
  return place_in(shape, user, usage, nodes, false, holding);
}

bool Placer::place_in(const Shape& shape, std::uint32_t user, const Usage& usage, const Bitmap& nodes, bool nodes_only,
                      Holding& holding) {
  const Demand& demand = shape.demand;
  if (demand.max_nodes < demand.min_nodes || nodes.count() < std::max(demand.min_nodes, 1u)) return false;
  if (shape.required.size() != 0 && !shape.required.subset_of(nodes)) return false;
  if (!shape.counted.empty()) return place_counted(shape, user, usage, nodes, nodes_only, holding);
  const Bitmap* required = shape.required.size() != 0 ? &shape.required : nullptr;
  if (shape.alternatives.empty())
    return attempt({shape.demand, nodes, required, usage, shape.partition, user, nodes_only, false}, holding);
  for (const Bitmap& alternative : shape.alternatives) {
    const Bitmap some = nodes & alternative;
    if (some.any() && attempt({shape.demand, some, required, usage, shape.partition, user, nodes_only, false}, holding))
      return true;
  }
  return false;
}

/// First so many nodes of each counted feature; then the rest, with those required.
bool Placer::place_counted(const Shape& shape, std::uint32_t user, const Usage& usage, const Bitmap& nodes,
                           bool nodes_only, Holding& holding) {
  Bitmap picked(nodes.size());
  for (const Constraint::Counted& counted : shape.counted) {
    Demand part = shape.demand;
    part.min_nodes = part.wanted_nodes = part.min_cpus = counted.count;
    if (part.tasks_per_node != 0) part.tasks = counted.count * part.tasks_per_node;
    Bitmap some = nodes & counted.nodes;
    if (shape.counted_apart) some.and_not(picked);
    const Bitmap* required = !shape.counted_apart && picked.any() ? &picked : nullptr;
    if (!attempt({part, some, required, usage, shape.partition, user, nodes_only, true}, holding)) return false;
    for (const Share& share : holding.shares) picked.set(share.node);
  }
  Demand rest = shape.demand;
  if (shape.required.size() != 0) picked |= shape.required;
  const auto count = static_cast<std::uint32_t>(picked.count());
  rest.min_cpus = std::max(rest.min_cpus, count);
  rest.min_nodes = std::max(rest.min_nodes, count);
  rest.wanted_nodes = std::max(rest.min_nodes, rest.wanted_nodes);
  if (rest.wanted_nodes > rest.max_nodes) return false;
  return attempt({rest, nodes, &picked, usage, shape.partition, user, nodes_only, true}, holding);
}

/// Nodes whose present jobs leave room for this one, cores apart.
/// Source: slurm 22.05 select/cons_common job_test.c _verify_node_state(), node_scheduler.c filter_by_node_owner().
Bitmap Placer::without_unfit(const Attempt& a) const {
  const Demand& d = a.demand;
  std::uint64_t need = d.memory_mib;
  if (d.memory_per_cpu) need *= std::max({d.tasks_per_node, d.cpus_per_node, d.cpus_per_task});
  Bitmap nodes = a.nodes;
  a.nodes.for_each([&](std::size_t i) {
    const auto node = static_cast<NodeIndex>(i);
    const NodeUse& use = a.usage.at(node);
    if (d.counts_memory && d.memory_mib != 0 && use.memory_mib + need > cluster_.node(node).memory_mib) {
      nodes.clear(i);
      return;
    }
    if (use.jobs == 0) return;
    const bool foreign = (d.same_user_only && use.only_user != a.user) || (use.user != kNoVal32 && use.user != a.user);
    const bool all_memory_taken = d.counts_memory && d.memory_mib == 0 && use.memory_mib != 0;
    bool unfit = foreign || use.label != d.label || all_memory_taken || d.idle_nodes_only || use.exclusive_jobs != 0;
    if (d.sharing == Sharing::exclusive) unfit = true;
    if (d.sharing == Sharing::row && use.unshared_jobs != 0) unfit = true;
    if (d.sharing == Sharing::cores && a.usage.shared_here(node, a.partition)) unfit = true;
    if (unfit) nodes.clear(i);
  });
  return nodes;
}

bool Placer::attempt(const Attempt& a, Holding& holding) {
  return a.demand.unit == Unit::node ? attempt_by_weight(a, holding) : attempt_on(a, holding);
}

/// select/linear does not look at weights when it chooses: it is given the lightest nodes, then heavier ones too.
bool Placer::attempt_by_weight(const Attempt& a, Holding& holding) {
  std::map<std::uint32_t, std::vector<std::size_t>> by_weight;
  a.nodes.for_each([&](std::size_t i) { by_weight[cluster_.node(static_cast<NodeIndex>(i)).weight].push_back(i); });
  const std::size_t wanted = std::max(a.demand.min_nodes, a.demand.wanted_nodes);
  Bitmap nodes(a.nodes.size());
  for (const auto& [weight, group] : by_weight) {
    for (std::size_t i : group) nodes.set(i);
    const bool last = weight == by_weight.rbegin()->first;
    if (!last && (nodes.count() < wanted || (a.required && !a.required->subset_of(nodes)))) continue;
    if (attempt_on({a.demand, nodes, a.required, a.usage, a.partition, a.user, a.nodes_only, a.passing}, holding))
      return true;
  }
  return false;
}

bool Placer::attempt_on(const Attempt& a, Holding& holding) {
  const Bitmap nodes = without_unfit(a);
  if (nodes.count() < a.demand.min_nodes) return false;
  if (attempt_beside(a, nodes, {}, holding)) return true;
  if (a.demand.sharing != Sharing::row) return false;
  // Cores that others hold may be shared: first with partitions of other tiers, then row by row with one's own.
  if (attempt_beside(a, nodes, {Taken::By::same_tier}, holding)) return true;
  const std::size_t rows = a.usage.row_count(a.partition);
  for (std::size_t row = 0; row < rows; ++row)
    if (attempt_beside(a, nodes, {Taken::By::row, row}, holding)) return true;
  return rows < a.demand.rows && attempt_beside(a, nodes, {Taken::By::nobody}, holding);
}

/// The cores that the job may have on an empty node. What it leaves to the system takes the place of what the node
/// keeps for it: those kept come first, then the last core of each socket, last socket first.
/// Source: slurm 22.05 select/cons_common cons_common.c common_mark_avail_cores().
void Placer::own_cores(const Demand& d, NodeIndex node, Cores own) const {
  constexpr std::uint16_t kThreads = 0x8000;  // slurm 22.05 slurm/slurm.h CORE_SPEC_THREAD
  const NodeInfo& info = cluster_.node(node);
  const ConstCores usual = cluster_.cores(node);
  std::ranges::copy(usual, own.begin());
  const bool threads = d.core_spec != kNoVal16 && d.core_spec & kThreads;
  if (d.core_spec == kNoVal16 || (threads && info.cpus_per_core > 1)) return;
  std::uint32_t left = d.core_spec & ~kThreads;
  if (left >= info.core_count()) {
    std::ranges::fill(own, 0);
    return;
  }
  for (std::uint32_t core = 0; core < info.core_count(); ++core) set(own, core);
  for (std::uint32_t core = 0; core < info.core_count() && left > 0; ++core)
    if (!has(usual, core)) {
      clear(own, core);
      --left;
    }
  for (std::uint32_t core = info.cores; core-- > 0;)
    for (std::uint32_t socket = info.sockets; socket-- > 0 && left > 0;)
      if (has(own, socket * info.cores + core)) {
        clear(own, socket * info.cores + core);
        --left;
      }
}

void Placer::free_cores(const Attempt& a, NodeIndex node, Taken taken, Cores free) const {
  const auto remove = [&](const Word* busy) {
    for (std::size_t w = 0; busy && w < free.size(); ++w) free[w] &= ~busy[w];
  };
  const auto& partitions = cluster_.partitions();
  const std::uint16_t tier = partitions[a.partition].config->priority_tier;
  if (taken.by != Taken::By::all && cluster_.preempts_by_partition())
    for (std::size_t p = 0; p < partitions.size(); ++p)
      if (partitions[p].config->priority_tier > tier || partitions[p].config->preempt_mode == model::preempt_mode::off)
        if (p != a.partition) remove(a.usage.busy_by(p, node));
  switch (taken.by) {
    case Taken::By::all:
      remove(a.usage.busy(node).data());
      break;
    case Taken::By::same_tier: {
      for (std::size_t p = 0; p < partitions.size(); ++p)
        if (partitions[p].config->priority_tier == tier) remove(a.usage.busy_by(p, node));
      break;
    }
    case Taken::By::row:
      remove(a.usage.row(a.partition, taken.row, node).data());
      break;
    case Taken::By::nobody:
      break;
  }
  if (barred_) remove(barred_->data() + node * cluster_.words());
}

Room Placer::room_on(const Attempt& a, NodeIndex node, ConstCores free) const {
  const NodeInfo& info = cluster_.node(node);
  Room room;
  room.memory_mib = info.memory_mib - std::min(info.memory_mib, a.usage.at(node).memory_mib);
  if (a.demand.partition_cpus_per_node_max == kInfinite32) return room;
  if (const Word* busy = a.usage.busy_by(a.partition, node)) {
    std::uint32_t cores = 0;
    for (std::size_t w = 0; w < free.size(); ++w)
      cores += static_cast<std::uint32_t>(std::popcount(busy[w] & ~free[w]));
    room.partition_cpus_used = cores * info.cpus_per_core;
  }
  return room;
}

Offer Placer::offer_on(const Attempt& a, NodeIndex node, Taken taken, Near near, Cores free) {
  const Demand& d = a.demand;
  const NodeInfo& info = cluster_.node(node);
  if (d.gres_unknown) return {};
  own_cores(d, node, free);
  const std::uint32_t all = count(free);
  free_cores(a, node, taken, free);
  if (d.whole_node && count(free) != all) return {};
  if (d.gres.empty()) return offer_of(d, info, room_on(a, node, free), free);

  std::vector<GresRoom> rooms = gres_rooms(d, info, a.usage.at(node), near, free);
  if (rooms.empty()) return {};
  Offer offer = offer_of(d, info, room_on(a, node, free), free);
  if (offer.cpus == 0) return {};
  if (!d.whole_node && !fit_cores(d, info, rooms, near, free, offer.cpus)) return {};
  for (const model::GresWish& wish : d.gres)
    offer.gres.push_back(std::ranges::find(rooms, &wish, &GresRoom::wish)->total);
  return offer;
}

Offer Placer::kept_offer(const Attempt& a, NodeIndex node, Near near, Cores free) {
  const Cores kept{kept_.free.data() + node * cluster_.words(), cluster_.words()};
  const std::uint32_t version = a.usage.at(node).version;
  if (kept_.versions[node] != version) {
    kept_.offers[node] = offer_on(a, node, {}, near, kept);
    kept_.versions[node] = version;
  }
  std::ranges::copy(kept, free.begin());
  return kept_.offers[node];
}

bool Placer::attempt_beside(const Attempt& a, const Bitmap& nodes, Taken taken, Holding& holding) {
  const Demand& d = a.demand;
  if (d.gres.empty() || d.disable_binding) return attempt_near(a, nodes, taken, Near::need_not, holding);
  if (d.enforce_binding) return attempt_near(a, nodes, taken, Near::must, holding);
  return attempt_near(a, nodes, taken, Near::should, holding) || attempt_near(a, nodes, taken, Near::need_not, holding);
}

bool Placer::attempt_near(const Attempt& a, const Bitmap& nodes, Taken taken, Near near, Holding& holding) {
  const std::size_t words = cluster_.words();
  const Demand& d = a.demand;
  Bitmap candidates = nodes;
  const bool keep = &a.usage == watched_ && !a.passing && taken.by == Taken::By::all && !barred_ && d.gres.empty();
  if (keep && kept_.demand != &d) {
    kept_.demand = &d;
    kept_.versions.assign(cluster_.size(), kNoVersion);
    kept_.offers.resize(cluster_.size());
    kept_.free.resize(free_.size());
  }
  nodes.for_each([&](std::size_t i) {
    const auto node = static_cast<NodeIndex>(i);
    const Cores free{free_.data() + i * words, words};
    offers_[i] = keep ? kept_offer(a, node, near, free) : offer_on(a, node, taken, near, free);
    if (offers_[i].cpus == 0) candidates.clear(i);
  });
  if (a.required && !a.required->subset_of(candidates)) return false;
  std::uint32_t min_nodes = d.min_nodes;
  if (d.tasks_per_node != 0 && d.tasks != 0)
    min_nodes = std::max(min_nodes, (d.tasks + d.tasks_per_node - 1) / d.tasks_per_node);
  if (candidates.count() < min_nodes) return false;
  const Choice choice{.demand = &d,
                      .cluster = &cluster_,
                      .required = a.required,
                      .min_nodes = min_nodes,
                      .max_nodes = d.max_nodes,
                      .wanted_nodes = d.wanted_nodes,
                      .min_cpus = d.min_cpus,
                      .weights = d.unit != Unit::node};
  const bool by_switch = !cluster_.switches().empty() && (d.leaf_switches_max != 0 || !cluster_.topology_optional());
  const std::uint32_t leaves_max = a.nodes_only ? 0 : d.leaf_switches_max;  // it gets over that by waiting
  const bool chosen = by_switch ? choose_by_switch(choice, leaves_max, cluster_.switches(), candidates, offers_)
                                : choose_nodes(choice, candidates, offers_);
  if (!chosen || candidates.count() > d.max_nodes) return false;
  return give(a, candidates, taken, near, holding);
}

std::optional<std::vector<std::vector<model::GresShare>>> Placer::devices_of(const Attempt& a,
                                                                             const std::vector<Chosen>& chosen,
                                                                             Taken taken, Near near) const {
  const Demand& d = a.demand;
  std::vector<std::vector<model::GresShare>> out(chosen.size());
  if (a.nodes_only) return out;
  if (d.all_gres)
    for (std::size_t i = 0; i < chosen.size(); ++i) out[i] = all_gres(cluster_.node(chosen[i].node));
  if (d.gres.empty() || d.all_gres) return out;
  std::vector<GresNode> nodes;
  std::vector<Word> free(cluster_.words());
  for (const Chosen& c : chosen) {
    const NodeInfo& info = cluster_.node(c.node);
    const NodeUse& use = a.usage.at(c.node);
    own_cores(d, c.node, free);
    free_cores(a, c.node, taken, free);
    nodes.push_back({.node = &info,
                     .use = &use,
                     .rooms = gres_rooms(d, info, use, near, free),
                     .cores = c.cores,
                     .tasks = c.tasks,
                     .taken = {}});
  }
  if (!pick_gres(d, nodes)) return std::nullopt;
  for (std::size_t i = 0; i < nodes.size(); ++i) out[i] = std::move(nodes[i].taken);
  return out;
}

bool Placer::give(const Attempt& a, const Bitmap& nodes, Taken taken, Near near, Holding& holding) {
  const Demand& d = a.demand;
  const std::size_t words = cluster_.words();
  std::vector<Chosen> chosen;
  nodes.for_each([&](std::size_t i) {
    const auto at = free_.begin() + static_cast<std::ptrdiff_t>(i * words);
    chosen.push_back({static_cast<NodeIndex>(i), offers_[i].cpus, {at, at + static_cast<std::ptrdiff_t>(words)}});
  });
  if (!a.nodes_only && !distribute(d, cluster_, chosen)) return false;

  holding = {.shares = {},
             .partition = a.partition,
             .sharing = d.sharing,
             .whole_node = d.whole_node && d.sharing != Sharing::row,
             .user_exclusive = d.same_user_only,
             .user = a.user,
             .label = d.label};
  auto gres = devices_of(a, chosen, taken, near);
  if (!gres) return false;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    Chosen& c = chosen[i];
    const NodeInfo& info = cluster_.node(c.node);
    const std::uint32_t counted = c.cpus;  // those left to the system are the job's too, as far as counting goes
    if (d.core_spec != kNoVal16) {
      own_cores(d, c.node, c.cores);
      c.cpus = count(c.cores) * info.cpus_per_core;
    }
    std::uint64_t memory = 0;
    if (d.counts_memory && !a.nodes_only) {
      memory = d.memory_mib == 0 ? info.memory_mib : d.memory_mib;
      if (d.memory_per_cpu) memory *= cpus_for_memory(d, info, c.cpus);
      if (d.memory_by_gres) memory = memory_for(d, (*gres)[i]);
      if (a.usage.at(c.node).memory_mib + memory > info.memory_mib) return false;
    }
    holding.shares.push_back(
        {c.node, static_cast<std::uint16_t>(counted), memory, std::move(c.cores), std::move((*gres)[i])});
  }
  return true;
}

}  // namespace flurm::sched
