// sched/profile.cpp — steps of use over time, node by node.
#include "sched/profile.hpp"

#include <algorithm>

namespace flurm::sched {

Profile::Profile(const Cluster& cluster, TimeS now)
    : cluster_(cluster), words_(cluster.words()), now_(now), lines_(cluster.size()) {}

void Profile::hold(const Holding& holding, TimeS until) {
  held_.push_back(holding);
  until_.push_back(std::max(until, now_ + 1));
}

/// From the last end backwards: each step holds what the one after it holds, and what ends in between.
void Profile::build() {
  std::vector<Held> all;
  for (std::uint32_t h = 0; h < held_.size(); ++h)
    for (std::uint32_t s = 0; s < held_[h].shares.size(); ++s)
      all.push_back({held_[h].shares[s].node, until_[h], h, s});
  std::ranges::sort(all, [](const Held& a, const Held& b) {
    return a.node != b.node ? a.node < b.node : a.until != b.until ? b.until < a.until : a.holding < b.holding;
  });
  std::size_t at = 0;
  for (NodeIndex node = 0; node < lines_.size(); ++node) {
    Timeline& line = lines_[node];
    NodeUse use;
    std::vector<Word> busy(words_);
    const auto add_step = [&](TimeS from) {
      line.steps.push_back({from, use});
      line.busy.insert(line.busy.begin(), busy.begin(), busy.end());
    };
    while (at < all.size() && all[at].node == node) {
      const TimeS until = all[at].until;
      add_step(until);
      for (; at < all.size() && all[at].node == node && all[at].until == until; ++at)
        add_use(use, busy, held_[all[at].holding], held_[all[at].holding].shares[all[at].share]);
    }
    add_step(now_);
    std::ranges::reverse(line.steps);
  }
  held_.clear();
  until_.clear();
}

std::size_t Profile::step_at(const Timeline& line, TimeS time) const {
  const auto after = std::ranges::upper_bound(line.steps, time, {}, &Step::from);
  return after == line.steps.begin() ? 0 : static_cast<std::size_t>(after - line.steps.begin()) - 1;
}

std::size_t Profile::split(Timeline& line, TimeS time) {
  const std::size_t step = step_at(line, time);
  if (line.steps[step].from >= time) return step;
  const auto next = static_cast<std::ptrdiff_t>(step + 1);
  line.steps.insert(line.steps.begin() + next, {time, line.steps[step].use});
  const ConstCores same = busy(line, step);
  const std::vector<Word> copy(same.begin(), same.end());
  line.busy.insert(line.busy.begin() + next * static_cast<std::ptrdiff_t>(words_), copy.begin(), copy.end());
  return step + 1;
}

void Profile::reserve(const Holding& holding, TimeS from, TimeS until) {
  for (const Share& share : holding.shares) {
    Timeline& line = lines_[share.node];
    const std::size_t first = split(line, from), end = split(line, until);
    for (std::size_t step = first; step < end; ++step)
      add_use(line.steps[step].use, {line.busy.data() + step * words_, words_}, holding, share);
    line.reservations.emplace_back(from, until);
  }
}

bool Profile::reserved(NodeIndex node, TimeS from, TimeS until) const {
  return std::ranges::any_of(lines_[node].reservations,
                             [&](const auto& r) { return r.first < until && from < r.second; });
}

bool Profile::fits(const Timeline& line, std::size_t step, NodeIndex node, const NodeNeed& need) const {
  const NodeUse& use = line.steps[step].use;
  if (use.exclusive_jobs != 0 || (need.idle && use.jobs != 0)) return false;
  if (use.memory_mib + need.memory_mib > cluster_.node(node).memory_mib) return false;
  const ConstCores all = cluster_.cores(node), taken = busy(line, step);
  std::uint32_t free = 0;
  for (std::size_t w = 0; w < words_; ++w) free += static_cast<std::uint32_t>(std::popcount(all[w] & ~taken[w]));
  return free >= need.cores;
}

TimeS Profile::earliest(NodeIndex node, const NodeNeed& need, TimeS from, std::int64_t duration_s) const {
  const Timeline& line = lines_[node];
  for (std::size_t step = step_at(line, from); step < line.steps.size(); ++step) {
    if (!fits(line, step, node, need)) continue;
    const TimeS start = std::max(from, line.steps[step].from);
    if (line.reservations.empty()) return start;  // use only falls
    std::size_t next = step + 1;
    while (next < line.steps.size() && line.steps[next].from < start + duration_s && fits(line, next, node, need))
      ++next;
    if (next == line.steps.size() || line.steps[next].from >= start + duration_s) return start;
    step = next;
  }
  return kNever;
}

void Profile::fill(Usage& usage, NodeIndex node, TimeS from, TimeS until) const {
  const Timeline& line = lines_[node];
  std::size_t step = step_at(line, from);
  NodeUse use = line.steps[step].use;
  Cores all = usage.busy(node);
  std::ranges::copy(busy(line, step), all.begin());
  if (!line.reservations.empty()) {
    for (++step; step < line.steps.size() && line.steps[step].from < until; ++step) {
      const NodeUse& more = line.steps[step].use;
      use.memory_mib = std::max(use.memory_mib, more.memory_mib);
      use.unshared_jobs = std::max(use.unshared_jobs, more.unshared_jobs);
      use.exclusive_jobs = std::max(use.exclusive_jobs, more.exclusive_jobs);
      if (more.user != kNoVal32) use.user = use.user == kNoVal32 || use.user == more.user ? more.user : kInfinite32;
      if (more.jobs != 0)
        use.only_user = use.jobs == 0 || use.only_user == more.only_user ? more.only_user : kInfinite32;
      use.jobs = std::max(use.jobs, more.jobs);
      const ConstCores taken = busy(line, step);
      for (std::size_t w = 0; w < words_; ++w) all[w] |= taken[w];
    }
  }
  usage.at(node) = use;
}

TimeS Profile::next_change(const Bitmap& nodes, TimeS after) const {
  TimeS next = kNever;
  nodes.for_each([&](std::size_t i) {
    const auto& steps = lines_[i].steps;
    const auto found = std::ranges::upper_bound(steps, after, {}, &Step::from);
    if (found != steps.end()) next = std::min(next, found->from);
  });
  return next;
}

}  // namespace flurm::sched
