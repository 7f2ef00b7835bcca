// sched/choose.cpp — picking nodes for one job.
#include "sched/choose.hpp"

#include <algorithm>
#include <optional>

namespace flurm::sched {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// Consecutive nodes of one weight, with what those not required offer.
struct Run {
  std::size_t first = 0, last = 0;
  std::size_t required = kNone;  // the first required node among them
  std::int64_t cpus = 0;
  std::uint32_t nodes = 0;
  std::uint32_t weight = 0;
};

class Picker {
 public:
  Picker(const Choice& choice, Bitmap& nodes, std::vector<Offer>& offers)
      : d_(*choice.demand),
        cluster_(*choice.cluster),
        choice_(choice),
        nodes_(nodes),
        offers_(offers),
        picked_(nodes.size()),
        nodes_left_(std::max(choice.min_nodes, choice.wanted_nodes)),
        min_nodes_left_(choice.min_nodes),
        cpus_left_(choice.min_cpus),
        max_cpus_left_(d_.max_cpus != kNoVal32 ? d_.max_cpus : choice.min_cpus),
        max_nodes_left_(choice.max_nodes) {
    for (const model::GresWish& wish : d_.gres) gres_left_.push_back(static_cast<std::int64_t>(wish.per_job));
  }

  bool pick() {
    if (nodes_.count() < choice_.min_nodes) return false;
    if (choice_.required && !choice_.required->subset_of(nodes_)) return false;
    if ((d_.spread || (d_.least_loaded && d_.unit != Unit::node)) && d_.tasks != 0)
      max_nodes_left_ = std::min<std::int64_t>(max_nodes_left_, d_.tasks);
    if (choice_.required && choice_.required->any()) {
      const std::optional<bool> settled = pick_required();
      if (settled) return finish(*settled);
    }
    if (d_.max_cpus != kNoVal32 && total_cpus_ > d_.max_cpus) return false;
    if (d_.spread) return finish(pick_spread());
    if (d_.least_loaded && d_.unit != Unit::node) return finish(pick_least_loaded());
    return finish(pick_runs());
  }

 private:
  bool enough() const { return nodes_left_ <= 0 && cpus_left_ <= 0 && enough_gres(); }
  bool enough_gres() const {
    return std::ranges::all_of(gres_left_, [](std::int64_t left) { return left <= 0; });
  }
  /// It brings what is left to find of the counts for the whole job.
  bool has_gres_left(std::size_t i) const {
    for (std::size_t wish = 0; wish < gres_left_.size(); ++wish)
      if (gres_left_[wish] > static_cast<std::int64_t>(offers_[i].gres[wish])) return false;
    return true;
  }
  /// The wanted number of nodes may be missed as long as the least one is not.
  bool enough_nodes(std::int64_t available) const {
    std::int64_t needed = nodes_left_;
    if (choice_.wanted_nodes > choice_.min_nodes) needed += std::int64_t{choice_.min_nodes} - choice_.wanted_nodes;
    return available >= needed;
  }
  bool finish(bool success) {
    nodes_ = picked_;
    return success;
  }

  /// CPUs to count on here: no more than the job may have, less one core for each node still to come.
  std::uint32_t limit(std::size_t i, std::uint32_t cpus) {
    if (d_.whole_node) return cpus;
    std::int64_t reserve = std::max<std::int64_t>(min_nodes_left_ - 1, 0) * cpus_per_core(d_, cluster_.node(index(i)));
    if (d_.unit == Unit::socket) reserve *= cluster_.node(index(i)).cores;
    const std::int64_t room = max_cpus_left_ - reserve;
    if (cpus > room) {
      cpus = static_cast<std::uint32_t>(std::max<std::int64_t>(room, d_.cpus_per_node));
      offers_[i].cpus = cpus;
    }
    return cpus;
  }
  void take(std::size_t i, std::uint32_t cpus) {
    picked_.set(i);
    for (std::size_t wish = 0; wish < gres_left_.size(); ++wish)
      gres_left_[wish] -= static_cast<std::int64_t>(offers_[i].gres[wish]);
    total_cpus_ += cpus;
    cpus_left_ -= cpus;
    max_cpus_left_ -= cpus;
    --nodes_left_;
    --min_nodes_left_;
    --max_nodes_left_;
  }
  std::uint32_t usable(std::size_t i) const { return cpus_for_tasks(d_, offers_[i].cpus); }
  std::uint32_t weight(std::size_t i) const { return choice_.weights ? cluster_.node(index(i)).weight : 0; }
  static NodeIndex index(std::size_t i) { return static_cast<NodeIndex>(i); }

