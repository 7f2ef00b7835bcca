// state/commands/top.cpp — scontrol top: a user's jobs change places among themselves, nobody else's do.
#include <algorithm>
#include <functional>
#include <optional>

#include "model/priority.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/priority.hpp"

namespace flurm::state {
namespace {

using model::Job;

/// Priorities as they count at this moment.
class Places {
 public:
  explicit Places(ClusterState& state) : state_(state) {
    if (state.settings.multifactor) scale_.emplace(priority_scale(state, state.now));
  }
  std::int64_t of(const Job& job) const {
    const model::Partition* partition = state_.partition(job.partition);
    return partition ? model::priority_of(scale_ ? &*scale_ : nullptr, job, *partition) : job.priority;
  }
  std::int64_t of(JobId id) const { return of(*state_.job(id)); }
  /// Changes the priority, and the nice value by as much: with priority/multifactor the one follows from the other.
  void set(JobId id, std::int64_t priority) {
    const std::int64_t now = std::max<std::int64_t>(priority, 1), gain = now - of(id);
    edit_job(state_, id, [&](Job& job) {
      auto request = std::make_shared<model::JobRequest>(*job.request);
      request->nice = static_cast<std::uint32_t>(std::int64_t{request->nice} - gain);
      job.request = std::move(request);
      if (!scale_ || job.direct_set_priority) job.priority = static_cast<std::uint32_t>(now);
    });
  }

 private:
  ClusterState& state_;
  std::optional<model::PriorityScale> scale_;
};

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
  Places priorities(state);
  for (JobId id : top) places.push_back(priorities.of(id));
  state.pending.for_each([&](std::uint64_t, const auto& job) {
    if (job->priority == 0 || !same_line(*job, first) || std::ranges::find(top, job->id) != top.end()) return true;
    const std::int64_t place = priorities.of(*job);
    if (place <= 1) return true;
    others.push_back(job->id);
    places.push_back(place);
    return true;
  });
  std::ranges::sort(places, std::greater());

  std::int64_t last = 0, gained = 0;
  for (std::size_t i = 0; i < top.size(); ++i) {
    const std::int64_t place = i > 0 && places[i] == last && last > 2 ? last - 1 : places[i];
    last = place;
    gained += place - priorities.of(top[i]);
    priorities.set(top[i], place);
  }
  for (std::size_t i = 0; i < others.size(); ++i) {
    const std::int64_t before = priorities.of(others[i]);
    const std::int64_t share = gained / static_cast<std::int64_t>(others.size() - i);
    const std::int64_t now = std::min(before - share, last - 1);
    gained -= before - now;
    priorities.set(others[i], now);
  }
  return {};
}

}  // namespace flurm::state
