// state/commands/end.cpp — what nodes report of a job: launched or not, batch script over, cleaned up.
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/reboot.hpp"
#include "state/reports.hpp"
#include "state/steps.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
using model::JobReason;

void end_unlaunched(ClusterState& state, JobId id) {
  end_running(state, id, JobBase::failed, JobReason::launch_failed, Effect::End::terminate);
}

/// A node that could not run a job is taken out of service when the fault is its own.
void blame_node(ClusterState& state, const Job& job, Errc rc) {
  const bool bad_node = rc == Errc::node_prolog_failed || rc == Errc::node_fork_failed || rc == Errc::writing_to_file;
  if (bad_node) {
    if (const model::Node* node = state.node(job.batch_host))
      edit_node(state, node->id, [&](model::Node& changed) {
        if (changed.has(model::node_flag::drain)) return;
        changed.flags |= model::node_flag::drain;
        changed.reason = rc == Errc::node_prolog_failed ? "Prolog error" : "batch job complete failure";
        changed.reason_uid = state.settings.slurm_user;
        changed.reason_time = state.now;
      });
  }
}

/// The node did not take the job: it starts over elsewhere, held so that a broken cluster does not try for ever.
void launch_refused(ClusterState& state, const Job& job, Errc rc) {
  blame_node(state, job, rc);
  if (!job.requeue_allowed) return end_unlaunched(state, job.id);
  requeue_running(state, job.id, Effect::End::terminate, true, "launch failed requeued held");
}

/// The node took the job and could not run it: it starts over after a while, and is held when that came about too
/// often. Source: slurm 22.05 src/slurmctld/job_mgr.c _job_complete().
void launch_failed(ClusterState& state, const Job& job, Errc rc) {
  blame_node(state, job, rc);
  if (!job.requeue_allowed) return end_unlaunched(state, job.id);
  const JobId id = job.id;
  const bool too_often = job.launch_failures + 1 >= state.settings.max_batch_requeue;
  requeue_running(state, id, Effect::End::terminate, false);
  edit_job(state, id, [&](Job& changed) {
    ++changed.launch_failures;
    if (!too_often) return wait_a_while(state, changed);
    changed.launch_failures = 0;
    changed.priority = 0;
    changed.reason = JobReason::max_requeue;
    changed.eligible_time = {};
  });
}

}  // namespace

Reply apply_to(ClusterState& state, const EndBatch& command) {
  const Job* job = state.job(command.job);
  if (!job) return {.code = Errc::invalid_job_id};
  // A report of an earlier run, or of a node the job has left, must not end the present run.
  if (command.restart_count != kNoVal32 && command.restart_count != job->restart_count)
    return {.code = Errc::already_done};
  if (!command.node.empty() && !job->batch_host.empty() && command.node != job->batch_host)
    return {.code = Errc::already_done};
  if (job->state.pending() || job->state.finished()) return {.code = Errc::already_done};
  report_batch_end(state, command.job, command.wait_status,
                   command.usage ? std::make_shared<const model::StepUsage>(*command.usage) : nullptr);
  job = state.job(command.job);
  if (job->state.completing()) {  // it was being ended: only how it ended is news
    const bool starts_over = job->state.has(model::job_flag::requeue);
    if (!starts_over && job->exit_code == 0 && command.slurm_rc == Errc::success && command.wait_status != 0)
      edit_job(state, command.job, [&](Job& changed) { changed.exit_code = command.wait_status; });
    return {.code = Errc::already_done};
  }
  if (command.slurm_rc != Errc::success && command.slurm_rc != Errc::already_done) {
    launch_failed(state, *job, command.slurm_rc);
    return {};
  }
  end_by_exit(state, command.job, command.wait_status);
  return {};
}

Reply apply_to(ClusterState& state, const NodeCleaned& command) {
  if (command.epilog_rc != 0 && state.node(command.node)) {
    edit_node(state, command.node, [&](model::Node& node) {
      if (node.has(model::node_flag::drain)) return;
      node.flags |= model::node_flag::drain;
      node.reason = "Epilog error";
      node.reason_uid = state.settings.slurm_user;
      node.reason_time = state.now;
    });
  }
  node_cleaned(state, command.job, command.node);
  return {};
}

Reply apply_to(ClusterState& state, const LaunchAnswered& command) {
  remove_effect(state, command.effect);
  const Job* job = state.job(command.job);
  if (!job || job->restart_count != command.restart_count || !(job->state.running() || job->state.suspended()))
    return {};
  if (command.rc == Errc::success) {
    edit_job(state, command.job, [](Job& changed) { changed.launched = true; });
  } else {
    launch_refused(state, *job, command.rc);
  }
  return {};
}

/// Source: slurm 22.05 src/slurmctld/prep_slurmctld.c prep_prolog_slurmctld_callback().
Reply apply_to(ClusterState& state, const ControllerScriptEnded& command) {
  remove_effect(state, command.effect);
  const Job* job = state.job(command.job);
  if (!job || job->restart_count != command.restart_count) return {};
  if (command.epilog) {
    if (job->controller_epilog) controller_epilog_ended(state, command.job);
    return {};
  }
  if (!job->state.has(model::job_flag::configuring)) return {};
  if (!command.failed) {
    launch_when_ready(state, command.job);
  } else if (job->request->batch && job->requeue_allowed) {
    requeue_running(state, command.job, Effect::End::terminate, false);
  } else {
    tell_holder(state, *job, {.news = Effect::News::message, .text = "PrologSlurmctld failed, job killed"});
    const JobId leader = job->het ? job->het->leader() : command.job;
    end_running(state, state.job(leader) ? leader : command.job, JobBase::cancelled, JobReason::none,
                Effect::End::terminate);
  }
  return {};
}

Reply apply_to(ClusterState& state, const EffectsDone& command) {
  for (std::uint64_t id : command.effects) remove_effect(state, id);
  return {};
}

}  // namespace flurm::state
