// state/resize.hpp — running jobs that give up nodes, and jobs that give all they have to another one. Internal to the
// room, as edit.hpp.
#pragma once
#include <vector>

#include "state/command.hpp"
#include "state/edit.hpp"

namespace flurm::state {

/// The job goes on without the nodes `lost`, which are not all that it has. They are free at once, as in Slurm; ending
/// what runs there is the caller's. What it had until now is an accounting record of its own.
void take_nodes(ClusterState& state, JobId id, const std::vector<model::NodeId>& lost);

/// What `command` asks of the size of a running or suspended job: fewer nodes, or none, which gives what it has to the
/// job that it was submitted to expand. Nothing has changed when it is refused. Errors: invalid_node_name,
/// invalid_node_count, invalid_job_id (no such job to expand), job_suspended, node_step_exists, error (with GRES).
Errc resize(ClusterState& state, JobId id, const UpdateJobs& command);

}  // namespace flurm::state
