// state/apply.cpp — see apply.hpp.
#include "state/apply.hpp"

#include <algorithm>
#include <utility>

#include "state/commands/handlers.hpp"
#include "state/edit.hpp"

namespace flurm::state {

Reply apply(ClusterState& state, const Entry& entry) {
  ++state.sequence;
  state.now = std::max(state.now, entry.now);
  Reply reply = std::visit([&](const auto& command) { return apply_to(state, command); }, entry.command);
  // A job that is cancelled because it can never start may decide about others.
  while (std::exchange(state.dependencies_stale, false)) refresh_dependencies(state);
  return reply;
}

}  // namespace flurm::state
