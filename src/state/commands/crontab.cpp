// state/commands/crontab.cpp — scrontab.
// Source: slurm 22.05 src/slurmctld/crontab.c crontab_submit().
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
namespace job_flag = model::job_flag;

/// A job whose line is gone: what runs comes to its end, what waits is cancelled.
void retire(ClusterState& state, JobId id) {
  const Job* job = state.job(id);
  if (!job || !job->cron || !job->cron->comes_back) return;
  auto cron = std::make_shared<model::CronEntry>(*job->cron);
  cron->comes_back = cron->start_wanted = false;
  edit_job(state, id, [&](Job& changed) {
    changed.cron = std::move(cron);
    const bool starts_over = changed.state.base == JobBase::pending && changed.state.has(job_flag::requeue);
    if (starts_over) changed.state = {JobBase::cancelled, job_flag::completing};
    if (!changed.state.running() && !changed.state.suspended()) changed.exit_code = 1;
  });
  if (state.job(id)->state.pending()) end_pending(state, id, JobBase::cancelled);
}

}  // namespace

Reply apply_to(ClusterState& state, const UpdateCrontab& command) {
  const ClusterState before = state;
  auto crontab = std::make_shared<model::Crontab>();
  crontab->user_id = command.uid;
  crontab->text = command.text.value_or("");
  for (const SubmitJob& line : command.jobs) {
    Reply reply = line.cron && command.text ? apply_to(state, line) : Reply{.code = Errc::einval};
    if (reply.code != Errc::success) {
      state = before;
      // Which of them it was.
      reply.results = {{.task = static_cast<std::uint32_t>(&line - command.jobs.data()), .code = reply.code}};
      return reply;
    }
    crontab->jobs.push_back(reply.job);
  }
  if (const model::Crontab* old = state.crontabs.find(command.uid))
    for (JobId id : std::vector<JobId>(old->jobs)) retire(state, id);
  if (command.text)
    state.crontabs.set(command.uid, std::move(crontab));
  else
    state.crontabs.erase(command.uid);
  return {};
}

Reply apply_to(ClusterState& state, const SetCronStarts& command) {
  for (const SetCronStarts::Start& start : command.starts) {
    const Job* job = state.job(start.job);
    if (!job || !job->state.pending() || !job->cron || !job->cron->start_wanted) continue;
    edit_job(state, start.job, [&](Job& changed) {
      auto cron = std::make_shared<model::CronEntry>(*changed.cron);
      cron->start_wanted = false;
      changed.cron = std::move(cron);
      auto request = std::make_shared<model::JobRequest>(*changed.request);
      request->begin_time = start.at;
      changed.request = std::move(request);
      if (changed.priority != 0) changed.eligible_time = changed.accrue_time = start.at;
    });
  }
  return {};
}

}  // namespace flurm::state
