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
/// The reboot that nobody has begun yet is not wanted any more. Internal to the room. Errors: reboot_in_progress.
Errc cancel_reboot(ClusterState& state, model::NodeId id);

}  // namespace flurm::state
