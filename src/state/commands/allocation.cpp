// state/commands/allocation.cpp — allocations that a client waits for and holds: salloc and srun.
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/format.hpp"
#include "state/steps.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
using model::JobReason;

constexpr std::uint32_t kExit1 = 1;  // as Slurm stores it here: not shifted

}  // namespace

Reply apply_to(ClusterState& state, const AwaitStart& command) {
  const Job* job = state.job(command.job);
  if (!job) return {.code = Errc::invalid_job_id};
  if (!job->state.pending()) return {.code = Errc::job_started};
  if (command.or_never) {
    edit_job(state, command.job, [](Job& changed) { changed.exit_code = kExit1; });
    end_pending(state, command.job, JobBase::failed, JobReason::bad_constraints);
  } else {
    edit_job(state, command.job, [](Job& changed) { changed.start_awaited = true; });
  }
  return {.job = command.job};
}

/// Source: slurm 22.05 src/slurmctld/job_mgr.c _job_complete().
Reply apply_to(ClusterState& state, const EndAllocation& command) {
  const Job* job = state.job(command.job);
  if (!job) return {.code = Errc::invalid_job_id};
  if (job->state.ended()) {  // only how its client ended is news
    if (job->state.completing() && state.format < format_of_lost_nodes) return {};
    if (job->exit_code == 0 && command.wait_status != kNoVal32)
      edit_job(state, command.job, [&](Job& changed) { changed.exit_code = command.wait_status; });
    return {.code = job->state.completing() ? Errc::success : Errc::already_done};
  }
  const bool cancelled = command.wait_status == kNoVal32;
  if (job->state.pending() || cancelled)
    edit_job(state, command.job, [&](Job& changed) { changed.cancelled_by = command.uid; });
  if (state.job(command.job)->state.pending()) {
    edit_job(state, command.job, [](Job& changed) { changed.start_awaited = false; });  // it knows
    end_pending(state, command.job, JobBase::cancelled);
    return {};
  }
  if (cancelled) {
    end_running(state, command.job, JobBase::cancelled, JobReason::none, Effect::End::completed);
  } else {
    end_by_exit(state, command.job, command.wait_status);
  }
  return {};
}

Reply apply_to(ClusterState& state, const EndInactive& command) {
  const Job* job = state.job(command.job);
  if (!job) return {.code = Errc::invalid_job_id};
  if (job->restart_count != command.restart_count || !job->state.running()) return {.code = Errc::already_done};
  end_running(state, command.job, JobBase::timeout, JobReason::inactive_limit, Effect::End::time_limit);
  return {};
}

}  // namespace flurm::state
