// sched/step_cores.cpp — see step_cores.hpp.
#include "sched/step_cores.hpp"

#include <algorithm>

#include "sched/cores.hpp"

namespace flurm::sched {
namespace {

namespace dist = model::task_dist;

constexpr std::uint16_t kOneThreadPerCore = 0x2000;  // slurm 22.05 slurm/slurm.h CPU_BIND_ONE_THREAD_PER_CORE
constexpr std::uint16_t kByCore = model::cr_bit::socket | model::cr_bit::core;

bool given(std::uint16_t threads) { return threads != kNoVal16 && threads != 0; }

/// The node's cores in the order in which a step takes them.
std::vector<std::uint32_t> order_of_cores(const model::NodeConfig& node, const std::vector<Word>& free,
                                          const CoreWish& wish, std::uint32_t cores_per_task) {
  const std::uint32_t sockets = node.sockets, cores = node.cores;
  std::vector<std::uint32_t> order;
  const auto add = [&](std::uint32_t core) {
    if (core / 64 < free.size() && has(free, core)) order.push_back(core);
    return core / 64 < free.size() && has(free, core);
  };
  switch (wish.task_dist & dist::socket_mask) {
    case dist::socket_block:
      for (std::uint32_t core = 0; core < sockets * cores; ++core) add(core);
      break;
    case dist::socket_full:
      for (std::uint32_t core = 0; core < cores; ++core)
        for (std::uint32_t socket = 0; socket < sockets; ++socket) add(socket * cores + core);
      break;
    default: {  // a task's cores from one socket, the next task's from the next
      std::vector<std::uint32_t> next(sockets);
      const std::size_t all = count(free);
      std::uint32_t taken = 0;
      while (order.size() < all) {
        const std::size_t before = order.size();
        for (std::uint32_t socket = 0; socket < sockets; ++socket)
          while (next[socket] < cores) {
            if (!add(socket * cores + next[socket]++)) continue;
            if (++taken < cores_per_task) continue;
            taken = 0;
            break;
          }
        if (order.size() == before) break;
      }
    }
  }
  return order;
}

}  // namespace

std::uint32_t job_threads_per_core(const model::Job& job, const model::Node& node) {
  const std::uint16_t asked = job.request->threads_per_core;
  return given(asked) ? std::min(asked, node.config.threads) : node.config.threads;
}

std::uint32_t used_threads_per_core(const StepView& view, const model::StepRequest& r, const model::Node& node) {
  return given(r.threads_per_core) ? std::min<std::uint32_t>(r.threads_per_core, node.config.threads)
                                   : job_threads_per_core(view.job, node);
}

bool one_thread_per_core(const StepView& view, const model::StepRequest& r) {
  const model::JobRequest& job = *view.job.request;
  if (r.threads_per_core == 1 || (r.threads_per_core == kNoVal16 && job.threads_per_core == 1)) return true;
  return !view.job.allocation->whole_node && view.settings.cr_type & kByCore && job.cpu_bind_type != kNoVal16 &&
         job.cpu_bind_type & kOneThreadPerCore;
}

std::uint32_t cpus_per_core(const StepView& view, const model::StepRequest& r, const model::Node& node) {
  if (one_thread_per_core(view, r) || node.config.cpus == node.core_count()) return 1;
  return used_threads_per_core(view, r, node);
}

Result<std::vector<std::uint64_t>> take_cores(const model::NodeConfig& node, const model::NodeShare& share,
                                              const model::StepUse& use, const CoreWish& wish) {
  // Where the job's cores are not told apart, the step's are not either.
  if (share.cores.empty() || wish.all || wish.tasks == std::uint32_t{node.sockets} * node.cores) return share.cores;
  std::uint32_t wanted = wish.tasks;
  if (wish.cpus_per_task > 0) {
    const std::uint32_t per_core = std::max<std::uint32_t>(wish.cpus_per_core, 1);
    wanted = wish.cpus_per_task > per_core ? wish.tasks * ((wish.cpus_per_task + per_core - 1) / per_core)
                                           : (wish.tasks * wish.cpus_per_task + per_core - 1) / per_core;
  }
  if (wanted > share.cpus && !wish.overcommit)
    return fail(Errc::too_many_requested_cpus, "{} cores of {} CPUs on {}", wanted, share.cpus, node.name);

  std::vector<Word> free = share.cores;
  if (!wish.shares)
    for (std::size_t i = 0; i < free.size() && i < use.cores.size(); ++i) free[i] &= ~use.cores[i];
  const std::uint32_t per_task = wish.tasks > 0 ? std::max<std::uint32_t>(wanted / wish.tasks, 1) : 1;
  std::vector<Word> out(share.cores.size());
  std::uint32_t taken = 0;
  const auto take = [&](const std::vector<Word>& from) {
    for (std::uint32_t core : order_of_cores(node, from, wish, per_task)) {
      if (taken == wanted) return;
      if (has(out, core)) continue;
      set(out, core);
      ++taken;
    }
  };
  take(free);
  if (taken < wanted && !wish.overcommit)
    return fail(Errc::nodes_busy, "{} of {} cores are free on {}", taken, wanted, node.name);
  if (taken < wanted) take(share.cores);
  return out;
}

}  // namespace flurm::sched