  /// An answer when the required nodes alone settle the matter.
  std::optional<bool> pick_required() {
    if (choice_.required->count() > choice_.max_nodes) return false;
    bool lacking = false;
    choice_.required->for_each([&](std::size_t i) {
      if (lacking || max_nodes_left_ <= 0) return;
      const std::uint32_t cpus = limit(i, usable(i));
      lacking = cpus == 0;
      take(i, cpus);
    });
    if (lacking) return false;
    if (enough()) return true;
    if (max_nodes_left_ <= 0) return false;
    return std::nullopt;
  }

  std::vector<std::size_t> by_weight() const {
    std::vector<std::size_t> order;
    nodes_.for_each([&](std::size_t i) {
      if (!picked_.test(i)) order.push_back(i);
    });
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return weight(i); });
    return order;
  }

  bool pick_spread() {
    for (std::size_t i : by_weight()) {
      if (max_nodes_left_ <= 0) break;
      const std::uint32_t cpus = limit(i, usable(i));
      if (cpus == 0) continue;
      take(i, cpus);
      if (enough()) return true;
    }
    return cpus_left_ <= 0 && min_nodes_left_ <= 0 && enough_gres();
  }

  /// Of each weight, those with the greatest part of their CPUs free first.
  bool pick_least_loaded() {
    std::vector<std::size_t> order = by_weight();
    const auto load = [&](std::size_t a, std::size_t b) {
      const NodeInfo &x = cluster_.node(index(a)), &y = cluster_.node(index(b));
      if (x.weight != y.weight) return x.weight < y.weight;
      return std::uint64_t{offers_[a].max_cpus} * y.cpus > std::uint64_t{offers_[b].max_cpus} * x.cpus;
    };
    std::ranges::stable_sort(order, load);
    for (std::size_t i : order) {
      if (max_nodes_left_ <= 0) break;
      const std::uint32_t cpus = limit(i, usable(i));
      if (cpus == 0) continue;
      take(i, cpus);
      if (enough()) return true;
    }
    return cpus_left_ <= 0 && min_nodes_left_ <= 0 && enough_gres();
  }

  void build_runs() {
    runs_.clear();
    cpus_.assign(nodes_.size(), 0);
    Run run;
    bool open = false, weighed = false;
    const auto close = [&](std::size_t last) {
      if (run.nodes != 0) {
        run.last = last;
        runs_.push_back(run);
      }
      run = {};
      open = weighed = false;
    };
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const bool required = choice_.required && choice_.required->test(i);
      if (nodes_.test(i) && !required) cpus_[i] = usable(i);
      if (!nodes_.test(i) || (!required && cpus_[i] == 0)) {
        if (open) close(i - 1);
        continue;
      }
      const std::uint32_t weight = this->weight(i);
      if (weighed && weight != run.weight && !d_.contiguous) close(i - 1);
      if (!open || run.nodes == 0) run.first = i;
      open = true;
      if (required) {
        if (run.required == kNone) run.required = i;
        continue;
      }
      run.cpus += cpus_[i];
      ++run.nodes;
      run.weight = weight;
      weighed = true;
    }
    if (open) close(nodes_.size() - 1);
  }

  bool run_has_gres(const Run& run) const {
    for (std::size_t wish = 0; wish < gres_left_.size(); ++wish) {
      std::int64_t sum = 0;
      for (std::size_t i = run.first; i <= run.last; ++i)
        if (cpus_[i] != 0) sum += static_cast<std::int64_t>(offers_[i].gres[wish]);
      if (sum < gres_left_[wish]) return false;
    }
    return true;
  }

  /// The run to take from next; null when there is none.
  Run* best_run() {
    Run* best = nullptr;
    bool best_suffices = false;
    for (std::size_t r = 0; r < runs_.size(); ++r) {
      Run& run = runs_[r];
      if (run.nodes == 0) continue;
      const bool near_required = d_.contiguous && choice_.required && choice_.required->any();
      if (near_required && run.required == kNone) continue;
      const bool suffices = run.cpus >= cpus_left_ && enough_nodes(run.nodes) && run_has_gres(run);
      bool better = !best || (best->required == kNone && run.required != kNone) || run.weight < best->weight;
      if (!better && run.weight == best->weight)
        better = (suffices && (!best_suffices || run.cpus < best->cpus)) || (!suffices && run.cpus > best->cpus);
      if (!better && d_.contiguous && suffices && !best_suffices) better = true;
      if (better) {
        best = &run;
        best_suffices = suffices;
      }
      if (near_required && std::any_of(runs_.begin() + static_cast<std::ptrdiff_t>(r) + 1, runs_.end(),
                                       [](const Run& other) { return other.required != kNone; }))
        return nullptr;  // the required nodes do not lie together
    }
    return d_.contiguous && best && !best_suffices ? nullptr : best;
  }

  bool take_if_wanted(std::size_t i) {
    if (max_nodes_left_ <= 0 || enough()) return false;
    if (!picked_.test(i) && cpus_[i] != 0) take(i, limit(i, cpus_[i]));
    return true;
  }
  /// Up from the first required node, then down from it.
  void take_around_required(const Run& run) {
    for (std::size_t i = run.required; i <= run.last; ++i)
      if (!take_if_wanted(i)) break;
    for (std::size_t i = run.required; i-- > run.first;)
      if (!take_if_wanted(i)) break;
  }
  void take_from(const Run& run) {
    if (nodes_left_ <= 1) {  // the one node that fits tightest, when one suffices
      std::size_t best = kNone;
      for (std::size_t i = run.first; i <= run.last; ++i) {
        if (picked_.test(i) || cpus_[i] == 0 || cpus_[i] < cpus_left_ || !has_gres_left(i)) continue;
        if (best == kNone || cpus_[i] < cpus_[best]) best = i;
        if (cpus_[best] == cpus_left_) break;
      }
      if (best != kNone)
        for (std::size_t i = run.first; i <= run.last; ++i)
          if (i != best) cpus_[i] = 0;
    }
    for (std::size_t i = run.first; i <= run.last; ++i) {
      const bool last = max_nodes_left_ == 1;  // it must bring all that lacks
      if (last && (cpus_[i] < cpus_left_ || (cpus_[i] != 0 && !has_gres_left(i)))) continue;
      if (!take_if_wanted(i)) break;
    }
  }

  bool pick_runs() {
    build_runs();
    while (max_nodes_left_ > 0) {
      Run* run = best_run();
      if (!run) break;
      if (run->required != kNone)
        take_around_required(*run);
      else
        take_from(*run);
      if (enough()) return true;
      run->nodes = 0;
      run->cpus = 0;
    }
    return cpus_left_ <= 0 && enough_nodes(0) && enough_gres();
  }

  const Demand& d_;
  const Cluster& cluster_;
  const Choice& choice_;
  Bitmap& nodes_;
  std::vector<Offer>& offers_;
  Bitmap picked_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> cpus_;      // by node, those not yet taken
  std::vector<std::int64_t> gres_left_;  // by wish: what the whole job still lacks
  std::int64_t nodes_left_, min_nodes_left_, cpus_left_, max_cpus_left_, max_nodes_left_, total_cpus_ = 0;
};

}  // namespace

