// sched/inventory.cpp — what differs from the last view, node by node.
#include "sched/inventory.hpp"

#include <algorithm>

#include "sched/place.hpp"

namespace flurm::sched {
namespace {

/// When a job will let go of what it holds. One past its end, or ending, will any moment: at the next full minute, so
/// that plans stay as they are in between.
TimeS end_of(const model::Job& job, const Cluster& cluster, TimeS now) {
  const TimeS soon{(now.v / 60 + 1) * 60};
  if (job.state.completing()) return soon;
  TimeS end = job.end_time;
  if (!end) {
    const std::size_t partition = cluster.partition_index(job.partition);
    const bool known = partition < cluster.partitions().size();
    end = job.start_time + duration_s(job.time_limit, known ? cluster.partitions()[partition].config.get() : nullptr);
  }
  return end > now ? end : soon;
}

/// All of a node that Cluster is made of.
bool same_hardware(const model::Node& a, const model::Node& b) {
  return a.removed == b.removed && a.features_active == b.features_active && a.config == b.config &&
         a.gres_reported == b.gres_reported;
}

}  // namespace

std::int64_t duration_s(std::uint32_t time_limit, const model::Partition* partition) {
  constexpr std::int64_t kForEver = 365 * 24 * 3600;
  if (time_limit == kNoVal32 && partition)
    time_limit = partition->default_time != kNoVal32 ? partition->default_time : partition->max_time;
  if (time_limit == kNoVal32 || time_limit == kInfinite32) return kForEver;
  return std::max<std::int64_t>(time_limit, 1) * 60;
}

LicensePool::LicensePool(std::string_view configured) {
  if (const auto licenses = parse_licenses(configured))
    for (const auto& [name, count] : *licenses) counts_[name].total = count;
}

void LicensePool::take(const Licenses& licenses) {
  for (const auto& [name, count] : licenses) counts_[name].used += count;
}

void LicensePool::take(std::string_view text) {
  if (text.empty()) return;
  if (const auto licenses = parse_licenses(text)) take(*licenses);
}

void LicensePool::give_back(std::string_view text) {
  if (text.empty()) return;
  if (const auto licenses = parse_licenses(text))
    for (const auto& [name, count] : *licenses) counts_[name].used -= count;
}

bool Inventory::update_cluster(const View& view) {
  const bool same = cluster_ && same_cluster(view);
  if (!same) rebuild(view);
  last_.settings = view.settings;
  last_.nodes = view.nodes;
  last_.partitions = view.partitions;
  return !same;
}

bool Inventory::update_reservations(const View& view) {
  if (view.reservations == last_.reservations) return false;
  last_.reservations = view.reservations;
  return true;
}

void Inventory::update_use(const View& view, TimeS now) {
  bool changed = false;
  PersistentMap<model::Job>::diff(last_.active, view.active, [&](std::uint64_t, const auto& before, const auto& after) {
    if (before) remove(*before);
    if (after) add(*after, now);
    changed = true;
  });
  last_.active = view.active;
  for (NodeIndex node = 0; node < touched_.size(); ++node)
    if (touched_[node] || first_end_[node] <= now) recount(node, now);
  if (!changed || !usage_->counts_partitions()) return;
  usage_->clear_partitions();
  for (const auto& [id, held] : held_) usage_->add_to_partition(held.holding);
}

/// Compares nodes by identity first; a node in use changes with every job, but seldom what it is.
bool Inventory::same_cluster(const View& view) {
  if (view.partitions != last_.partitions || view.settings != last_.settings) return false;
  bool same = true;
  PersistentMap<model::Node>::diff(last_.nodes, view.nodes, [&](std::uint64_t, const auto& before, const auto& after) {
    if (!before || !after || !same_hardware(*before, *after)) {
      same = false;
      return;
    }
    if (const NodeIndex node = cluster_->index_of(after->id); node != kNoNode) {
      if (after->usable())
        usable_.set(node);
      else
        usable_.clear(node);
    }
  });
  return same;
}

void Inventory::rebuild(const View& view) {
  last_.active = {};
  held_.clear();
  running_tasks_.clear();
  cluster_ = std::make_unique<const Cluster>(view);
  usable_ = cluster_->usable();
  usage_ = std::make_unique<Usage>(*cluster_);
  licenses_ = LicensePool(view.settings.licenses);
  on_node_.assign(cluster_->size(), {});
  timelines_.assign(cluster_->size(), {});
  first_end_.assign(cluster_->size(), kNever);
  touched_.assign(cluster_->size(), true);
}

void Inventory::add(const model::Job& job, TimeS now) {
  count(job, true);
  auto [at, added] = held_.try_emplace(job.id.v, Held{job.id, holding_of(job, *cluster_), end_of(job, *cluster_, now)});
  const Held& held = at->second;
  if (held.holding.user_exclusive) usage_->count_owner(true);
  for (std::uint32_t share = 0; share < held.holding.shares.size(); ++share) {
    const NodeIndex node = held.holding.shares[share].node;
    on_node_[node].push_back({&held, share});
    touched_[node] = true;
  }
}

void Inventory::remove(const model::Job& job) {
  count(job, false);
  const auto at = held_.find(job.id.v);
  if (at->second.holding.user_exclusive) usage_->count_owner(false);
  for (const Share& share : at->second.holding.shares) {
    std::erase_if(on_node_[share.node], [&](const OnNode& on) { return on.held == &at->second; });
    touched_[share.node] = true;
  }
  held_.erase(at);
}

void Inventory::count(const model::Job& job, bool running) {
  if (job.state.completing()) return;
  if (running)
    licenses_.take(job.request->licenses);
  else
    licenses_.give_back(job.request->licenses);
  if (job.array) running_tasks_[job.array->array_job.v] += running ? 1u : ~0u;
}

void Inventory::recount(NodeIndex node, TimeS now) {
  touched_[node] = false;
  usage_->clear(node);
  std::vector<HeldShare> held;
  first_end_[node] = kNever;
  const TimeS soon{(now.v / 60 + 1) * 60};
  for (const OnNode& on : on_node_[node]) {
    usage_->add_to_node(on.held->holding, on.held->holding.shares[on.share]);
    const TimeS until = on.held->until > now ? on.held->until : soon;
    first_end_[node] = std::min(first_end_[node], until);
    held.push_back({&on.held->holding, on.share, until});
  }
  timelines_[node] = make_timeline(*cluster_, node, held);
}

}  // namespace flurm::sched
