// sched/possible.hpp — whether a request could run at all.
#pragma once
#include "sched/cluster.hpp"
#include "sched/place.hpp"

namespace flurm::sched {

/// knows_names() with the cluster prepared.
Result<void> knows_names(const model::JobRequest& request, const Cluster& cluster, const model::Settings& settings);

/// can_ever_run() with the cluster prepared.
Result<void> possible(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                      const model::Settings& settings, Placer& placer);

}  // namespace flurm::sched
