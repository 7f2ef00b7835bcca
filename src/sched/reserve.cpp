// sched/reserve.cpp — see reserve.hpp.
#include "sched/reserve.hpp"

#include <algorithm>
#include <optional>

#include "sched/cluster.hpp"
#include "sched/features.hpp"

namespace flurm::sched {
namespace {

namespace flag = model::resv_flag;

using ReservedNodes = std::vector<model::ReservedNode>;

/// What is out of bounds on one level of the search: nodes are taken away, cores are marked as taken.
struct Level {
  Bitmap nodes;
  std::vector<Word> taken;  // as Cluster::all_cores()
};

class Chooser {
 public:
  Chooser(const View& view, const Wish& wish, TimeS now) : view_(view), wish_(wish), now_(now), cluster_(view) {}

  Result<ReservedNodes> run() {
    FLURM_TRY_VOID(find_partition());
    FLURM_TRY_VOID(make_levels());
    if (!wish_.features.empty()) {
      FLURM_TRY(const Constraint constraint, read_features());
      const auto nodes_of = [&](std::string_view feature) { return cluster_.with_feature(feature); };
      const auto counted = constraint.counted(nodes_of);
      if (!counted.empty()) return by_feature_counts(counted);
      const Bitmap fit = constraint.nodes(levels_.back().nodes, nodes_of);
      std::uint64_t wanted = 0;
      for (std::uint32_t count : wish_.node_counts) wanted += count;
      if (fit.count() < wanted) return fail(Errc::requested_node_config_unavailable, "features {}", wish_.features);
      for (Level& level : levels_) level.nodes &= fit;
    }
    picked_ = Bitmap(cluster_.size());
    if (wish_.core_counts.empty())
      for (std::uint32_t count : wish_.node_counts) pick_nodes(count);
    else
      pick_cores();
    return answer();
  }

 private:
  Result<void> find_partition() {
    const auto& partitions = cluster_.partitions();
    const auto found = std::ranges::find_if(partitions, [&](const PartitionInfo& each) {
      return wish_.partition.empty() ? (each.config->flags & model::partition_flag::is_default) != 0
                                     : each.config->name == wish_.partition;
    });
    if (found == partitions.end())
      return fail(wish_.partition.empty() ? Errc::default_partition_not_set : Errc::invalid_partition_name);
    partition_ = &*found;
    return {};
  }

  bool has(std::uint64_t flags) const { return (wish_.flags & flags) != 0; }

  Bitmap indices(const std::vector<model::NodeId>& ids) const {
    Bitmap out(cluster_.size());
    for (model::NodeId id : ids)
      if (const NodeIndex index = cluster_.index_of(id); index != kNoNode) out.set(index);
    return out;
  }

  Result<void> make_levels() {
    Bitmap all = wish_.among.empty() ? partition_->nodes : indices(wish_.among);
    all.and_not(indices(wish_.apart_from));
    Bitmap online = all;
    all.for_each([&](std::size_t i) {
      const model::Node* node = view_.nodes.find(cluster_.node(static_cast<NodeIndex>(i)).id);
      if (node->base == model::NodeBase::down) online.clear(i);
    });
    const std::vector<Word> none(cluster_.size() * cluster_.words());
    const Bitmap available = online & cluster_.usable();
    Level free{available, none};
    model::Reservation made;
    made.start = wish_.start;
    made.end = wish_.end;
    made.flags = wish_.flags;
    for (const auto& other : view_.reservations) {
      if (other->name == wish_.replaces || !model::meet(made, *other, now_)) continue;
      for (const model::ReservedNode& node : other->nodes) {
        const NodeIndex index = cluster_.index_of(node.node);
        if (index == kNoNode) continue;
        if (other->whole_nodes) free.nodes.clear(index);
        for (std::size_t w = 0; w < std::min(node.cores.size(), cluster_.words()); ++w)
          free.taken[index * cluster_.words() + w] |= node.cores[w];
      }
    }
    levels_.push_back(std::move(free));
    if (has(flag::overlap | flag::maint)) levels_.push_back({available, none});
    if (has(flag::maint)) {
      levels_.push_back({std::move(online), none});
      levels_.push_back({std::move(all), none});
    }
    return {};
  }

