// sched/forecast.cpp — when and where a job that is not in the queue would start.
#include <algorithm>

#include "sched/pass.hpp"

namespace flurm::sched {

Result<Forecast> forecast(const View& view, const Limits& limits, const model::Job& job, TimeS now) {
  constexpr std::int64_t kFarAhead = 5 * 365 * std::int64_t{24} * 3600;
  View with = view;
  with.settings.backfill = true;
  with.pending.set(job.id.v, std::make_shared<const model::Job>(job));
  Limits patient = limits;
  patient.backfill_jobs_max = std::max(limits.backfill_jobs_max, limits.jobs_tested_max);
  patient.backfill_window_s = kFarAhead;
  Pass pass(with, patient, now);
  const Plan plan = pass.run();
  const auto started = std::ranges::find(plan.starts, job.id, &Placement::job);
  if (started == plan.starts.end()) {
    if (auto planned = pass.forecast(job.id)) return *planned;
    return fail(Errc::requested_part_config_unavailable, "job {} has no time to start", job.id.v);
  }
  const Cluster cluster(view);
  Bitmap nodes(cluster.size());
  Forecast forecast{.start = now, .nodes = {}, .partition = started->partition, .cpus = 0};
  for (const model::NodeShare& share : started->shares) {
    nodes.set(cluster.index_of(share.node));
    forecast.cpus += share.cpus;
  }
  forecast.nodes = cluster.hostlist(nodes);
  return forecast;
}

}  // namespace flurm::sched
