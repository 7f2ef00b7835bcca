// state/cron.hpp — jobs of scrontabs: they come back after each run. Internal to the room.
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// The job has ended and is to run again: it starts over, and waits to be told when it starts next.
/// False: it is no such job. Source: slurm 22.05 src/slurmctld/job_mgr.c job_hold_requeue().
bool comes_back(const ClusterState& state, model::Job& job);

/// Somebody cancels the job: its line of the scrontab counts no more, and the user is shown so.
/// Source: slurm 22.05 src/slurmctld/crontab.c crontab_add_disabled_lines().
void disable_line(ClusterState& state, JobId id);

}  // namespace flurm::state
