// state/priority.cpp — see priority.hpp.
#include "state/priority.hpp"

#include "acct/fair_share.hpp"

namespace flurm::state {

model::PriorityScale priority_scale(const ClusterState& state, TimeS now) {
  const model::PriorityRule& rule = state.settings.priority;
  return {rule, state.nodes, state.partitions, now, acct::account_factors(*state.books, state.assoc_usage, rule)};
}

}  // namespace flurm::state
