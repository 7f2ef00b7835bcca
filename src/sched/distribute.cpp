// sched/distribute.cpp — CPUs and cores within the chosen nodes.
#include "sched/distribute.hpp"

#include <algorithm>
#include <numeric>

#include "sched/offer.hpp"

namespace flurm::sched {
namespace {

/// slurm 22.05 slurm/slurm.h SLURM_DIST_*: nodes in the lowest four bits, sockets in the next four.
constexpr std::uint32_t kStateBase = 0xffff, kNodeMask = 0xf, kSocketMask = 0xf0, kPlane = 4, kSocketBlock = 0x20;

/// CPUs for all tasks together, before they are dealt.
std::uint32_t cpus_to_deal(const Demand& d, const std::vector<Chosen>& nodes) {
  const auto count = static_cast<std::uint32_t>(nodes.size());
  std::uint32_t cpus = count * std::max<std::uint32_t>(d.tasks_per_node, 1);
  cpus = std::max({cpus, d.min_cpus, count * d.cpus_per_node});
  if (d.overcommit && d.tasks != 0) {
    std::uint32_t usable = 0;
    for (const Chosen& chosen : nodes) usable += chosen.cpus;
    cpus = std::min(usable, d.tasks);
  }
  return cpus;
}

std::uint32_t tasks_to_deal(const Demand& d, const std::vector<Chosen>& nodes) {
  std::uint32_t tasks = cpus_to_deal(d, nodes);
  if (!d.overcommit && d.cpus_per_task > 1)
    tasks =
        d.tasks_per_node == 0 ? tasks / d.cpus_per_task : d.tasks_per_node * static_cast<std::uint32_t>(nodes.size());
  return std::max(tasks, 1u);
}

/// One node while tasks are dealt to it.
struct Hand {
  std::uint32_t usable = 0, cpus = 0, tasks = 0;
  std::uint32_t cpus_per_core = 1;
  bool has_room(std::uint32_t wanted) const { return usable - cpus >= wanted; }
  void deal(std::uint32_t per_task) {
    ++tasks;
    cpus = std::min(cpus + per_task, usable);
  }
};

/// First a task to each node, then the threads of cores begun, then rounds of one core's worth of tasks.
void deal_tasks(const Demand& d, std::uint32_t tasks_max, std::vector<Hand>& hands) {
  const std::uint32_t per_task = d.cpus_per_task;
  const auto full = [&](const Hand& hand) { return d.tasks_per_node != 0 && hand.tasks >= d.tasks_per_node; };
  std::uint32_t dealt = 0;
  bool crowded = true;  // nobody has room: tasks share CPUs
  for (Hand& hand : hands) {
    if (dealt == tasks_max) break;
    if (hand.usable == 0) continue;
    hand.deal(per_task);
    ++dealt;
    crowded = crowded && !hand.has_room(1);
  }
  for (Hand& hand : hands) {
    std::uint32_t more = hand.cpus % hand.cpus_per_core / per_task;
    for (; more > 0 && dealt < tasks_max && hand.has_room(per_task) && !full(hand); --more, ++dealt)
      hand.deal(per_task);
  }
  const auto comes_with_tasks = [](const model::GresWish& wish) { return wish.per_task != 0; };
  const bool one_decides = d.overcommit && std::ranges::none_of(d.gres, comes_with_tasks);
  if (one_decides || hands.empty()) return;  // with -O, one task on each node decides
  while (dealt < tasks_max) {
    bool room = false;
    for (Hand& hand : hands) {
      const std::uint32_t round = std::max(hand.cpus_per_core / per_task, 1u);
      for (std::uint32_t t = 0; t < round && dealt < tasks_max; ++t, ++dealt) {
        if (!crowded && (!hand.has_room(per_task) || full(hand))) break;
        hand.deal(per_task);
        room = room || hand.has_room(per_task);
      }
    }
    crowded = crowded || !room;
  }
}

void deal_planes(const Demand& d, std::uint32_t tasks_max, std::vector<Hand>& hands) {
  std::uint32_t dealt = 0;
  bool crowded = false;
  while (dealt < tasks_max) {
    bool room = false;
    for (Hand& hand : hands) {
      for (std::uint32_t p = 0; p < std::max<std::uint32_t>(d.plane_size, 1) && dealt < tasks_max; ++p) {
        if (!hand.has_room(1) && !crowded) break;
        hand.deal(d.cpus_per_task);
        ++dealt;
      }
      room = room || hand.has_room(1);
    }
    crowded = crowded || !room;
  }
}

/// Counts down the CPUs that a core provides; with one task to a core, a task's last core may be used in part.
class Countdown {
 public:
  Countdown(const Demand& d, std::uint32_t per_core, std::uint32_t cpus)
      : cpus_(cpus),
        per_core_(per_core),
        per_task_(d.cpus_per_task),
        rest_of_task_(d.cpus_per_task),
        whole_cores_(d.tasks_per_core != 1 || d.cpus_per_task <= per_core) {}
  bool done() const { return cpus_ == 0; }
  std::uint32_t left() const { return cpus_; }
  /// Takes one core; returns the CPUs it provides.
  std::uint32_t take_core(bool in_parts = true) {
    std::uint32_t used = per_core_;
    if (in_parts && !whole_cores_) {
      used = std::min(rest_of_task_, per_core_);
      rest_of_task_ = rest_of_task_ <= used ? per_task_ : rest_of_task_ - used;
    }
    cpus_ = cpus_ < per_core_ ? 0 : cpus_ - used;
    return used;
  }

