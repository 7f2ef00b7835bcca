// ctld/effects.cpp — see effects.hpp.
#include "ctld/effects.hpp"

#include <algorithm>

#include "auth/munge.hpp"
#include "ctld/mail.hpp"
#include "ctld/translate/launch.hpp"
#include "ctld/user_record.hpp"
#include "io/clock.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"
#include "wire/msg/return_code.hpp"

namespace flurm::ctld {
namespace {

using state::Effect;

/// Waits between tries: soon again at first, then patiently.
std::uint64_t backoff_ms(unsigned attempt) { return std::min<std::uint64_t>(250u << std::min(attempt, 5u), 5000); }
/// How often a launch is repeated that a node refuses because of an earlier run of the job.
constexpr unsigned kRevokedTries = 5;
/// An epilog may take long; after this the node is told again, in case it lost the order.
constexpr std::uint64_t kEpilogPatienceMs = 30'000;
/// Signals and suspensions of a job whose launch is still under way look again after this.
constexpr std::uint64_t kLaunchPollMs = 50;
/// A node takes a credential for two minutes (slurm 22.05 src/common/slurm_cred.c DEFAULT_EXPIRATION_WINDOW).
constexpr std::int64_t kCredentialAgeS = 60;

const Effect* open_effect(const state::ClusterState& state, const Effect& effect) {
  return state.effects.find(effect.id);
}

/// The job, if the effect is still about its present run.
std::shared_ptr<const model::Job> job_of(const state::ClusterState& state, const Effect& effect) {
  auto job = state.jobs.get(effect.job.v);
  return job && job->restart_count == effect.restart_count && open_effect(state, effect) ? job : nullptr;
}

wire::MsgType end_type(Effect::End end) {
  switch (end) {
    case Effect::End::time_limit:
      return wire::MsgType::REQUEST_KILL_TIMELIMIT;
    case Effect::End::preempted:
      return wire::MsgType::REQUEST_KILL_PREEMPTED;
    case Effect::End::abort:
      return wire::MsgType::REQUEST_ABORT_JOB;
    default:
      return wire::MsgType::REQUEST_TERMINATE_JOB;
  }
}

std::vector<model::NodeId> nodes_of(const model::Job& job) {
  std::vector<model::NodeId> out;
  if (job.allocation)
    for (const model::NodeShare& share : job.allocation->shares) out.push_back(share.node);
  return out;
}

bool has_node(const model::Job& job, model::NodeId node) {
  return job.allocation &&
         std::ranges::find(job.allocation->shares, node, &model::NodeShare::node) != job.allocation->shares.end();
}

/// `attempt`: how many there were before this one.
void log_retry(std::string_view event, JobId job, const std::string& node, unsigned attempt, const Error& error) {
  log(Level::warn, event, {{"job_id", job.v}, {"node", node}, {"attempt", attempt + 1}, {"error", error.text}});
}

}  // namespace

rpc::Address node_address(const model::Node& node) {
  return {.host = node.config.address.empty() ? node.config.name : node.config.address, .port = node.config.port};
}
std::uint16_t node_version(const model::Node& node) {
  return node.protocol_version ? node.protocol_version : wire::v22_05;
}

void Effects::start() {
  leads_ = true;
  ++reign_;
  next_ = 1;
  look();
}

void Effects::stop() {
  leads_ = false;
  ++reign_;
  for (const io::Event& pause : pauses_) pause.set({});
}

io::Task<> Effects::rest(std::uint64_t ms) {
  if (!leads_) co_return;  // stopped while it asked a node: nobody would end the pause
  const auto at = pauses_.insert(pauses_.end(), io::Event(controller_.loop));
  auto waiting = at->wait(io::Deadline::in_ms(ms));
  (void)co_await waiting;
  pauses_.erase(at);
}

void Effects::look() {
  if (!leads_) return;
  std::vector<Effect> fresh;
  const auto state = controller_.replica.snapshot();
  state->effects.for_each_from(next_, [&](std::uint64_t id, const auto& effect) {
    fresh.push_back(*effect);
    next_ = id + 1;
    return true;
  });
  for (const Effect& effect : fresh) switch (effect.kind) {
      case Effect::Kind::launch_batch:
        io::spawn(launch(effect));
        break;
      case Effect::Kind::end_job:
        io::spawn(end_job(effect));
        break;
      case Effect::Kind::signal_job:
        io::spawn(signal(effect));
        break;
      case Effect::Kind::suspend_job:
        io::spawn(suspend(effect));
        break;
      case Effect::Kind::mail:
        io::spawn(send_mail(effect));
        break;
      case Effect::Kind::signal_step:
        io::spawn(signal_step(effect));
        break;
      case Effect::Kind::time_out_step:
        io::spawn(time_out_step(effect));
        break;
      case Effect::Kind::tell_client:
        io::spawn(tell_client(effect));
        break;
      case Effect::Kind::launch_prolog:
        io::spawn(launch_prolog(effect));
        break;
      case Effect::Kind::controller_prolog:
      case Effect::Kind::controller_epilog:
        io::spawn(run_controller_script(effect));
        break;
      case Effect::Kind::reboot_node:
        io::spawn(reboot_node(effect));
        break;
      case Effect::Kind::run_trigger:
        io::spawn(run_trigger(effect));
        break;
      case Effect::Kind::leave_node:
        io::spawn(leave_node(effect));
        break;
    }
}

io::Task<> Effects::propose(state::Command command) {
  auto proposal = controller_.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) log(Level::warn, "effect.not_committed", {{"error", reply.error().text}});
  controller_.schedule_soon();
}

