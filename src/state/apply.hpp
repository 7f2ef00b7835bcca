// state/apply.hpp — the only way the state changes.
#pragma once
#include "state/cluster_state.hpp"
#include "state/command.hpp"

namespace flurm::state {

/// Applies one entry. A pure function of its arguments: same state and entry, same state and reply, on every member
/// and for ever. Never fails: a refusal is a reply. An entry whose request was applied before changes nothing and gets
/// the first one's reply. What must be done to the world stands in state.effects.
Reply apply(ClusterState& state, const Entry& entry);

}  // namespace flurm::state
