// state/commands/administer.cpp — what administrators order of the cluster as a whole.
#include <algorithm>

#include "state/commands/handlers.hpp"

namespace flurm::state {

Reply apply_to(ClusterState& state, const UseFormat& command) {
  state.format = std::max(state.format, command.format);
  return {};
}

Reply apply_to(ClusterState& state, const SetDrain& command) {
  // Said again, it began when it began.
  const TimeS since = state.drain.on ? state.drain.since : state.now;
  state.drain = command.on ? Drain{true, since, command.reason} : Drain{};
  return {};
}

}  // namespace flurm::state
