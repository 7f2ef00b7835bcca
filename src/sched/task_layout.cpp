// sched/task_layout.cpp — see task_layout.hpp.
#include "sched/task_layout.hpp"

#include <algorithm>
#include <numeric>

#include "base/types.hpp"
#include "model/step.hpp"

namespace flurm::sched {
namespace {

namespace dist = model::task_dist;

using Counts = std::vector<std::uint32_t>;
using Layout = std::vector<std::vector<std::uint32_t>>;

/// One task to each node in turn, as long as it has slots; when none has any left, one to every node in turn.
Counts deal(const Counts& slots, std::uint32_t tasks) {
  Counts counts(slots.size());
  const std::uint32_t deepest = *std::ranges::max_element(slots);
  for (std::uint32_t round = 0; tasks > 0; ++round)
    for (std::size_t i = 0; i < slots.size() && tasks > 0; ++i)
      if (round < slots[i] || round >= deepest) {
        ++counts[i];
        --tasks;
      }
  return counts;
}

/// One task to each node, then node after node is filled, then what is left to all in turn.
Counts pack(const Counts& slots, std::uint32_t tasks) {
  Counts counts(slots.size());
  for (std::size_t i = 0; i < slots.size() && tasks > 0; ++i)
    if (slots[i] > 0) {
      ++counts[i];
      --tasks;
    }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::uint32_t more = std::min(tasks, slots[i] - std::min(slots[i], counts[i]));
    counts[i] += more;
    tasks -= more;
  }
  for (std::size_t i = 0; tasks > 0; i = (i + 1) % slots.size()) {
    ++counts[i];
    --tasks;
  }
  return counts;
}

Layout in_blocks(const Counts& counts) {
  Layout out(counts.size());
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out[i].resize(counts[i]);
    std::iota(out[i].begin(), out[i].end(), next);
    next += counts[i];
  }
  return out;
}

Layout cyclic(const Counts& slots, std::uint32_t tasks) {
  const std::uint64_t all = std::accumulate(slots.begin(), slots.end(), std::uint64_t{0});
  // What does not fit is shared out evenly on top, in the same rounds.
  const std::uint64_t over = tasks > all ? (tasks - all + slots.size() - 1) / slots.size() : 0;
  Layout out(slots.size());
  std::uint32_t next = 0;
  for (std::uint32_t round = 0; next < tasks; ++round)
    for (std::size_t i = 0; i < slots.size() && next < tasks; ++i)
      if (round < slots[i] + over) out[i].push_back(next++);
  return out;
}

/// `size` tasks to each node in turn; how many a node gets in all is found by dealing planes into slots.
Layout planes(const Counts& slots, std::uint32_t tasks, std::uint16_t size) {
  Counts counts(slots.size());
  std::uint32_t left = tasks;
  bool sharing = false;
  for (std::uint32_t round = 0; left > 0; ++round) {
    bool space = false;
    if (round == 0)
      for (std::size_t i = 0; i < slots.size() && left > 0; ++i, --left) ++counts[i];
    for (std::size_t i = 0; i < slots.size(); ++i)
      for (std::uint32_t k = round == 0 ? 1 : 0; k < size && left > 0; ++k)
        if (counts[i] < slots[i] || sharing) {
          ++counts[i];
          --left;
          space |= counts[i] < slots[i];
        }
    if (!space) sharing = true;
  }
  Layout out(slots.size());
  for (std::uint32_t next = 0; next < tasks;)
    for (std::size_t i = 0; i < slots.size(); ++i)
      for (std::uint16_t k = 0; k < size && out[i].size() < counts[i]; ++k) out[i].push_back(next++);
  return out;
}

}  // namespace

Result<Layout> lay_out_tasks(const TaskLayoutRequest& request) {
  if (request.slots.empty()) return fail(Errc::bad_task_count, "tasks on no node");
  const std::uint32_t base = request.task_dist & dist::base_mask;
  const bool sized = request.plane_size != 0 && request.plane_size != kNoVal16;
  Counts slots = request.slots;
  for (std::uint32_t& each : slots) {
    each = std::max<std::uint32_t>(each, 1);
    if (sized && base != dist::plane) each = std::min<std::uint32_t>(each, request.plane_size);
  }
  if ((request.task_dist & dist::node_mask) == dist::cyclic) return cyclic(slots, request.num_tasks);
  if (base == dist::arbitrary) {
    if (request.node_of_task.size() != request.num_tasks)
      return fail(Errc::bad_dist, "{} tasks on {} listed nodes", request.num_tasks, request.node_of_task.size());
    Layout out(slots.size());
    for (std::uint32_t task = 0; task < request.num_tasks; ++task) {
      if (request.node_of_task[task] >= out.size()) return fail(Errc::bad_dist, "task {} is on no node", task);
      out[request.node_of_task[task]].push_back(task);
    }
    return out;
  }
  if (base == dist::plane) {
    if (!sized) return fail(Errc::bad_dist, "planes of no size");
    return planes(slots, request.num_tasks, request.plane_size);
  }
  const bool packs =
      request.task_dist & dist::pack_nodes || (request.pack_nodes && !(request.task_dist & dist::no_pack_nodes));
  return in_blocks(packs ? pack(slots, request.num_tasks) : deal(slots, request.num_tasks));
}

}  // namespace flurm::sched
