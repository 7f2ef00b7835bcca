// state/accrual.hpp — since when a waiting job grows older in priority. Limits of accounting hold some of them back.
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// As soon as it may start; 0: it has to wait for others, let_accrue() decides.
TimeS accrues_from(const ClusterState& state, const model::Job& job);

/// Some job may begin to grow older now. O(waiting jobs), where there are such limits.
bool accrual_due(const ClusterState& state);
/// Lets as many do so as the limits allow, those with the lowest ids first; of an array as many tasks.
void let_accrue(ClusterState& state);

}  // namespace flurm::state
