// state/reboot.hpp — nodes that are to be rebooted (scontrol reboot).
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// Whether a node can be told to reboot now, or has not come back for too long.
bool reboots_due(const ClusterState& state, TimeS now);
/// Has nodes without jobs told to reboot, and gives those up that have not come back. Internal to the room.
void reboot_nodes(ClusterState& state);

/// The node has booted since it was asked to. Internal to the room.
bool has_rebooted(const model::Node& node);
/// What it is from now on. Internal to the room.
void return_from_reboot(const ClusterState& state, model::Node& node);
/// --reboot: the job's nodes are told to reboot, and its launch waits for them. Internal to the room.
void reboot_nodes_of(ClusterState& state, JobId id);
/// The job has its nodes and does not begin before they have booted. Internal to the room.
bool waits_for_reboot(const model::Job& job);
/// Launches a job that is configuring, once its nodes have booted and PrologSlurmctld has ended. Internal to the room.
void launch_when_ready(ClusterState& state, JobId id);

/// The reboot that nobody has begun yet is not wanted any more. Internal to the room. Errors: reboot_in_progress.
Errc cancel_reboot(ClusterState& state, model::NodeId id);

}  // namespace flurm::state
