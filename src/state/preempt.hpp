// state/preempt.hpp — what preempting a job has in common with the end of its time. Internal to the room.
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// Ends or requeues a running job, of a heterogeneous one all components, as the way of preempting it says.
void end_preempted(ClusterState& state, JobId id);

/// Sends the signal that the job asked for before its end (--signal).
void send_warning(ClusterState& state, JobId id);

}  // namespace flurm::state
