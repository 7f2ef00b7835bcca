// sim/judge.cpp — see judge.hpp.
#include "sim/judge.hpp"

#include "ctld/core.hpp"
#include "fmt/format.h"
#include "state/cluster_state.hpp"

namespace flurm::sim {
namespace {

/// CPUs of every node that jobs have, against what it has.
std::string over_allocated(const state::ClusterState& state) {
  std::map<model::NodeId, std::uint32_t> used;
  state.active.for_each([&](std::uint64_t, const auto& job) {
    if (job->allocation && !job->state.finished())
      for (const model::NodeShare& share : job->allocation->shares) used[share.node] += share.cpus;
    return true;
  });
  for (const auto& [id, cpus] : used)
    if (cpus > kNodeCpus) return fmt::format("node {} has {} CPUs and jobs hold {}", id, kNodeCpus, cpus);
  return {};
}

/// Every name was asked for once, so it may be there once; what was accepted must be there, under its id.
std::string broken_promise(const state::ClusterState& state, const Promises& promises) {
  for (const auto& [id, name] : promises.accepted) {
    const model::Job* job = state.job(JobId{id});
    if (!job) return fmt::format("job {} ({}) was acknowledged and is not there", id, name);
    if (job->request->name != name) return fmt::format("job {} was {} and is {}", id, name, job->request->name);
  }
  std::map<std::string, std::uint32_t> names;
  std::string twice;
  state.jobs.for_each([&](std::uint64_t id, const auto& job) {
    const auto [it, fresh] = names.try_emplace(job->request->name, static_cast<std::uint32_t>(id));
    if (!fresh) twice = fmt::format("{} was submitted once and is job {} and job {}", it->first, it->second, id);
    return twice.empty();
  });
  return twice;
}

}  // namespace

const Controller* Judge::leader() const {
  for (const auto& controller : controllers_) {
    if (!controller->running() || !controller->core().replicated_log().leads()) continue;
    const std::uint64_t term = controller->core().replicated_log().position().term;
    if (!leaders_.empty() && term >= leaders_.rbegin()->first) return controller.get();
  }
  return nullptr;
}

std::string Judge::look_at(const Controller& controller) {
  const replog::Log& log = controller.core().replicated_log();
  const replog::Position position = log.position();
  const std::string& name = controller.machine().name;
  if (log.leads()) {
    const auto [it, fresh] = leaders_.try_emplace(position.term, name);
    if (it->second != name) return fmt::format("{} and {} both lead in term {}", it->second, name, position.term);
  }
  Seen& seen = seen_[&controller];
  const bool changed = seen.core != &controller.core() || seen.applied != position.applied;
  seen = {position.applied, &controller.core()};
  if (!changed || position.applied == 0) return {};
  const auto state = controller.core().replica().snapshot();
  if (position.applied % 5 == 0) {
    const std::uint64_t hash = state::state_hash(*state);
    const auto [it, fresh] = hashes_.try_emplace(position.applied, hash, name);
    if (it->second.first != hash)
      return fmt::format("the states of {} and {} differ after entry {}", it->second.second, name, position.applied);
  }
  if (std::string broken = over_allocated(*state); !broken.empty()) return broken;
  return {};
}

std::string Judge::look() {
  if (!ledger_.faults.empty()) return ledger_.faults.front();
  if (!promises_.faults.empty()) return promises_.faults.front();
  for (const auto& controller : controllers_) {
    if (controller->failure())
      return fmt::format("{} ended: {}", controller->machine().name, controller->failure()->text);
    if (!controller->running()) continue;
    const Seen before = seen_[controller.get()];
    if (std::string broken = look_at(*controller); !broken.empty()) return broken;
    // The leader has all that was ever acknowledged.
    if (seen_[controller.get()].applied != before.applied && seen_[controller.get()].applied % 10 == 0 &&
        controller.get() == leader())
      if (std::string broken = broken_promise(*controller->core().replica().snapshot(), promises_); !broken.empty())
        return broken;
  }
  return {};
}

std::size_t Judge::unfinished() {
  const Controller* from = leader();
  if (!from) return ~std::size_t{0};
  std::size_t count = 0;
  from->core().replica().snapshot()->jobs.for_each([&](std::uint64_t, const auto& job) {
    if (!job->state.finished() || job->state.completing()) ++count;
    return true;
  });
  return count;
}

std::string Judge::end() {
  const Controller* from = leader();
  if (!from) return "in the end nobody leads";
  const auto state = from->core().replica().snapshot();
  if (std::string broken = broken_promise(*state, promises_); !broken.empty()) return broken;
  std::string broken;
  state->jobs.for_each([&](std::uint64_t id, const auto& job) {
    const auto number = static_cast<std::uint32_t>(id);
    if (!job->state.finished() && !(job->state.pending() && job->reason != model::JobReason::none))
      broken = fmt::format("job {} is neither over nor waiting for a reason", id);
    const auto run = ledger_.runs.find({number, job->restart_count});
    if (job->state.base == model::JobBase::complete && (run == ledger_.runs.end() || !run->second.over))
      broken = fmt::format("job {} is complete and never ran to its end", id);
    return broken.empty();
  });
  if (!broken.empty()) return broken;
  for (const std::uint32_t id : promises_.cancelled)
    if (!state->job(JobId{id})->state.finished()) return fmt::format("job {} was cancelled and is not over", id);
  const std::uint64_t hash = state::state_hash(*state);
  for (const auto& controller : controllers_) {
    if (!is_member(*from, *controller)) continue;
    if (!controller->running()) return controller->machine().name + " does not run in the end";
    const std::uint64_t applied = controller->core().replicated_log().position().applied;
    if (const std::uint64_t all = from->core().replicated_log().position().applied; applied != all)
      return fmt::format("{} has applied {} of {} entries in the end", controller->machine().name, applied, all);
    if (state::state_hash(*controller->core().replica().snapshot()) != hash)
      return controller->machine().name + " has another state in the end";
  }
  return {};
}

}  // namespace flurm::sim
