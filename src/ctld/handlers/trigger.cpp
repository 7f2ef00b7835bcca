// ctld/handlers/trigger.cpp — strigger. Source: slurm 22.05 src/slurmctld/trigger_mgr.c.
#include <sys/stat.h>

#include <charconv>

#include "base/hostlist.hpp"
#include "ctld/handlers/handlers.hpp"
#include "io/worker.hpp"
#include "wire/msg/trigger.hpp"

namespace flurm::ctld {
namespace {

using model::Trigger;
using model::TriggerTarget;

constexpr std::size_t kTriggersMax = 1000;  // in one request

/// As atol(): the number in front, 0 for none.
std::uint32_t leading_number(const std::string& text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Whether the user may run the program, before any blank.
bool executable(const std::string& program, std::uint32_t uid, std::uint32_t gid) {
  struct stat file {};
  if (stat(program.substr(0, program.find_first_of(" \t\n")).c_str(), &file) != 0 || !S_ISREG(file.st_mode))
    return false;
  if (file.st_uid == uid) return file.st_mode & S_IXUSR;
  return file.st_mode & (file.st_gid == gid ? S_IXGRP : S_IXOTH);
}

Result<Trigger> trigger_of(const state::ClusterState& state, const wire::TriggerInfo& info, const Call& call) {
  Trigger trigger{.flags = info.flags,
                  .target = static_cast<TriggerTarget>(info.res_type),
                  .target_id = info.res_id,
                  .events = info.trig_type,
                  .offset = info.offset,
                  .user_id = call.uid,
                  .group_id = call.gid,
                  .program = info.program};
  if (trigger.target < TriggerTarget::job || trigger.target > TriggerTarget::other) return fail(Errc::einval);
  if (trigger.target == TriggerTarget::job) {
    trigger.job.v = leading_number(info.res_id);
  } else if (!info.res_id.empty() && !info.res_id.starts_with('*')) {
    FLURM_TRY(const std::vector<std::string> names, expand_hosts(info.res_id));
    for (const std::string& name : names) {
      const model::Node* node = state.node(name);
      if (!node) return fail(Errc::invalid_node_name, "{}", name);
      trigger.nodes.push_back(node->id);
    }
  }
  return trigger;
}

}  // namespace

io::Task<Answer> set_triggers(Controller& c, Call call) {
  const auto* request = call.as<wire::TriggerInfoMsg>();
  if (!request || request->trigger_array.size() > kTriggersMax) co_return rc_answer(call, Errc::communications_receive);
  // Where SlurmUser is not root its programs cannot run as anybody else.
  if (c.slurm_user != 0 && call.uid != c.slurm_user) co_return rc_answer(call, Errc::access_denied);
  state::SetTriggers command;
  Errc refused = Errc::success;
  const auto snapshot = c.replica.snapshot();
  for (const wire::TriggerInfo& info : request->trigger_array) {
    auto trigger = trigger_of(*snapshot, info, call);
    if (!trigger) {
      refused = trigger.error().code == Errc::einval ? Errc::einval : Errc::invalid_node_name;
      continue;
    }
    auto looking = io::on_worker(
        c.loop, [program = trigger->program, uid = call.uid, gid = call.gid] { return executable(program, uid, gid); });
    const bool may_run = co_await looking;
    if (may_run) {
      command.triggers.push_back(std::move(*trigger));
    } else {
      refused = Errc::access_denied;
    }
  }
  if (command.triggers.empty()) co_return rc_answer(call, refused);
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  co_return rc_answer(call, reply->code == Errc::success ? refused : reply->code);
}

io::Task<Answer> clear_triggers(Controller& c, Call call) {
  const auto* request = call.as<wire::TriggerInfoMsg>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (request->trigger_array.size() != 1) co_return rc_answer(call, Errc::esrch);
  const wire::TriggerInfo& info = request->trigger_array.front();
  state::ClearTriggers command{.uid = call.uid, .id = info.trig_id, .user_id = info.user_id};
  if (static_cast<TriggerTarget>(info.res_type) == TriggerTarget::job) {
    command.job.v = leading_number(info.res_id);
    if (!command.job.v) co_return rc_answer(call, Errc::invalid_job_id);
  } else if (info.trig_id == 0 && info.user_id == kNoVal32) {
    co_return rc_answer(call, Errc::einval);
  }
  auto proposal = c.replica.propose(command);
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  co_return rc_answer(call, reply->code);
}

io::Task<Answer> pull_trigger(Controller& c, Call call) {
  const auto* request = call.as<wire::TriggerInfoMsg>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_slurm_user(call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  if (request->trigger_array.size() != 1) co_return rc_answer(call, Errc::esrch);
  const wire::TriggerInfo& info = request->trigger_array.front();
  const auto target = static_cast<TriggerTarget>(info.res_type);
  if (target != TriggerTarget::controller && target != TriggerTarget::database_daemon &&
      target != TriggerTarget::database)
    co_return rc_answer(call, Errc::einval);
  auto proposal = c.replica.propose(state::NoteEvent{{.target = target, .event = info.trig_type}});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  co_return rc_answer(call, reply->code);
}

Answer trigger_list(Controller& c, const Call& call) {
  wire::TriggerInfoMsg list;
  const auto snapshot = c.replica.snapshot();
  for (const auto& trigger : snapshot->triggers) {
    if (trigger->due) continue;  // its program is about to run
    wire::TriggerInfo info;
    info.flags = trigger->flags;
    info.trig_id = trigger->id;
    info.res_type = static_cast<std::uint16_t>(trigger->target);
    info.res_id = trigger->target_id;
    info.trig_type = trigger->events;
    info.offset = trigger->offset;
    info.user_id = trigger->user_id;
    info.program = trigger->program;
    list.trigger_array.push_back(std::move(info));
  }
  return answer(call, wire::MsgType::RESPONSE_TRIGGER_GET, list);
}

}  // namespace flurm::ctld