 private:
  std::uint32_t cpus_, per_core_, per_task_, rest_of_task_;
  bool whole_cores_;
};

class NodeCores {
 public:
  NodeCores(const Demand& d, const NodeInfo& node, Chosen& chosen)
      : d_(d), node_(node), chosen_(chosen), per_core_(cpus_per_core(d, node)), taken_(chosen.cores.size()) {}

  /// Cores from all sockets in turn; a task of several CPUs keeps to one socket where it can.
  bool take_cyclic() {
    next_.resize(node_.sockets);
    for (std::uint32_t s = 0; s < node_.sockets; ++s) next_[s] = s * node_.cores;
    std::vector<bool> avoided(node_.sockets, false);
    Countdown cpus(d_, per_core_, chosen_.cpus);
    if (d_.tasks_per_socket != 0)
      avoided = sockets_to_avoid();
    else if (d_.cpus_per_task > 1)
      pack_tasks(cpus);
    while (!cpus.done()) {
      bool progress = false;
      for (std::uint32_t s = 0; s < node_.sockets && !cpus.done(); ++s) {
        if (avoided[s] || !take_next(s)) continue;
        cpus.take_core(false);
        progress = true;
      }
      if (progress) continue;
      if (d_.overcommit) break;
      return false;
    }
    finish();
    return true;
  }

  /// Cores from as few sockets as possible: the socket that fits tightest, else the one with most to give.
  bool take_block() {
    Countdown cpus(d_, per_core_, chosen_.cpus);
    std::vector<std::uint32_t> free(node_.sockets);
    for (std::uint32_t s = 0; s < node_.sockets; ++s) free[s] = count(chosen_.cores, s * node_.cores, node_.cores);
    next_.resize(node_.sockets);
    for (std::uint32_t s = 0; s < node_.sockets; ++s) next_[s] = s * node_.cores;
    std::uint32_t needed = (chosen_.cpus + per_core_ - 1) / per_core_;
    if (d_.tasks_per_core == 1 && d_.cpus_per_task > per_core_)
      needed = chosen_.cpus / d_.cpus_per_task * ((d_.cpus_per_task + per_core_ - 1) / per_core_);
    while (!cpus.done()) {
      std::uint32_t best = 0, best_free = 0;
      for (std::uint32_t s = 0; s < node_.sockets; ++s) {
        const bool suffices = free[s] >= needed, best_suffices = best_free != 0 && best_free >= needed;
        if (free[s] != 0 && (best_free == 0 || (suffices && (!best_suffices || free[s] < best_free)) ||
                             (!suffices && !best_suffices && free[s] > best_free))) {
          best = s;
          best_free = free[s];
        }
      }
      if (best_free == 0) return d_.overcommit;
      for (; free[best] > 0 && !cpus.done() && take_next(best); --free[best]) cpus.take_core();
    }
    finish();
    return true;
  }

 private:
  bool take_next(std::uint32_t socket) {
    std::uint32_t& core = next_[socket];
    const std::uint32_t end = (socket + 1u) * node_.cores;
    while (core < end && !has(chosen_.cores, core)) ++core;
    if (core == end) return false;
    set(taken_, core++);
    return true;
  }

  std::vector<std::uint32_t> cpus_by_socket() const {
    std::vector<std::uint32_t> cpus(node_.sockets);
    for (std::uint32_t s = 0; s < node_.sockets; ++s)
      cpus[s] = count(chosen_.cores, s * node_.cores, node_.cores) * per_core_;
    return cpus;
  }

