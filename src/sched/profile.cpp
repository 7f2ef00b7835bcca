// sched/profile.cpp — steps of use over time, node by node.
#include "sched/profile.hpp"

#include <algorithm>

namespace flurm::sched {
namespace {

/// No label has this number: labels' are odd.
constexpr std::uint64_t kSeveralLabels = 2;

std::uint32_t free_count(ConstCores all, ConstCores busy) {
  std::uint32_t free = 0;
  for (std::size_t w = 0; w < all.size(); ++w) free += static_cast<std::uint32_t>(std::popcount(all[w] & ~busy[w]));
  return free;
}

/// What is held at either time, each as often as where it is held more often.
void unite(std::vector<model::GresShare>& held, const std::vector<model::GresShare>& more) {
  for (const model::GresShare& share : more)
    if (std::ranges::count(held, share) < std::ranges::count(more, share)) held.push_back(share);
}

std::size_t step_at(const Timeline& line, TimeS time) {
  const auto after = std::ranges::upper_bound(line.steps, time, {}, &Timeline::Step::from);
  return after == line.steps.begin() ? 0 : static_cast<std::size_t>(after - line.steps.begin()) - 1;
}

}  // namespace

/// From the last end backwards: each step holds what the one after it holds, and what ends in between.
Timeline make_timeline(const Cluster& cluster, NodeIndex node, std::vector<HeldShare>& held) {
  std::ranges::sort(held, [](const HeldShare& a, const HeldShare& b) { return b.until < a.until; });
  const std::size_t words = cluster.words();
  Timeline line;
  NodeUse use;
  std::vector<std::vector<Word>> masks;
  std::vector<Word> busy(words);
  const auto add_step = [&](TimeS from) {
    line.steps.push_back({from, free_count(cluster.cores(node), busy), use});
    masks.push_back(busy);
  };
  for (std::size_t at = 0; at < held.size();) {
    const TimeS until = held[at].until;
    add_step(until);
    for (; at < held.size() && held[at].until == until; ++at)
      add_use(use, busy, *held[at].holding, held[at].holding->shares[held[at].share]);
  }
  add_step(TimeS{0});
  std::ranges::reverse(line.steps);
  for (auto mask = masks.rbegin(); mask != masks.rend(); ++mask)
    line.busy.insert(line.busy.end(), mask->begin(), mask->end());
  return line;
}

Timeline& Profile::own_line(NodeIndex node) {
  if (!changed_[node]) changed_[node] = std::make_unique<Timeline>(running_[node]);
  return *changed_[node];
}

std::size_t Profile::split(Timeline& line, TimeS time) const {
  const std::size_t step = step_at(line, time);
  if (line.steps[step].from >= time) return step;
  Timeline::Step copy = line.steps[step];
  copy.from = time;
  line.steps.insert(line.steps.begin() + static_cast<std::ptrdiff_t>(step + 1), copy);
  const auto words = static_cast<std::ptrdiff_t>(words_);
  const auto mask = line.busy.begin() + static_cast<std::ptrdiff_t>(step) * words;
  const std::vector<Word> same(mask, mask + words);
  line.busy.insert(mask + words, same.begin(), same.end());
  return step + 1;
}

void Profile::add(Timeline& line, std::size_t first, std::size_t end, const Holding& holding, const Share& share) {
  for (std::size_t step = first; step < end; ++step) {
    const Cores busy{line.busy.data() + step * words_, words_};
    add_use(line.steps[step].use, busy, holding, share);
    line.steps[step].free_cores = free_count(cluster_.cores(share.node), busy);
  }
}

void Profile::hold(const Holding& holding, TimeS until) {
  for (const Share& share : holding.shares) {
    Timeline& line = own_line(share.node);
    add(line, 0, split(line, until), holding, share);
  }
}

void Profile::reserve(const Holding& holding, TimeS from, TimeS until) {
  for (const Share& share : holding.shares) {
    Timeline& line = own_line(share.node);
    const std::size_t first = split(line, from);
    add(line, first, split(line, until), holding, share);
    line.reservations.emplace_back(from, until);
  }
}

bool Profile::reserved(NodeIndex node, TimeS from, TimeS until) const {
  return std::ranges::any_of(line(node).reservations,
                             [&](const auto& r) { return r.first < until && from < r.second; });
}

bool Profile::fits(const Timeline::Step& step, NodeIndex node, const NodeNeed& need) const {
  if (step.free_cores < need.cores || step.use.exclusive_jobs != 0 || (need.idle && step.use.jobs != 0)) return false;
  return step.use.memory_mib + need.memory_mib <= cluster_.node(node).memory_mib;
}

TimeS Profile::earliest(NodeIndex node, const NodeNeed& need, TimeS from, std::int64_t duration_s) const {
  const Timeline& line = this->line(node);
  const std::vector<Timeline::Step>& steps = line.steps;
  for (std::size_t step = step_at(line, from); step < steps.size(); ++step) {
    if (!fits(steps[step], node, need)) continue;
    const TimeS start = std::max(from, steps[step].from);
    if (line.reservations.empty()) return start;
    std::size_t next = step + 1;
    while (next < steps.size() && steps[next].from < start + duration_s && fits(steps[next], node, need)) ++next;
    if (next == steps.size() || steps[next].from >= start + duration_s) return start;
    step = next;
  }
  return kNever;
}

void Profile::fill(Usage& usage, NodeIndex node, TimeS from, TimeS until) const {
  const Timeline& line = this->line(node);
  std::size_t step = step_at(line, from);
  const auto busy = [&](std::size_t s) { return ConstCores{line.busy.data() + s * words_, words_}; };
  NodeUse use = line.steps[step].use;
  Cores all = usage.busy(node);
  std::ranges::copy(busy(step), all.begin());
  if (!line.reservations.empty()) {
    for (++step; step < line.steps.size() && line.steps[step].from < until; ++step) {
      const NodeUse& more = line.steps[step].use;
      use.memory_mib = std::max(use.memory_mib, more.memory_mib);
      use.unshared_jobs = std::max(use.unshared_jobs, more.unshared_jobs);
      use.exclusive_jobs = std::max(use.exclusive_jobs, more.exclusive_jobs);
      if (more.user != kNoVal32) use.user = use.user == kNoVal32 || use.user == more.user ? more.user : kInfinite32;
      if (more.jobs != 0)
        use.only_user = use.jobs == 0 || use.only_user == more.only_user ? more.only_user : kInfinite32;
      if (more.jobs != 0) use.label = use.jobs == 0 || use.label == more.label ? more.label : kSeveralLabels;
      use.jobs = std::max(use.jobs, more.jobs);
      unite(use.gres, more.gres);
      const ConstCores taken = busy(step);
      for (std::size_t w = 0; w < words_; ++w) all[w] |= taken[w];
    }
  }
  usage.at(node) = use;
}

TimeS Profile::next_change(const Bitmap& nodes, TimeS after) const {
  TimeS next = kNever;
  nodes.for_each([&](std::size_t i) {
    const auto& steps = line(static_cast<NodeIndex>(i)).steps;
    const auto found = std::ranges::upper_bound(steps, after, {}, &Timeline::Step::from);
    if (found != steps.end()) next = std::min(next, found->from);
  });
  return next;
}

}  // namespace flurm::sched
