// state/commands/preempt.cpp — running jobs give way to waiting ones: at once, or after a time of grace in which they
// may end by themselves. Source: slurm 22.05 src/slurmctld/preempt.c slurm_job_preempt().
#include "state/preempt.hpp"

#include <algorithm>

#include "acct/preemption.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
using model::JobReason;
namespace mode = model::preempt_mode;

constexpr std::uint16_t kSigTerm = 15, kSigCont = 18;

/// Of a heterogeneous job's components the mildest way goes for all.
std::uint16_t mode_of(const ClusterState& state, JobId id) {
  std::uint16_t found = mode::off;
  for (JobId each : components_of(state, id)) {
    const Job& job = *state.job(each);
    const model::Partition* partition = state.partition(job.partition);
    if (!partition) continue;
    const std::uint16_t own = acct::preempt_mode_of(state.settings.preempt, *state.books, job, *partition);
    if (own == mode::requeue || found == mode::off) found = own;
  }
  return found;
}

/// It uses nodes of a reservation in which the other may run, for as long as no job of that wants them.
bool borrows_from(const ClusterState& state, const Job& preemptor, const Job& job) {
  constexpr std::uint16_t kFirstFormat = 7;
  if (state.format < kFirstFormat) return false;
  const auto names = model::reservation_names(preemptor.request->reservation);
  const auto is_own = [&](const model::Reservation& each) {
    if (!names.empty()) return std::ranges::find(names, each.name) != names.end();
    return each.has(model::resv_flag::magnetic) && each.admits(preemptor.request->user_id, preemptor.request->account);
  };
  return std::ranges::any_of(state.reservations,
                             [&](const auto& each) { return is_own(*each) && each->lends_to(job); });
}

/// The planner's decision still holds. Of two jobs of one QOS it alone knows the priorities.
bool holds(const ClusterState& state, const PreemptJobs::Pair& pair) {
  const Job* preemptor = state.job(pair.preemptor);
  const model::Partition* wanted = state.partition(pair.partition);
  if (!preemptor || !preemptor->state.pending() || preemptor->priority == 0 || !wanted || !state.job(pair.job))
    return false;
  if (const std::uint16_t how = mode_of(state, pair.job); how != mode::cancel && how != mode::requeue) return false;
  const model::PreemptRule& rule = state.settings.preempt;
  return std::ranges::all_of(components_of(state, pair.job), [&](JobId id) {
    const Job& job = *state.job(id);
    const model::Partition* partition = state.partition(job.partition);
    return job.state.running() && !job.preempt_time && partition &&
           (borrows_from(state, *preemptor, job) ||
            acct::may_preempt(rule, *state.books, {preemptor, wanted, 1}, {&job, partition, 0})) &&
           acct::preemptable_from(rule, *state.books, job, *partition) <= state.now;
  });
}

void warn(ClusterState& state, JobId id) {
  edit_job(state, id, [&](Job& job) { job.time_limit_signaled = state.now; });
  send_warning(state, id);
}

bool wants_warning(const ClusterState& state, const Job& job) {
  return state.settings.preempt.send_user_signal && job.request->warn_signal && !job.time_limit_signaled;
}

void tell_to_end(ClusterState& state, JobId id) {
  const std::uint32_t run = state.job(id)->restart_count;
  add_effect(state, {.kind = Effect::Kind::signal_job, .job = id, .restart_count = run, .signal = kSigCont});
  if (wants_warning(state, *state.job(id))) return warn(state, id);
  add_effect(state, {.kind = Effect::Kind::signal_job, .job = id, .restart_count = run, .signal = kSigTerm});
}

void begin_preempting(ClusterState& state, JobId id, const Job& preemptor) {
  const Job& first = *state.job(id);
  const std::uint32_t grace_s =
      borrows_from(state, preemptor, first)
          ? first.request->warn_time
          : acct::preempt_grace_s(state.settings.preempt, *state.books, first, *state.partition(first.partition));
  for (JobId each : components_of(state, id)) {
    edit_job(state, each, [&](Job& job) {
      job.preempt_time = state.now;
      job.end_time = std::min(job.end_time, state.now + grace_s);
    });
    if (grace_s != 0) tell_to_end(state, each);
  }
  if (grace_s == 0) end_preempted(state, id);
}

}  // namespace

void send_warning(ClusterState& state, JobId id) {
  const Job& job = *state.job(id);
  constexpr std::uint16_t kBatchOnly = 1, kStepsOnly = 4;  // KILL_JOB_BATCH, KILL_STEPS_ONLY
  add_effect(state, {.kind = Effect::Kind::signal_job,
                     .job = id,
                     .restart_count = job.restart_count,
                     .signal = job.request->warn_signal,
                     .flags = job.request->warn_flags & kBatchOnly ? kBatchOnly : kStepsOnly});
}

void end_preempted(ClusterState& state, JobId id) {
  if (const Job& job = *state.job(id); job.het && state.job(job.het->leader())) id = job.het->leader();
  const auto components = components_of(state, id);
  const bool may_come_back = std::ranges::all_of(components, [&](JobId each) {
    const Job& job = *state.job(each);
    return job.requeue_allowed && job.request->batch;
  });
  for (JobId each : components) {
    if (wants_warning(state, *state.job(each))) warn(state, each);
    edit_job(state, each, [&](Job& job) { job.preempt_time = state.now; });
  }
  if (mode_of(state, id) == mode::requeue && may_come_back)
    requeue_running(state, id, Effect::End::preempted, false);
  else
    end_running(state, id, JobBase::preempted, JobReason::none, Effect::End::preempted);
}

Reply apply_to(ClusterState& state, const PreemptJobs& command) {
  for (const PreemptJobs::Pair& pair : command.pairs)
    if (holds(state, pair)) begin_preempting(state, pair.job, *state.job(pair.preemptor));
  return {};
}

}  // namespace flurm::state
