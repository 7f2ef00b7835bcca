// state/apply.hpp — the only way the state changes.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "state/cluster_state.hpp"
#include "state/command.hpp"

namespace flurm::state {

/// What became of one target of a command.
struct TargetResult {
  JobId job;
  std::uint32_t task = kNoVal32;  // with an array's id in `job`
  Errc code = Errc::success;
};

/// The answer for whoever sent the command.
struct Reply {
  Errc code = Errc::success;
  std::string text;
  JobId job;                           // of a submission
  std::vector<TargetResult> results;   // per target, where there are several
};

/// Applies one entry. A pure function of its arguments: same state and entry, same state and reply, on every member
/// and for ever. Never fails: a refusal is a reply. What must be done to the world stands in state.effects.
Reply apply(ClusterState& state, const Entry& entry);

}  // namespace flurm::state
