// sched/step_gres.cpp — see step_gres.hpp. (slurm 22.05 src/common/gres.c gres_step_state_validate(), _step_test();
// src/slurmctld/gres_ctld.c gres_ctld_step_alloc())
#include "sched/step_gres.hpp"

#include <algorithm>

#include "model/gres.hpp"

namespace flurm::sched {
namespace {

using model::GresShare;
using model::GresWish;

bool serves(const GresShare& share, const GresWish& wish) {
  return share.name == wish.name && (wish.type.empty() || wish.type == share.type);
}

/// A step asks for no more than its job asked for.
Result<void> check(const GresWish& step, const std::vector<GresWish>& job, std::uint32_t min_nodes) {
  const auto same = std::ranges::find_if(job, [&](const GresWish& wish) {
    return wish.name == step.name && (step.type.empty() || step.type == wish.type);
  });
  if (same == job.end()) return fail(Errc::invalid_gres, "{}:{} is not the job's", step.name, step.type);
  const auto more = [](std::uint64_t of_step, std::uint64_t of_job) { return of_job != 0 && of_step > of_job; };
  if (more(step.cpus_each, same->cpus_each) || more(step.per_job, same->per_job) ||
      more(step.per_node, same->per_node) || more(step.per_socket, same->per_socket) ||
      more(step.per_task, same->per_task))
    return fail(Errc::invalid_gres, "more {} than the job has", step.name);
  if (step.per_job != 0 && min_nodes != kInfinite32 && step.per_job < min_nodes)
    return fail(Errc::invalid_gres, "{} {} for {} nodes", step.per_job, step.name, min_nodes);
  return {};
}

}  // namespace

Result<StepGres> StepGres::make(const StepView& view, const model::StepRequest& r) {
  StepGres out(view);
  FLURM_TRY(out.wishes_, model::gres_wishes({.per_job = r.tres_per_step,
                                             .per_node = r.tres_per_node,
                                             .per_socket = r.tres_per_socket,
                                             .per_task = r.tres_per_task,
                                             .cpus_each = r.cpus_per_tres,
                                             .memory_each = r.mem_per_tres,
                                             .tasks_each = r.ntasks_per_tres},
                                            view.settings.gres_types));
  std::erase_if(out.wishes_, [](const GresWish& wish) {
    return !wish.per_job && !wish.per_node && !wish.per_socket && !wish.per_task;
  });
  if (out.wishes_.empty()) return out;
  FLURM_TRY(const std::vector<GresWish> job, model::gres_wishes(*view.job.request, view.settings.gres_types));
  for (const GresWish& wish : out.wishes_) FLURM_TRY_VOID(check(wish, job, r.min_nodes));
  out.overlap_ = r.flags & model::step_flag::overlap;
  out.total_.resize(out.wishes_.size());
  return out;
}

/// Devices, and how many in all, that other steps have of a share of the job.
std::vector<std::uint64_t> StepGres::used(const model::NodeShare& share, const GresShare& of,
                                          std::uint64_t& count) const {
  std::vector<std::uint64_t> mask(of.devices.size());
  const auto found = view_->uses.find(share.node);
  if (found == view_->uses.end()) return mask;
  for (const GresShare& held : found->second.gres) {
    if (held.name != of.name || held.type != of.type) continue;
    count += held.count;
    for (std::size_t w = 0; w < mask.size() && w < held.devices.size(); ++w) mask[w] |= held.devices[w];
  }
  return mask;
}

std::uint64_t StepGres::count_on(const model::NodeShare& share, const GresWish& wish, bool ever) const {
  std::uint64_t sum = 0;
  for (const GresShare& given : share.gres) {
    if (!serves(given, wish)) continue;
    std::uint64_t held = 0;
    if (!ever && !overlap_) used(share, given, held);
    sum += given.count - std::min(given.count, held);
  }
  return sum;
}

bool StepGres::enough_on(const model::NodeShare& share, bool alone, bool ever) const {
  return std::ranges::all_of(wishes_, [&](const GresWish& wish) {
    std::uint64_t least = std::max<std::uint64_t>({wish.per_node, wish.per_socket, wish.per_task, 1});
    if (alone) least = std::max(least, wish.per_job);
    return count_on(share, wish, ever) >= least;
  });
}

std::uint32_t StepGres::tasks_on(const model::NodeShare& share, bool ever) const {
  std::uint64_t tasks = kNoVal32;
  for (const GresWish& wish : wishes_)
    if (wish.per_task != 0) tasks = std::min(tasks, count_on(share, wish, ever) / wish.per_task);
  return static_cast<std::uint32_t>(tasks);
}

Result<std::vector<GresShare>> StepGres::take(const model::NodeShare& share, const std::vector<std::uint64_t>& cores,
                                              std::uint32_t tasks, std::uint32_t nodes_left) {
  std::vector<GresShare> out;
  const model::Node& node = *view_->nodes.find(share.node);
  const auto pools =
      model::gres_pools(view_->settings.gres_types, node.config.gres, node.gres_reported, node.core_count());
  const auto is_near = [&](const GresShare& given, std::uint32_t device) {
    for (const model::GresPool& pool : pools)
      for (const model::GresGroup& group : pool.groups)
        if (pool.name == given.name && device >= group.first && device < group.first + group.devices) {
          for (std::size_t w = 0; w < group.cores.size() && w < cores.size(); ++w)
            if (group.cores[w] & cores[w]) return true;
          return group.cores.empty() || cores.empty();
        }
    return true;
  };
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    const GresWish& wish = wishes_[i];
    std::uint64_t needed = 0;
    if (wish.per_node != 0) {
      needed = wish.per_node;
    } else if (wish.per_task != 0) {
      needed = wish.per_task * tasks;
    } else if (wish.per_job != 0) {  // the rest on the last node; before it, one is left for each node to come
      const std::uint64_t left = wish.per_job - std::min(wish.per_job, total_[i]);
      const std::uint64_t others = nodes_left - 1;
      needed = others == 0 ? left : std::min(count_on(share, wish, false), left - std::min(left, others));
    } else {
      needed = count_on(share, wish, false);
    }
    for (const GresShare& given : share.gres) {
      if (!serves(given, wish) || needed == 0) continue;
      std::uint64_t held = 0;
      const std::vector<std::uint64_t> taken =
          overlap_ ? std::vector<std::uint64_t>(given.devices.size()) : used(share, given, held);
      if (overlap_) held = 0;
      GresShare mine{given.name, given.type, 0, given.device_count, {}};
      std::uint64_t count = std::min(needed, given.count - std::min(given.count, held));
      if (given.device_count == 0 || model::is_shared_gres(given.name)) {
        mine.devices = given.devices;
        mine.count = count;
      } else {
        for (const bool near : {true, false})
          for (std::uint32_t device = 0; device < given.device_count && mine.count < count; ++device) {
            if (!model::has_device(given.devices, device) || model::has_device(taken, device) ||
                model::has_device(mine.devices, device) || (near && !is_near(given, device)))
              continue;
            model::set_device(mine.devices, device);
            ++mine.count;
          }
      }
      needed -= mine.count;
      total_[i] += mine.count;
      if (mine.count != 0) out.push_back(std::move(mine));
    }
    if (needed == 0) continue;
    std::uint64_t ever = count_on(share, wish, true);
    if (wish.per_task != 0 && ever < wish.per_task * tasks)
      return fail(Errc::insufficient_gres, "{} {} for {} tasks", ever, wish.name, tasks);
    return fail(Errc::nodes_busy, "{} {} are not free", needed, wish.name);
  }
  return out;
}

std::uint64_t StepGres::memory_for(const std::vector<GresShare>& taken) const {
  std::uint64_t memory = 0;
  for (const GresWish& wish : wishes_)
    for (const GresShare& share : taken)
      if (serves(share, wish)) memory += wish.memory_each_mib * share.count;
  return memory;
}

}  // namespace flurm::sched
