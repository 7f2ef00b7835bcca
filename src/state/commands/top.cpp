// state/commands/top.cpp — scontrol top: a user's jobs change places among themselves, nobody else's do.
#include <algorithm>
#include <functional>

#include "state/commands/handlers.hpp"
#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Job;

/// Changes the priority, and the nice value by as much, so that both stay of one piece.
void set_priority(ClusterState& state, JobId id, std::int64_t priority) {
  edit_job(state, id, [&](Job& job) {
    const std::int64_t now = std::max<std::int64_t>(priority, 1);
    auto request = std::make_shared<model::JobRequest>(*job.request);
    request->nice = static_cast<std::uint32_t>(std::int64_t{request->nice} - (now - job.priority));
    job.request = std::move(request);
    job.priority = static_cast<std::uint32_t>(now);
  });
}

/// They wait in one line: whoever of them goes first takes nothing from others.
bool same_line(const Job& a, const Job& b) {
  return a.request->user_id == b.request->user_id && a.partition == b.partition &&
         a.request->account == b.request->account && a.request->qos == b.request->qos;
}

}  // namespace

/// Source: slurm 22.05 src/slurmctld/job_mgr.c _set_top().
Reply apply_to(ClusterState& state, const TopJobs& command) {
  std::vector<JobId> top;
  Errc skipped = Errc::success;
  for (JobId id : command.jobs) {
    const Job* job = state.job(id);
    if (!job) return {.code = Errc::invalid_job_id};
    if (!command.by_operator && job->request->user_id != command.uid) return {.code = Errc::access_denied};
    if (!job->state.pending()) {
      skipped = Errc::job_not_pending;
    } else if (job->partition.find(',') != std::string::npos) {
      return {.code = Errc::requested_part_config_unavailable};
    } else if (job->priority == 0) {
      skipped = Errc::job_held;
    } else if (std::ranges::find(top, id) == top.end()) {
      top.push_back(id);
    }
  }
  if (top.empty()) return {.code = skipped};

  const Job first = *state.job(top.front());
  std::vector<JobId> others;
  std::vector<std::int64_t> places;
  for (JobId id : top) places.push_back(state.job(id)->priority);
  state.pending.for_each([&](std::uint64_t, const auto& job) {
    const bool gives_way = job->priority > 1 && same_line(*job, first) && std::ranges::find(top, job->id) == top.end();
    if (!gives_way) return true;
    others.push_back(job->id);
    places.push_back(job->priority);
    return true;
  });
  std::ranges::sort(places, std::greater());

  std::int64_t last = 0, gained = 0;
  for (std::size_t i = 0; i < top.size(); ++i) {
    const std::int64_t place = i > 0 && places[i] == last && last > 2 ? last - 1 : places[i];
    last = place;
    gained += place - state.job(top[i])->priority;
    set_priority(state, top[i], place);
  }
  for (std::size_t i = 0; i < others.size(); ++i) {
    const std::int64_t before = state.job(others[i])->priority;
    const std::int64_t share = gained / static_cast<std::int64_t>(others.size() - i);
    const std::int64_t now = std::min(before - share, last - 1);
    gained -= before - now;
    set_priority(state, others[i], now);
  }
  return {};
}

}  // namespace flurm::state
