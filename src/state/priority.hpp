// state/priority.hpp — the scale of priority/multifactor as the state has it.
#pragma once
#include "model/priority.hpp"
#include "state/cluster_state.hpp"

namespace flurm::state {

model::PriorityScale priority_scale(const ClusterState& state, TimeS now);

}  // namespace flurm::state
