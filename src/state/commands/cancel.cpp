// state/commands/cancel.cpp — scancel, requeue, suspend and resume.
#include "state/commands/handlers.hpp"
#include "state/cron.hpp"
#include "state/edit.hpp"
#include "state/mail.hpp"
#include "state/steps.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
using model::JobReason;
namespace job_flag = model::job_flag;

constexpr std::uint16_t kSigKill = 9;
// slurm 22.05 slurm/slurm.h KILL_JOB_BATCH, KILL_STEPS_ONLY
constexpr std::uint16_t kBatchOnly = 1 << 0, kStepsOnly = 1 << 2;

Errc cancel_one(ClusterState& state, JobId id, const CancelJobs& command) {
  const bool end = command.signal == kSigKill && !(command.flags & kStepsOnly);
  if (end && !state.job(id)->state.finished()) disable_line(state, id);
  const Job& job = *state.job(id);
  if (job.state.pending()) {
    if (!end) return Errc::transition_state_no_update;
    edit_job(state, id, [&](Job& changed) { changed.cancelled_by = command.uid; });
    end_pending(state, id, JobBase::cancelled);
    return Errc::success;
  }
  if (job.state.base == JobBase::pending && job.state.has(job_flag::requeue)) {  // about to start over: it shall not
    if (!end) return Errc::transition_state_no_update;
    edit_job(state, id, [&](Job& changed) {
      changed.state = {JobBase::cancelled, job_flag::completing};
      changed.cancelled_by = command.uid;
    });
    return Errc::success;
  }
  if (job.state.ended()) return Errc::already_done;
  if (command.flags & kBatchOnly && !job.request->batch) return Errc::job_script_missing;
  if (end && !(command.flags & kBatchOnly)) {  // killing the script alone lets the job end as failed
    edit_job(state, id, [&](Job& changed) { changed.cancelled_by = command.uid; });
    end_running(state, id, JobBase::cancelled, JobReason::none, Effect::End::terminate);
    return Errc::success;
  }
  add_effect(state, {.kind = Effect::Kind::signal_job,
                     .job = id,
                     .restart_count = job.restart_count,
                     .signal = command.signal,
                     .flags = command.flags});
  return Errc::success;
}

/// A heterogeneous job that waits is cancelled as a whole; one component of a running one may go alone.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c job_str_signal(), het_job_signal().
Errc cancel(ClusterState& state, JobId id, const CancelJobs& command) {
  const Job& job = *state.job(id);
  if (!job.het) return cancel_one(state, id, command);
  if (job.het->offset != 0)
    return job.state.base == JobBase::pending ? Errc::not_whole_het_job : cancel_one(state, id, command);
  Errc code = Errc::already_done;
  for (JobId each : components_of(state, id)) {
    if (state.job(each)->state.ended()) continue;  // with the first one, perhaps
    code = cancel_one(state, each, command);
  }
  return code;
}

Errc hold_requeued(ClusterState& state, JobId id, const RequeueJobs& command) {
  edit_job(state, id, [&](Job& changed) {
    changed.priority = 0;
    changed.reason = JobReason::held_user;
    if (command.launch_failed) {
      changed.state_desc = "launch failed requeued held";
    } else {
      changed.state_desc = command.hold ? "job requeued in held state" : "job requeued in special exit state";
    }
    if (command.special_exit) changed.state.flags |= job_flag::special_exit;
    changed.eligible_time = {};
  });
  return Errc::success;
}

