// state/usage.hpp — what associations and QOS use up: counted while jobs run, fading with time. Only with
// priority/multifactor, as in Slurm.
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// The run of `job` is over at `end`: what has not been counted yet is.
void count_rest(ClusterState& state, const model::Job& job, TimeS end);

/// Time passes: every PriorityCalcPeriod all fades, and what running jobs have used since the last time is added.
/// `reset_due`: when it should have begun anew last (PriorityUsageResetPeriod); 0: never.
/// Source: slurm 22.05 priority_multifactor.c _decay_thread(), _apply_new_usage().
/// Returns the jobs that must end for that: their groups, or they, have no minutes left.
std::vector<JobId> pass_usage(ClusterState& state, TimeS reset_due);

/// A Tick would add to what is used.
bool usage_due(const ClusterState& state, TimeS now);

}  // namespace flurm::state
