// state/apply.cpp — see apply.hpp.
#include "state/apply.hpp"

#include <algorithm>
#include <utility>

#include "state/accounting.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/gang.hpp"

namespace flurm::state {

namespace {

Reply apply_command(ClusterState& state, const Command& command) {
  Reply reply = std::visit([&](const auto& each) { return apply_to(state, each); }, command);
  // Partitions have QOS, for which their jobs count.
  if (std::holds_alternative<Configure>(command) || std::holds_alternative<PutPartition>(command) ||
      std::holds_alternative<DeletePartition>(command))
    recount_submitted(state);
  const bool new_rules = std::holds_alternative<Configure>(command) || std::holds_alternative<PutBooks>(command);
  if ((std::exchange(state.turns_stale, false) && state.settings.preempt.gang()) || new_rules) arrange_turns(state);
  state.turns_stale = false;
  // A job that is cancelled because it can never start may decide about others.
  while (std::exchange(state.dependencies_stale, false)) refresh_dependencies(state);
  return reply;
}

/// Forgets the replies that nobody will ask for, and a new session's silent predecessors.
void tidy(ClusterState& state, Session& session, const RequestId& id) {
  session.last = state.now;
  for (session.answered = std::max(session.answered, id.answered); !session.replies.empty();) {
    std::uint64_t first = 0;
    session.replies.for_each([&](std::uint64_t number, const auto&) {
      first = number;
      return false;
    });
    if (first > session.answered) break;
    session.replies.erase(first);
  }
  std::erase_if(state.sessions, [&](const auto& each) {
    return each.first != id.session && state.now - each.second.last > kSessionSilentS;
  });
}

}  // namespace

Reply apply(ClusterState& state, const Entry& entry) {
  ++state.sequence;
  state.now = std::max(state.now, entry.now);
  const RequestId& id = entry.id;
  if (!id.session) return apply_command(state, entry.command);

  Session& session = state.sessions[id.session];
  if (const Reply* known = session.replies.find(id.number)) return *known;
  // Late, and its proposer told whoever asked that it failed: it must not happen after all.
  if (id.number <= session.answered) return {.code = Errc::timed_out, .text = "given up by its proposer", .job = {}, .results = {}};
  tidy(state, session, id);
  Reply reply = apply_command(state, entry.command);
  session.replies.set(id.number, std::make_shared<const Reply>(reply));
  return reply;
}

}  // namespace flurm::state
