// state/triggers.hpp — what strigger's triggers look at, and when their programs run.
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// Keeps the event for the triggers, if there are any that it may concern. Internal to the room.
void note_event(ClusterState& state, const model::TriggerEvent& event);
/// What the change of a node means to triggers. Internal to the room.
void note_node_change(ClusterState& state, const model::Node& before, const model::Node& after);

/// Whether pull_triggers() has something to do.
bool triggers_due(const ClusterState& state, TimeS now);
/// Runs the programs whose time has come. Events wait for this, so that nodes that go down together are told of
/// together. Internal to the room.
void pull_triggers(ClusterState& state);

}  // namespace flurm::state