Errc requeue_one(ClusterState& state, JobId id, const RequeueJobs& command) {
  const Job& job = *state.job(id);
  if (!job.requeue_allowed) return Errc::disabled;
  if (!job.request->batch) return Errc::batch_only;
  if (job.state.base == JobBase::pending) return Errc::job_pending;
  if (job.state.running() || job.state.suspended()) {
    requeue_running(state, id, Effect::End::terminate, false);
  } else {
    mail_requeue(state, job);
    edit_job(state, id, [&](Job& changed) {
      changed.cancelled_by = kNoVal32;
      if (changed.state.completing()) {  // starts over when its nodes have cleaned up
        changed.state = {JobBase::pending, job_flag::completing | job_flag::requeue};
        return;
      }
      if (changed.priority != 0) {
        changed.reason = JobReason::none;
        changed.state_desc.clear();
      }
      start_over(state, changed);
    });
  }
  return command.hold || command.special_exit ? hold_requeued(state, id, command) : Errc::success;
}

Errc requeue(ClusterState& state, JobId id, const RequeueJobs& command) {
  const Job& job = *state.job(id);
  if (command.running_only && !job.state.running() && !job.state.suspended()) return Errc::success;
  if (!job.het) return requeue_one(state, id, command);
  if (job.het->offset != 0) return Errc::not_het_job_leader;
  Errc code = Errc::success;
  for (JobId each : components_of(state, id)) {
    const Job& component = *state.job(each);
    const bool with_another = each != id && component.state.has(job_flag::requeue);
    if (with_another && !command.hold && !command.special_exit) continue;
    const Errc one = with_another ? hold_requeued(state, each, command) : requeue_one(state, each, command);
    if (one != Errc::success) code = one;
  }
  return code;
}

Errc suspend_one(ClusterState& state, JobId id, bool resume) {
  const Job& job = *state.job(id);
  if (job.state.completing()) return Errc::transition_state_no_update;
  if (job.state.pending()) return Errc::job_pending;
  if (job.state.ended()) return Errc::already_done;
  if (job.waits_turn) {  // from now on a person's doing; or it goes on when it has its turn
    if (!resume) edit_job(state, id, [](Job& changed) { changed.waits_turn = false; });
    return Errc::success;
  }
  if (resume != job.state.suspended()) return resume ? Errc::job_not_suspended : Errc::job_suspended;
  suspend_or_resume(state, id, resume);
  return Errc::success;
}

Errc suspend(ClusterState& state, JobId id, bool resume) {
  const Job& job = *state.job(id);
  if (job.het && job.het->offset != 0) return Errc::not_het_job_leader;
  Errc code = Errc::success;
  for (JobId each : components_of(state, id))
    if (const Errc one = suspend_one(state, each, resume); one != Errc::success) code = one;
  return code;
}

/// Runs `one` on every job the targets mean, and reports each.
template <class One>
Reply for_targets(ClusterState& state, const std::vector<Target>& targets, Split split, One&& one) {
  Reply reply;
  for (const Target& target : targets) {
    const auto jobs = resolve(state, target, split);
    if (jobs.empty()) {
      reply.results.push_back({.job = target.job, .code = Errc::invalid_job_id});
      continue;
    }
    for (JobId id : jobs) {
      const Job& job = *state.job(id);
      TargetResult result{.job = id};
      if (job.array) {
        result.job = job.array->array_job;
        result.task = job.array->task;
      }
      result.code = one(id);
      reply.results.push_back(result);
    }
  }
  for (const TargetResult& result : reply.results)
    if (result.code != Errc::success && reply.code == Errc::success) reply.code = result.code;
  return reply;
}

}  // namespace

Reply apply_to(ClusterState& state, const CancelJobs& command) {
  const bool ends = command.signal == kSigKill && !(command.flags & kStepsOnly);
  return for_targets(state, command.targets, ends ? Split::few : Split::each,
                     [&](JobId id) { return cancel(state, id, command); });
}

Reply apply_to(ClusterState& state, const RequeueJobs& command) {
  return for_targets(state, command.targets, Split::each, [&](JobId id) { return requeue(state, id, command); });
}

Reply apply_to(ClusterState& state, const SuspendJobs& command) {
  return for_targets(state, command.targets, Split::each, [&](JobId id) { return suspend(state, id, command.resume); });
}

}  // namespace flurm::state