  Result<Constraint> read_features() const {
    FLURM_TRY(Constraint constraint, Constraint::parse(wish_.features));
    const auto names = constraint.names();
    const bool known = std::ranges::all_of(names, [&](const std::string& name) { return cluster_.has_feature(name); });
    const bool one_of = wish_.features.find('[') != std::string::npos &&
                        constraint.counted([&](std::string_view) { return Bitmap(cluster_.size()); }).empty();
    if (!known || one_of) return fail(Errc::invalid_feature, "features {}", wish_.features);
    return constraint;
  }

  Result<ReservedNodes> by_feature_counts(const std::vector<Constraint::Counted>& counted) {
    picked_ = Bitmap(cluster_.size());
    Level& level = levels_.back();
    const Bitmap all = level.nodes;
    for (const Constraint::Counted& part : counted) {
      level.nodes = all & part.nodes;
      level.nodes.and_not(picked_);
      const std::size_t before = picked_.count();
      pick_on(level, part.count);
      if (picked_.count() == before) return fail(Errc::nodes_busy, "features {}", wish_.features);
    }
    return answer();
  }

  /// Jobs that still hold something when the reservation begins.
  template <class F>
  void for_each_job(F f) const {
    view_.active.for_each([&](std::uint64_t, const auto& job) {
      if ((job->state.running() || job->state.suspended()) && job->allocation && job->end_time >= wish_.start) f(*job);
      return true;
    });
  }

  Bitmap nodes_of(const model::Job& job) const {
    Bitmap nodes(cluster_.size());
    for (const model::NodeShare& share : job.allocation->shares)
      if (const NodeIndex index = cluster_.index_of(share.node); index != kNoNode) nodes.set(index);
    return nodes;
  }

  void pick_nodes(std::uint32_t count) {
    for (Level& level : levels_) {
      if (count == 0) return;
      level.nodes.and_not(picked_);
      if (level.nodes.none()) continue;
      count -= std::min(count, pick_on(level, count));
    }
  }

  /// The first nodes of the level that no job holds; how many it took: all, or none at all.
  std::uint32_t pick_on(const Level& level, std::uint32_t count) {
    const auto there = static_cast<std::uint32_t>(level.nodes.count());
    count = std::min(count, there);
    Bitmap free = level.nodes;
    if (!(count == there && has(flag::ignore_jobs))) {
      for_each_job([&](const model::Job& job) { free.and_not(nodes_of(job)); });
      if (has(flag::ignore_jobs))
        for_each_job([&](const model::Job& job) {
          if (free.count() < count) free |= level.nodes & nodes_of(job);
        });
    }
    if (free.count() < count) return 0;
    std::uint32_t left = count;
    free.for_each([&](std::size_t i) {
      if (left == 0) return;
      picked_.set(i);
      --left;
    });
    return count;
  }

  /// The cores of a node that may be taken.
  std::vector<Word> free_cores(const Level& level, NodeIndex node) const {
    const ConstCores all = cluster_.cores(node);
    std::vector<Word> free(all.begin(), all.end());
    for (std::size_t w = 0; w < free.size(); ++w) free[w] &= ~level.taken[node * cluster_.words() + w];
    return free;
  }

  static void keep_first(Cores cores, std::uint32_t kept) {
    for (std::size_t core = 0; core < cores.size() * 64; ++core) {
      if (!sched::has(cores, core)) continue;
      if (kept == 0)
        sched::clear(cores, core);
      else
        --kept;
    }
  }

  void pick_cores() {
    for (Level& level : levels_) {
      if (!has(flag::ignore_jobs))
        for_each_job([&](const model::Job& job) {
          for (const model::NodeShare& share : job.allocation->shares) {
            const NodeIndex node = cluster_.index_of(share.node);
            if (node == kNoNode) continue;
            for (std::size_t w = 0; w < std::min(share.cores.size(), cluster_.words()); ++w)
              level.taken[node * cluster_.words() + w] |= share.cores[w];
          }
        });
      if (pick_cores_on(level)) return;
      picked_.clear_all();
      cores_.clear();
    }
  }

