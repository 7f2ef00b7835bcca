// state/mail.hpp — which events of a job its user hears of (sbatch --mail-type). Internal to the room.
//
// A job array is one job here unless its user asked for ARRAY_TASKS: one mail when its first task begins, one when the
// last one has ended, which tells of all. Source: slurm 22.05 src/slurmctld/job_mgr.c job_completion_logger().
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// The job has got its nodes.
void mail_begin(ClusterState& state, const model::Job& job);
/// The job has ended, in the state that it is in now.
void mail_end(ClusterState& state, const model::Job& job);
/// The job's run was ended so that it starts over.
void mail_requeue(ClusterState& state, const model::Job& job);

}  // namespace flurm::state