io::Task<Result<Errc>> Effects::tell(rpc::Address node, wire::MsgType type, std::string body, std::uint16_t version) {
  auto turn = gate_.enter();
  co_await turn;
  rpc::CallOptions options;
  options.timeout_ms = std::uint64_t{controller_.config->msg_timeout} * 1000;
  options.restrict_uid = node_user_;
  auto call = courier_.call(node, type, std::move(body), version, std::move(options));
  const Result<rpc::Response> response = co_await call;
  gate_.leave();
  if (!response) co_return std::unexpected(response.error());
  if (response->is<wire::ReturnCode>()) co_return static_cast<Errc>(response->as<wire::ReturnCode>().return_code);
  if (response->is<wire::ReturnCode2>()) co_return static_cast<Errc>(response->as<wire::ReturnCode2>().return_code);
  co_return fail(Errc::unexpected_msg, "{} answered {}", node.text(), rpc::type_text(response->type()));
}

io::Task<> Effects::launch(Effect effect) {
  const std::uint64_t reign = reign_;
  unsigned refusals = 0;
  for (unsigned attempt = 0; reign == reign_; ++attempt) {
    auto state = controller_.replica.snapshot();
    auto job = job_of(*state, effect);
    const model::Node* node = job ? state->node(job->batch_host) : nullptr;
    if (!job || !(job->state.running() || job->state.suspended()) || !node) {
      if (open_effect(*state, effect)) {
        auto done = propose(state::EffectsDone{.effects = {effect.id}});
        co_await done;
      }
      co_return;
    }
    const std::uint16_t version = node_version(*node);
    const rpc::Address address = node_address(*node);
    // An end that is ordered later bears a later time of the state, whichever controller orders it: a launch that
    // arrives after it is known to be late. The clock only keeps the credential young enough.
    const TimeS made_at = std::max(state->now, io::now() - kCredentialAgeS) + refusals;
    auto work = io::on_worker(
        controller_.loop,
        [state, job, version, &users = controller_.users, &munge = client_.munge(), made_at]() -> Result<std::string> {
          wire::BatchJobLaunch message = batch_launch(*state, *job, user_record(users, *job), made_at, version);
          FLURM_TRY(message.cred.signature, auth::sign(munge, message.cred.signed_bytes));
          return codec::pack(message, version);
        });
    Result<std::string> body = co_await work;
    if (reign != reign_) co_return;
    Result<Errc> answered = fail(Errc::error);
    if (body) {
      auto told = tell(address, wire::MsgType::REQUEST_BATCH_JOB_LAUNCH, std::move(*body), version);
      answered = co_await told;
    } else {
      answered = std::unexpected(body.error());
    }
    // slurmd counts a job's end in whole seconds: it takes a new run's credential for one of the run that it ended
    // within the same second. A little later it will not. A flurmnd that was away ends an earlier run first.
    if (answered && attempt < kRevokedTries &&
        (*answered == Errc::node_credential_revoked || *answered == Errc::duplicate_job_id)) {
      ++refusals;
      answered = fail(*answered, "{} is not done with an earlier run", job->batch_host);
    }
    if (answered) {
      // The node has it already when an earlier answer was lost on the way.
      const Errc rc = *answered == Errc::node_step_exists ? Errc::success : *answered;
      if (rc != Errc::success)
        log(Level::error, "job.launch_refused",
            {{"job_id", effect.job.v}, {"node", job->batch_host}, {"rc", static_cast<std::int32_t>(rc)}});
      if (rc == Errc::success) taken_.insert({effect.job, effect.restart_count});
      auto report = propose(state::LaunchAnswered{
          .job = effect.job, .restart_count = effect.restart_count, .effect = effect.id, .rc = rc});
      co_await report;
      taken_.erase({effect.job, effect.restart_count});
      co_return;
    }
    log_retry("job.launch_retry", effect.job, job->batch_host, attempt, answered.error());
    auto pause = rest(backoff_ms(attempt));
    co_await pause;
  }
}

