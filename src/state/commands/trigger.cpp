// state/commands/trigger.cpp — strigger: triggers are set and cleared, and daemons report what happened to them.
#include <algorithm>

#include "state/commands/handlers.hpp"
#include "state/triggers.hpp"

namespace flurm::state {
namespace {

using model::Trigger;

bool same(const Trigger& a, const Trigger& b) {
  return a.flags == b.flags && a.target == b.target && a.target_id == b.target_id && a.nodes == b.nodes &&
         a.events == b.events && a.offset == b.offset && a.user_id == b.user_id && a.program == b.program;
}

Errc set(ClusterState& state, Trigger trigger) {
  if (trigger.target == model::TriggerTarget::job) {
    const model::Job* job = state.job(trigger.job);
    if (!job) return Errc::invalid_job_id;
    if (job->state.ended()) return Errc::already_done;
  }
  if (std::ranges::any_of(state.triggers, [&](const auto& each) { return same(*each, trigger); }))
    return Errc::trigger_duplicate;
  if (trigger.user_id != 0 && state.triggers.size() >= state.settings.max_job_count) return Errc::eagain;
  trigger.id = ++state.last_trigger_id;
  state.triggers.push_back(std::make_shared<const Trigger>(std::move(trigger)));
  return Errc::success;
}

}  // namespace

Reply apply_to(ClusterState& state, const SetTriggers& command) {
  Reply reply;
  for (const Trigger& trigger : command.triggers)
    if (const Errc code = set(state, trigger); code != Errc::success) reply.code = code;
  return reply;
}

Reply apply_to(ClusterState& state, const ClearTriggers& command) {
  Reply reply{.code = Errc::esrch};
  std::erase_if(state.triggers, [&](const auto& trigger) {
    if (command.id && command.id != trigger->id) return false;
    if (command.job.v && command.job != trigger->job) return false;
    if (command.user_id != kNoVal32 && command.user_id != trigger->user_id) return false;
    const bool may = trigger->user_id == command.uid || command.uid == 0;
    reply.code = may ? Errc::success : Errc::access_denied;
    return may;
  });
  return reply;
}

Reply apply_to(ClusterState& state, const NoteEvent& command) {
  note_event(state, command.event);
  return {};
}

}  // namespace flurm::state
