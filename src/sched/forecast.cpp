// sched/forecast.cpp — when and where a job that is not in the queue would start.
#include <algorithm>

#include "sched/pass.hpp"

namespace flurm::sched {

Result<Forecast> forecast(const View& view, const Limits& limits, const model::Job& job, TimeS now) {
  View with = view;
  with.pending.set(job.id.v, std::make_shared<const model::Job>(job));
  const Plan plan = sched::plan(with, limits, now);
  const auto started = std::ranges::find(plan.starts, job.id, &Placement::job);
  if (started != plan.starts.end()) {
    const Cluster cluster(view);
    Bitmap nodes(cluster.size());
    Forecast forecast{.start = now, .nodes = {}, .partition = started->partition};
    for (const model::NodeShare& share : started->shares) {
      nodes.set(cluster.index_of(share.node));
      forecast.cpus += share.cpus;
    }
    forecast.nodes = cluster.hostlist(nodes);
    return forecast;
  }
  const auto waits = std::ranges::find(plan.waiting, job.id, &Waiting::job);
  if (waits == plan.waiting.end() || !waits->expected_start) return fail(Errc::requested_part_config_unavailable);
  return Forecast{.start = waits->expected_start,
                  .nodes = waits->sched_nodes,
                  .partition = job.partition,
                  .cpus = job.request->min_cpus == kNoVal32 ? 1 : job.request->min_cpus};
}

}  // namespace flurm::sched