  /// With --ntasks-per-socket: sockets that the others can do without.
  std::vector<bool> sockets_to_avoid() const {
    std::vector<bool> avoided(node_.sockets, false);
    std::vector<std::uint32_t> cpus = cpus_by_socket();
    const std::uint32_t most = std::uint32_t{d_.tasks_per_socket} * d_.cpus_per_task;
    std::uint32_t total = std::accumulate(cpus.begin(), cpus.end(), 0u);
    for (std::uint32_t s = 0; s < node_.sockets && total > chosen_.cpus; ++s) {
      if (cpus[s] <= most) continue;
      total -= cpus[s] - most;
      cpus[s] = most;
    }
    for (std::uint32_t s = 0; s < node_.sockets && total > chosen_.cpus; ++s) {
      if (cpus[s] > most || total - cpus[s] < chosen_.cpus) continue;
      avoided[s] = true;
      total -= cpus[s];
    }
    return avoided;
  }

  /// As many whole tasks as fit into each socket, first socket first.
  void pack_tasks(Countdown& cpus) {
    std::vector<std::uint32_t> room = cpus_by_socket();
    for (std::uint32_t s = 0; s < node_.sockets && !cpus.done(); ++s) {
      room[s] -= room[s] % d_.cpus_per_task;
      while (room[s] > 0 && !cpus.done() && take_next(s)) {
        const std::uint32_t used = cpus.take_core();
        room[s] = room[s] < per_core_ ? 0 : room[s] - used;
      }
    }
  }

  void finish() {
    if (d_.unit == Unit::socket) fill_sockets();
    chosen_.cores = taken_;
    if (d_.unit != Unit::cpu) chosen_.cpus = count(chosen_.cores) * node_.cpus_per_core;
  }
  void fill_sockets() {
    for (std::uint32_t s = 0; s < node_.sockets; ++s)
      if (count(taken_, s * node_.cores, node_.cores) != 0)
        for (std::uint32_t core = s * node_.cores; core < (s + 1u) * node_.cores; ++core) set(taken_, core);
  }

  const Demand& d_;
  const NodeInfo& node_;
  Chosen& chosen_;
  std::uint32_t per_core_;
  std::vector<Word> taken_;
  std::vector<std::uint32_t> next_;  // by socket: the core to look at next
};

bool takes_block(const Demand& d) {
  if (d.unit == Unit::cpu) return true;
  const std::uint32_t sockets = d.task_dist & kSocketMask;
  if (sockets == kSocketBlock || (d.task_dist & kStateBase) == kPlane) return true;
  return d.block_cores && sockets == 0;
}

}  // namespace

bool distribute(const Demand& d, const Cluster& cluster, std::vector<Chosen>& nodes) {
  if (d.whole_node || d.sharing == Sharing::exclusive) {
    for (Chosen& chosen : nodes) {
      const ConstCores cores = cluster.cores(chosen.node);
      chosen.cores.assign(cores.begin(), cores.end());
      chosen.cpus = cluster.node(chosen.node).cpus;
      chosen.tasks = std::max<std::uint32_t>(d.tasks_per_node, 1);
    }
    return true;
  }
  std::vector<Hand> hands;
  for (const Chosen& chosen : nodes)
    hands.push_back({.usable = chosen.cpus, .cpus_per_core = cluster.node(chosen.node).cpus_per_core});
  const bool planes = (d.task_dist & kStateBase & kNodeMask) == kPlane && !d.overcommit;
  if (planes) {
    std::uint32_t tasks = cpus_to_deal(d, nodes);
    if (d.cpus_per_task > 1) tasks /= d.cpus_per_task;
    deal_planes(d, std::max(tasks, 1u), hands);
  } else {
    deal_tasks(d, tasks_to_deal(d, nodes), hands);
  }
  const bool block = takes_block(d);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].cpus = hands[i].cpus;
    nodes[i].tasks = hands[i].tasks;
    NodeCores cores(d, cluster.node(nodes[i].node), nodes[i]);
    if (!(block ? cores.take_block() : cores.take_cyclic())) return false;
  }
  return true;
}

std::uint32_t cpus_for_memory(const Demand& d, const NodeInfo& node, std::uint32_t cpus) {
  if (d.unit != Unit::core && d.unit != Unit::socket) return cpus;
  if (d.threads == 0 || d.threads >= node.cpus_per_core) return cpus;
  return cpus / node.cpus_per_core * d.threads;
}

}  // namespace flurm::sched