  /// Cores from as many nodes as were asked for, the same number on each; or a number for each node in turn; or,
  /// without a count of nodes, as many as there are on one node after the other. FIRST_CORES: only the lowest ones of a
  /// node.
  bool pick_cores_on(const Level& level) {
    const std::vector<std::uint32_t>& counts = wish_.core_counts;
    const std::uint32_t nodes = wish_.node_counts.empty() ? 0 : wish_.node_counts.front();
    const bool first_cores = has(flag::first_cores);
    const bool shared_out = !first_cores && nodes > 1 && counts.size() == 1;
    const bool anywhere = !first_cores && nodes == 0 && counts.size() == 1;
    std::uint32_t left = counts.front(), nodes_left = nodes;
    const std::uint32_t each = shared_out ? std::max(left / nodes, 1u) : 0;
    std::uint32_t extra = shared_out && left > each * nodes ? left - each * nodes : 0;
    std::size_t turn = 0;
    bool done = false;
    level.nodes.for_each([&](std::size_t i) {
      if (done) return;
      const auto node = static_cast<NodeIndex>(i);
      std::vector<Word> free = free_cores(level, node);
      if (first_cores) keep_lowest(free, counts[turn]);
      const std::uint32_t there = count(free);
      std::uint32_t taken = 0;
      if (shared_out) {
        if (there < each) return;
        taken = std::min(there, each + extra);
        extra -= taken - each;
      } else if (anywhere) {
        taken = std::min(there, left);
        left -= taken;
      } else {
        if (there < counts[turn]) return;
        taken = counts[turn];
      }
      if (taken == 0) return;
      keep_first(free, taken);
      picked_.set(i);
      cores_.emplace_back(node, std::move(free));
      done = shared_out ? --nodes_left == 0 : anywhere ? left == 0 : ++turn == counts.size();
    });
    return done;
  }

  static void keep_lowest(Cores cores, std::uint32_t lowest) {
    for (std::size_t core = lowest; core < cores.size() * 64; ++core) sched::clear(cores, core);
  }

  Result<ReservedNodes> answer() const {
    if (picked_.none()) return fail(Errc::nodes_busy, "no nodes for the reservation");
    ReservedNodes out;
    if (!wish_.core_counts.empty()) {
      for (const auto& [node, cores] : cores_) out.push_back({cluster_.node(node).id, cores});
    } else {
      picked_.for_each([&](std::size_t i) { out.push_back({cluster_.node(static_cast<NodeIndex>(i)).id, {}}); });
    }
    std::ranges::sort(out, {}, &model::ReservedNode::node);
    return out;
  }

  const View& view_;
  const Wish& wish_;
  const TimeS now_;
  const Cluster cluster_;
  const PartitionInfo* partition_ = nullptr;
  std::vector<Level> levels_;
  Bitmap picked_;
  std::vector<std::pair<NodeIndex, std::vector<Word>>> cores_;
};

}  // namespace

Wish wish_of(const model::Reservation& r) {
  return {.start = r.start,
          .end = r.end,
          .flags = r.flags,
          .partition = r.partition,
          .features = r.features,
          .node_counts = {},
          .core_counts = {},
          .among = {},
          .apart_from = {},
          .replaces = {}};
}

Result<ReservedNodes> choose_reserved(const View& view, const Wish& wish, TimeS now) {
  return Chooser(view, wish, now).run();
}

ReservedNodes exchanged(const View& view, const model::Reservation& r, TimeS now) {
  if (r.nodes.empty() || r.has(flag::spec_nodes | flag::static_nodes) || (!r.whole_nodes && r.nodes.size() > 1))
    return r.nodes;
  const auto good = [&](const model::ReservedNode& reserved) {
    const model::Node* node = view.nodes.find(reserved.node);
    if (!node || node->removed || !node->usable()) return false;
    return !r.has(flag::replace) || (node->jobs.empty() && node->completing_jobs.empty());
  };
  ReservedNodes kept, poor;
  Wish wish = wish_of(r);
  wish.replaces = r.name;
  for (const model::ReservedNode& node : r.nodes) {
    (good(node) ? kept : poor).push_back(node);
    wish.apart_from.push_back(node.node);
  }
  if (poor.empty()) return r.nodes;
  if (!r.whole_nodes) {
    std::uint32_t cores = 0;
    for (Word word : r.nodes.front().cores) cores += static_cast<std::uint32_t>(std::popcount(word));
    wish.core_counts = {cores};
  }
  const bool piecemeal = r.has(flag::replace | flag::replace_down);
  for (std::size_t count = poor.size(); count > 0; count = piecemeal ? count / 2 : 0) {
    wish.node_counts = {static_cast<std::uint32_t>(count)};
    auto found = choose_reserved(view, wish, now);
    if (!found || (!piecemeal && found->size() < count)) continue;
    for (model::ReservedNode& node : *found) kept.push_back(std::move(node));
    for (std::size_t i = 0; kept.size() < r.nodes.size(); ++i) kept.push_back(poor[i]);
    std::ranges::sort(kept, {}, &model::ReservedNode::node);
    return kept;
  }
  return r.nodes;
}

}  // namespace flurm::sched
