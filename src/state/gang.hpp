// state/gang.hpp — jobs that have the same cores take turns on them (PreemptMode with GANG): those of a higher tier
// always, those of one tier by slices of time. Who has not its turn is suspended. Source: slurm 22.05
// src/slurmctld/gang.c. Internal to the room.
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// A job that starts in `partition` may have the cores of `other`, which will be suspended for it.
bool stands_aside(const ClusterState& state, const model::Job& job, const model::Partition& partition,
                  const model::Job& other);

/// Suspends and resumes jobs so that none has a core that one before it has: where nobody is in the way, who runs goes
/// on, and then those in the order of their turns. apply() does so after commands that let jobs start or end.
void arrange_turns(ClusterState& state);

/// Who has waited for a whole slice gets its turn.
void next_turns(ClusterState& state);

}  // namespace flurm::state
