// ctld/clockwork.cpp — see clockwork.hpp.
#include "ctld/clockwork.hpp"

#include "io/clock.hpp"

namespace flurm::ctld {

bool tick_due(const state::ClusterState& state, TimeS now) {
  bool due = !state.active.for_each([&](std::uint64_t, const auto& job) {
    if (!job->state.running() || job->time_limit == kInfinite32) return true;
    const auto& request = *job->request;
    const bool warn = request.warn_signal && !job->time_limit_signaled && now >= job->end_time - request.warn_time;
    return !warn && now < job->end_time;
  });
  if (due) return true;
  due = state.settings.min_job_age_s && !state.finished.for_each([&](std::uint64_t, const auto& finished) {
    // Only the oldest counts. Forgetting in batches keeps a busy cluster's log short.
    return now - finished->end_time < std::int64_t{state.settings.min_job_age_s};
  });
  if (due) return true;
  due = !state.dependent.for_each([&](std::uint64_t, const auto& job) {
    for (const model::Dependency& dependency : job->dependencies)
      if (dependency.after_minutes) return false;
    return true;
  });
  if (due) return true;
  return !state.pending.for_each([&](std::uint64_t, const auto& job) { return !job->misses_deadline(now); });
}

Clockwork::Clockwork(Controller& controller) : controller_(controller), timer_(controller.loop, [this] { beat(); }) {}

void Clockwork::beat() {
  const auto state = controller_.replica.snapshot();
  if (!ticking_ && tick_due(*state, io::now())) io::spawn(tick());
  if (!state->pending.empty()) controller_.schedule_soon();
}

io::Task<> Clockwork::tick() {
  ticking_ = true;
  auto proposal = controller_.replica.propose(state::Tick{});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) log(Level::warn, "ctld.tick_not_committed", {{"error", reply.error().text}});
  ticking_ = false;
}

}  // namespace flurm::ctld
