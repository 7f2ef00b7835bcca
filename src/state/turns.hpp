// state/turns.hpp — when jobs that take turns on the same cores change places.
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// A Tick would let jobs that wait for their turn go on, and others wait.
bool turns_due(const ClusterState& state, TimeS now);

}  // namespace flurm::state
