// ctld/clients.cpp — what the leader tells the sruns and sallocs that wait, and the nodes about single steps. The other
// part of effects.cpp.
#include "ctld/effects.hpp"
#include "ctld/translate/allocation.hpp"
#include "ctld/translate/launch.hpp"
#include "ctld/translate/step.hpp"
#include "io/clock.hpp"
#include "wire/msg/daemon_control.hpp"
#include "wire/msg/job_control.hpp"
#include "wire/msg/srun.hpp"

namespace flurm::ctld {
namespace {

using state::Effect;

/// A client has this long to take the news. It has a thread for nothing else.
constexpr std::uint64_t kClientMs = 5000;

/// Effect::op of News::ended.
constexpr std::uint16_t kOutOfTime = 1;

struct Message {
  wire::MsgType type{};
  std::string body;
};

Message message_of(const state::ClusterState& state, const model::Job& job, const Effect& effect,
                   std::uint16_t version) {
  const wire::StepId id = step_id(effect.job, effect.step);
  using News = Effect::News;
  switch (effect.news) {
    case News::started:
      if (job.het)
        return {wire::MsgType::RESPONSE_HET_JOB_ALLOCATION, codec::pack(component_allocations(state, job), version)};
      return {wire::MsgType::RESPONSE_RESOURCE_ALLOCATION, codec::pack(allocation_response(job), version)};
    case News::node_failed:
      return {wire::MsgType::SRUN_NODE_FAIL, codec::pack(wire::SrunNodeFail{id, effect.text}, version)};
    case News::step_missing:
      return {wire::MsgType::SRUN_STEP_MISSING, codec::pack(wire::SrunNodeFail{id, effect.text}, version)};
    case News::try_again: {
      wire::JobStepKill again;
      again.step_id = id;
      return {wire::MsgType::SRUN_STEP_SIGNAL, codec::pack(again, version)};
    }
    case News::suspended: {
      wire::Suspend suspend;
      suspend.step_id.job_id = effect.job;
      suspend.op = effect.op;
      return {wire::MsgType::SRUN_REQUEST_SUSPEND, codec::pack(suspend, version)};
    }
    case News::message: {
      wire::SrunUser words;
      words.step_id = id;
      words.msg = effect.text;
      return {wire::MsgType::SRUN_USER_MSG, codec::pack(words, version)};
    }
    default:
      return {wire::MsgType::SRUN_JOB_COMPLETE, codec::pack(id, version)};
  }
}

}  // namespace

std::uint16_t client_version(std::uint16_t known) { return wire::supported(known) ? known : wire::kOldestVersion; }

io::Task<> Effects::send_to_client(rpc::Address to, wire::MsgType type, std::string body, std::uint16_t version,
                                   std::uint32_t uid) {
  rpc::CallOptions options;
  options.timeout_ms = kClientMs;
  options.restrict_uid = uid;
  auto turn = client_gate_.enter();
  co_await turn;
  auto call = client_.call(to, type, std::move(body), version, std::move(options));
  const Result<rpc::Response> answered = co_await call;
  client_gate_.leave();
  // Who does not listen any more has ended.
  if (!answered)
    log(Level::verbose, "client.not_told",
        {{"client", to.text()}, {"type", wire::msg_type_name(type)}, {"error", answered.error().text}});
}

io::Task<> Effects::send_to_node(rpc::Address node, wire::MsgType type, std::string body, std::uint16_t version) {
  auto told = tell(node, type, std::move(body), version);
  const Result<Errc> answered = co_await told;
  if (!answered)
    log(Level::warn, "node.not_told",
        {{"node", node.text()}, {"type", wire::msg_type_name(type)}, {"error", answered.error().text}});
}

io::Task<> Effects::tell_client(Effect effect) {
  const auto state = controller_.replica.snapshot();
  if (const auto job = state->jobs.get(effect.job.v)) {
    std::uint16_t version = client_version(job->request->client_version);
    const model::Step* step = effect.step == kNoVal32 ? nullptr : state->step(effect.job, effect.step);
    if (step && step->protocol_version) version = step->protocol_version;
    const rpc::Address client{.host = effect.host, .port = effect.port};
    if (effect.news == Effect::News::ended && effect.op == kOutOfTime) {
      wire::SrunTimeout why;
      why.step_id = step_id(effect.job, effect.step);
      why.timeout = job->end_time;
      auto telling = send_to_client(client, wire::MsgType::SRUN_TIMEOUT, codec::pack(why, version), version,
                                    job->request->user_id);
      co_await telling;
    }
    Message message = message_of(*state, *job, effect, version);
    auto sending = send_to_client(client, message.type, std::move(message.body), version, job->request->user_id);
    co_await sending;
  }
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

io::Task<> Effects::signal_step(Effect effect) {
  const auto state = controller_.replica.snapshot();
  const auto step = state->steps.get(state::step_key(effect.job, effect.step));
  if (step && step->running())
    for (const model::StepShare& share : step->placement->shares) {
      const model::Node* node = state->node(share.node);
      const bool meant =
          effect.node == kNoVal32 ? node && node->base != model::NodeBase::down : effect.node == share.node;
      if (!node || !meant) continue;
      wire::CancelTasks message;
      message.step_id = step_id(effect.job, effect.step);
      message.signal = effect.signal;
      const std::uint16_t version = node_version(*node);
      const auto type = effect.flags ? wire::MsgType::REQUEST_TERMINATE_TASKS : wire::MsgType::REQUEST_SIGNAL_TASKS;
      io::spawn(send_to_node(node_address(*node), type, codec::pack(message, version), version));
    }
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

/// The node does not answer, and may be gone at once. It is given up when it has not come back after ResumeTimeout.
io::Task<> Effects::reboot_node(Effect effect) {
  const auto state = controller_.replica.snapshot();
  const model::Node* node = state->node(effect.node);
  if (node && node->has(model::node_flag::reboot_issued)) {
    const std::uint16_t version = node_version(*node);
    log(Level::info, "node.reboot", {{"node", node->config.name}});
    io::spawn(send_to_node(node_address(*node), wire::MsgType::REQUEST_REBOOT_NODES, codec::pack(wire::Reboot{}, version),
                           version));
  }
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

io::Task<> Effects::time_out_step(Effect effect) {
  const auto state = controller_.replica.snapshot();
  const auto job = state->jobs.get(effect.job.v);
  const auto step = state->steps.get(state::step_key(effect.job, effect.step));
  if (job && step && step->running())
    for (const model::StepShare& share : step->placement->shares) {
      const model::Node* node = state->node(share.node);
      if (!node || node->base == model::NodeBase::down) continue;
      wire::KillJob message = kill_job_message(*job, io::now());
      message.step_id = step_id(effect.job, effect.step);
      const std::uint16_t version = node_version(*node);
      io::spawn(send_to_node(node_address(*node), wire::MsgType::REQUEST_KILL_TIMELIMIT, codec::pack(message, version),
                             version));
    }
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

}  // namespace flurm::ctld
