// state/cron.cpp — see cron.hpp.
#include "state/cron.hpp"

#include <fmt/format.h>

#include "state/edit.hpp"

namespace flurm::state {

bool comes_back(const ClusterState& state, model::Job& job) {
  if (!job.cron || !job.cron->comes_back || job.state.base == model::JobBase::cancelled) return false;
  // Until the leader has looked at its clock. No run lasts longer than a year, so that it is told in time.
  constexpr std::int64_t kNotYetS = 366 * 24 * 3600;
  job.state.flags |= model::job_flag::requeue;
  auto request = std::make_shared<model::JobRequest>(*job.request);
  request->begin_time = state.now + kNotYetS;
  job.request = std::move(request);
  auto cron = std::make_shared<model::CronEntry>(*job.cron);
  cron->start_wanted = true;
  job.cron = std::move(cron);
  if (job.priority != 0) job.reason = model::JobReason::begin_time;
  return true;
}

void disable_line(ClusterState& state, JobId id) {
  const model::Job& job = *state.job(id);
  if (!job.cron || !job.cron->comes_back) return;
  auto cron = std::make_shared<model::CronEntry>(*job.cron);
  cron->comes_back = false;
  const std::uint64_t user = job.request->user_id;
  edit_job(state, id, [&](model::Job& changed) { changed.cron = cron; });
  const model::Crontab* crontab = state.crontabs.find(user);
  if (!crontab) return;
  auto changed = std::make_shared<model::Crontab>(*crontab);
  changed->disabled_lines +=
      fmt::format("{}{}-{}", changed->disabled_lines.empty() ? "" : ",", cron->first_line, cron->last_line);
  state.crontabs.set(user, std::move(changed));
}

}  // namespace flurm::state