io::Task<> Effects::launch_prolog(Effect effect) {
  const std::uint64_t reign = reign_;
  const auto state = controller_.replica.snapshot();
  std::vector<io::Event> told;
  if (const auto job = job_of(*state, effect))
    for (model::NodeId node : nodes_of(*job)) {
      told.emplace_back(controller_.loop);
      io::spawn(prolog_on_node(effect, node, told.back()));
    }
  for (const io::Event& one : told) {
    auto waiting = one.wait(io::Deadline::never());
    (void)co_await waiting;
  }
  if (reign != reign_ || !open_effect(*controller_.replica.snapshot(), effect)) co_return;
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

io::Task<> Effects::prolog_on_node(Effect effect, model::NodeId id, io::Event told) {
  const std::uint64_t reign = reign_;
  unsigned refusals = 0;
  for (unsigned attempt = 0; reign == reign_; ++attempt) {
    auto state = controller_.replica.snapshot();
    auto job = job_of(*state, effect);
    const model::Node* node = state->node(id);
    if (!job || !node || !(job->state.running() || job->state.suspended())) break;
    std::uint16_t version = node_version(*node);
    // The node will speak to the client in the same version.
    if (job->request->x11 != 0 && job->request->client_version != 0)
      version = std::min(version, job->request->client_version);
    const TimeS made_at = std::max(state->now, io::now() - kCredentialAgeS) + refusals;
    auto work = io::on_worker(
        controller_.loop,
        [state, job, version, &users = controller_.users, &munge = client_.munge(), made_at]() -> Result<std::string> {
          wire::PrologLaunch message = prolog_launch(*state, *job, user_record(users, *job), made_at, version);
          FLURM_TRY(message.cred.signature, auth::sign(munge, message.cred.signed_bytes));
          return codec::pack(message, version);
        });
    Result<std::string> body = co_await work;
    if (reign != reign_) break;
    Result<Errc> answered = body ? Result<Errc>(Errc::success) : Result<Errc>(std::unexpected(body.error()));
    if (body) {
      auto telling = tell(node_address(*node), wire::MsgType::REQUEST_LAUNCH_PROLOG, std::move(*body), version);
      answered = co_await telling;
    }
    if (answered && *answered == Errc::node_credential_revoked && refusals < kRevokedTries) {
      ++refusals;  // as in launch()
      answered = fail(*answered, "{} is not done with an earlier run", node->config.name);
    }
    if (answered) {
      // The node reports a prolog that fails; one that it cannot even begin makes the launch fail.
      if (*answered != Errc::success)
        log(Level::error, "job.prolog_refused",
            {{"job_id", effect.job.v}, {"node", node->config.name}, {"rc", static_cast<std::int32_t>(*answered)}});
      break;
    }
    log_retry("job.prolog_retry", effect.job, node->config.name, attempt, answered.error());
    auto pause = rest(backoff_ms(attempt));
    co_await pause;
  }
  told.set({});
}

io::Task<> Effects::end_job(Effect effect) {
  const auto state = controller_.replica.snapshot();
  const auto job = job_of(*state, effect);
  if (!job || !job->state.completing()) {
    if (open_effect(*state, effect)) {
      auto done = propose(state::EffectsDone{.effects = {effect.id}});
      co_await done;
    }
    co_return;
  }
  for (model::NodeId node : job->completing_nodes) io::spawn(end_on_node(effect, node));
}

io::Task<> Effects::end_on_node(Effect effect, model::NodeId id) {
  const std::uint64_t reign = reign_;
  for (unsigned attempt = 0; reign == reign_; ++attempt) {
    auto state = controller_.replica.snapshot();
    auto job = job_of(*state, effect);
    const model::Node* node = state->node(id);
    if (!job || !node || !job->state.completing() ||
        std::find(job->completing_nodes.begin(), job->completing_nodes.end(), id) == job->completing_nodes.end())
      co_return;
    const std::uint16_t version = node_version(*node);
    auto told = tell(node_address(*node), end_type(effect.end),
                     codec::pack(kill_job_message(*job, state->now), version), version);
    const Result<Errc> answered = co_await told;
    const bool nothing_there = answered && *answered == Errc::kill_job_already_complete;
    if (nothing_there || (answered && *answered == Errc::success && effect.end == Effect::End::abort)) {
      auto report = propose(state::NodeCleaned{.job = effect.job, .node = id});
      co_await report;
      co_return;
    }
    std::uint64_t wait_ms = kEpilogPatienceMs;  // the node reports when its epilog is over
    if (!answered) {
      log_retry("job.end_retry", effect.job, node->config.name, attempt, answered.error());
      wait_ms = backoff_ms(attempt);
    }
    auto pause = rest(wait_ms);
    co_await pause;
  }
}

/// A node that is down, or the job's again, is left alone.
io::Task<> Effects::leave_node(Effect effect) {
  const std::uint64_t reign = reign_;
  for (unsigned attempt = 0; reign == reign_; ++attempt) {
    const auto state = controller_.replica.snapshot();
    const auto job = job_of(*state, effect);
    const model::Node* node = state->node(effect.node);
    if (!job || !node || node->base == model::NodeBase::down || has_node(*job, effect.node)) break;
    const std::uint16_t version = node_version(*node);
    wire::KillJob message = kill_job_message(*job, state->now);
    message.nodes = node->config.name;
    // The node takes steps of the same run again when it is given back.
    if (effect.end == Effect::End::abort) message.start_time = {};
    auto told = tell(node_address(*node), end_type(effect.end), codec::pack(message, version), version);
    const Result<Errc> answered = co_await told;
    if (reign != reign_) co_return;
    if (answered) {
      log(Level::info, "job.left_node", {{"job_id", effect.job.v}, {"node", node->config.name}});
      break;
    }
    log_retry("job.leave_retry", effect.job, node->config.name, attempt, answered.error());
    auto pause = rest(backoff_ms(attempt));
    co_await pause;
  }
  if (reign != reign_ || !open_effect(*controller_.replica.snapshot(), effect)) co_return;
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

io::Task<> Effects::launched(Effect effect) {
  const std::uint64_t reign = reign_;
  while (reign == reign_) {
    const auto state = controller_.replica.snapshot();
    const bool open =
        !state->job_effects.for_each_from(std::uint64_t{effect.job.v} << 32, [&](std::uint64_t, const auto& other) {
          return other->job == effect.job && other->kind != Effect::Kind::launch_batch;
        });
    const auto job = job_of(*state, effect);
    if (!open || !job || job->launched || job->state.completing()) co_return;
    auto pause = io::sleep(controller_.loop, kLaunchPollMs);
    co_await pause;
  }
}

io::Task<> Effects::signal(Effect effect) {
  constexpr std::uint16_t kToBatchScript = 1 << 0 | 1 << 3;  // KILL_JOB_BATCH, KILL_FULL_JOB
  constexpr std::uint16_t kToSteps = 1 << 2;                 // KILL_STEPS_ONLY, the others' case
  const std::uint64_t reign = reign_;
  auto launch = launched(effect);
  co_await launch;
  if (reign != reign_) co_return;
  const auto state = controller_.replica.snapshot();
  const auto job = job_of(*state, effect);
  if (job && (job->state.running() || job->state.suspended())) {
    const bool batch = effect.flags & kToBatchScript;
    for (model::NodeId id : nodes_of(*job)) {
      const model::Node* node = state->node(id);
      if (!node || (batch && node->config.name != job->batch_host)) continue;
      wire::CancelTasks message;
      message.step_id.job_id = effect.job;
      message.step_id.step_id = batch ? kBatchStep : kNoVal32;
      message.signal = effect.signal;
      message.flags = batch || effect.flags & kToSteps ? effect.flags : kToSteps;
      const std::uint16_t version = node_version(*node);
      auto told =
          tell(node_address(*node), wire::MsgType::REQUEST_SIGNAL_TASKS, codec::pack(message, version), version);
      const Result<Errc> answered = co_await told;
      if (!answered)
        log(Level::warn, "job.signal_failed",
            {{"job_id", effect.job.v}, {"node", node->config.name}, {"error", answered.error().text}});
    }
  }
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

io::Task<> Effects::suspend(Effect effect) {
  const std::uint64_t reign = reign_;
  auto launch = launched(effect);
  co_await launch;
  if (reign != reign_) co_return;
  const auto state = controller_.replica.snapshot();
  const auto job = job_of(*state, effect);
  if (job && (job->state.running() || job->state.suspended())) {
    for (model::NodeId id : nodes_of(*job)) {
      const model::Node* node = state->node(id);
      if (!node) continue;
      wire::SuspendInt message;
      message.step_id.job_id = effect.job;
      message.op = effect.op;
      const std::uint16_t version = node_version(*node);
      auto told = tell(node_address(*node), wire::MsgType::REQUEST_SUSPEND_INT, codec::pack(message, version), version);
      const Result<Errc> answered = co_await told;
      if (!answered)
        log(Level::warn, "job.suspend_failed",
            {{"job_id", effect.job.v}, {"node", node->config.name}, {"error", answered.error().text}});
    }
  }
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

io::Task<> Effects::abort_stray(model::NodeId id, JobId job) {
  const auto state = controller_.replica.snapshot();
  const model::Node* node = state->node(id);
  if (!node) co_return;
  wire::KillJob message;
  message.step_id.job_id = job;
  message.time = state->now;
  const std::uint16_t version = node_version(*node);
  auto told = tell(node_address(*node), wire::MsgType::REQUEST_ABORT_JOB, codec::pack(message, version), version);
  const Result<Errc> answered = co_await told;
  // The next registration tells whether it is still there.
  if (!answered)
    log(Level::warn, "job.abort_failed",
        {{"job_id", job.v}, {"node", node->config.name}, {"error", answered.error().text}});
}

io::Task<> Effects::send_mail(Effect effect) {
  const auto state = controller_.replica.snapshot();
  if (const auto job = state->jobs.get(effect.job.v)) {
    auto turn = mail_gate_.enter();
    co_await turn;
    auto work = io::on_worker(controller_.loop, [config = controller_.config, job, event = effect.mail_event,
                                                 now = io::now()] { return mail_user(*config, *job, event, now); });
    const Result<void> sent = co_await work;
    mail_gate_.leave();
    if (!sent) log(Level::error, "mail.failed", {{"job_id", effect.job.v}, {"error", sent.error().text}});
  }
  auto done = propose(state::EffectsDone{.effects = {effect.id}});
  co_await done;
}

}  // namespace flurm::ctld
