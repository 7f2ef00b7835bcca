// state/commands/tick.cpp — what happens because time has passed.
#include <vector>

#include "state/accrual.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/gang.hpp"
#include "state/preempt.hpp"
#include "state/reboot.hpp"
#include "state/reservations.hpp"
#include "state/steps.hpp"
#include "state/triggers.hpp"
#include "state/turns.hpp"
#include "state/usage.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
using model::JobReason;

std::int64_t over_time_s(const ClusterState& state, const Job& job) {
  std::uint32_t minutes = state.settings.over_time_limit;
  if (const model::Partition* partition = state.partition(job.partition);
      partition && partition->over_time_limit != kNoVal16)
    minutes = partition->over_time_limit;
  return minutes == kInfinite16 ? 365 * 24 * 3600 : std::int64_t{minutes} * 60;
}

void forget(ClusterState& state, const Job& job) {
  if (job.array && job.array->task != kNoVal32)
    state.array_tasks.erase(std::uint64_t{job.array->array_job.v} << 32 | job.array->task);
  state.tasks_without_record -= job.pending_count() - 1;
  state.jobs.erase(job.id.v);
  state.dependencies_stale = true;
  state.jobs_changed = state.now;
}

/// By the array's own number its tasks are asked for: the record that has it stays as long as any other.
void forget_old_jobs(ClusterState& state) {
  const std::int64_t age_s = state.settings.min_job_age_s;
  if (age_s == 0) return;  // keep them all
  std::vector<std::uint64_t> old;
  state.finished.for_each([&](std::uint64_t order, const auto& finished) {
    if (state.now - finished->end_time < age_s) return false;
    old.push_back(order);
    return true;
  });
  const auto others = [&](JobId array) {
    bool found = false;
    state.array_tasks.for_each_from(std::uint64_t{array.v} << 32, [&](std::uint64_t key, const auto& task) {
      if (key >> 32 != array.v) return false;
      found = *task != array;
      return !found;
    });
    return found;
  };
  for (std::uint64_t order : old) {
    const Finished finished = *state.finished.find(order);
    state.finished.erase(order);
    const auto job = state.jobs.get(finished.job.v);
    if (!job || !job->state.finished() || job->end_time != finished.end_time) continue;
    const JobId array = job->array ? job->array->array_job : job->id;
    if (array == job->id && others(array)) continue;
    forget(state, *job);
    const auto own = state.jobs.get(array.v);
    if (own && own->state.finished() && state.now - own->end_time >= age_s && !others(array)) forget(state, *own);
  }
}

}  // namespace

Reply apply_to(ClusterState& state, const Tick& command) {
  state.dependencies_stale = true;  // "after:ID+minutes"
  std::vector<JobId> timed_out, to_warn, preempted;
  state.active.for_each([&](std::uint64_t, const auto& job) {
    if (job->state.running() && job->preempt_time) {
      if (state.now >= job->end_time) preempted.push_back(job->id);
      return true;
    }
    if (!job->state.running() || job->time_limit == kInfinite32) return true;
    if (state.now >= job->end_time + over_time_s(state, *job)) timed_out.push_back(job->id);
    const auto& request = *job->request;
    if (request.warn_signal && !job->time_limit_signaled && state.now >= job->end_time - request.warn_time)
      to_warn.push_back(job->id);
    return true;
  });
  for (JobId id : to_warn) {
    edit_job(state, id, [&](Job& job) { job.time_limit_signaled = state.now; });
    send_warning(state, id);
  }
  for (JobId id : preempted)
    if (state.job(id)->state.running()) end_preempted(state, id);
  for (JobId id : timed_out)
    end_running(state, id, JobBase::timeout, JobReason::time_limit, Effect::End::time_limit);

  time_out_steps(state);

  std::vector<JobId> late;
  state.pending.for_each([&](std::uint64_t, const auto& job) {
    if (job->misses_deadline(state.now)) late.push_back(job->id);
    return true;
  });
  for (JobId id : late) {
    edit_job(state, id, [](Job& job) { job.exit_code = 1; });
    end_pending(state, id, JobBase::deadline, JobReason::deadline);
  }

  pass_time(state, command.resv_over_run_s);
  for (JobId id : pass_usage(state, command.usage_reset_due))
    if (state.job(id)->state.running())
      end_running(state, id, JobBase::timeout, JobReason::time_limit, Effect::End::time_limit);
  if (turns_due(state, state.now)) next_turns(state);
  let_accrue(state);
  forget_old_jobs(state);
  reboot_nodes(state);
  pull_triggers(state);
  return {};
}

}  // namespace flurm::state
