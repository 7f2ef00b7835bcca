// sched/possible.hpp — whether a request could run at all.
#pragma once
#include "sched/cluster.hpp"
#include "sched/place.hpp"
#include "sched/reservations.hpp"

namespace flurm::sched {

/// knows_names() with the cluster prepared.
Result<void> knows_names(const model::JobRequest& request, const Cluster& cluster, const model::Settings& settings);

/// can_ever_run() with the cluster prepared. `within`: only on these nodes; null: on all.
Result<void> possible(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                      const model::Settings& settings, Placer& placer, const Bitmap* within);

/// The same for a job that names reservations: one of them suffices, and one that has not begun may yet change.
Result<void> possible_in(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                         const model::Settings& settings, Placer& placer, Reservations& reservations,
                         const std::vector<std::string_view>& names, TimeS now);

}  // namespace flurm::sched