bool choose_nodes(const Choice& asked, Bitmap& nodes, std::vector<Offer>& offers) {
  Choice choice = asked;
  const Demand& d = *choice.demand;
  const Bitmap* required = choice.required;
  bool lacking = false;
  nodes.for_each([&](std::size_t i) {
    const bool too_big = d.whole_node && d.max_cpus != kNoVal32 && d.max_cpus < offers[i].cpus;
    if (offers[i].cpus != 0 && !too_big) return;
    lacking = lacking || (required && required->test(i));
    nodes.clear(i);
  });
  if (lacking) return false;
  if (d.tasks != 0 && d.tasks_per_node == 0 && choice.max_nodes > d.tasks)
    choice.max_nodes = std::max(d.tasks, choice.min_nodes);

  Bitmap left = nodes;
  if (Picker(choice, nodes, offers).pick()) return true;

  // Nodes that offer little may have been taken in the place of ones that offer more: try without them.
  std::size_t count = left.count();
  std::uint32_t most = 0;
  left.for_each([&](std::size_t i) { most = std::max(most, offers[i].cpus); });
  for (std::uint32_t least = 1; count > choice.min_nodes && least < most; ++least) {
    bool changed = false;
    left.for_each([&](std::size_t i) {
      if (count <= choice.min_nodes || offers[i].cpus > least || (required && required->test(i))) return;
      left.clear(i);
      --count;
      changed = true;
    });
    if (!changed) continue;
    nodes = left;
    if (Picker(choice, nodes, offers).pick()) return true;
  }
  return false;
}

}  // namespace flurm::sched
