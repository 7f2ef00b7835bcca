// ctld/handlers/step.cpp — srun asks for steps; nodes report their ends; users signal, see and change them.
#include <algorithm>

#include "auth/munge.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/privacy.hpp"
#include "ctld/translate/step.hpp"
#include "ctld/translate/usage.hpp"
#include "ctld/user_record.hpp"
#include "io/clock.hpp"
#include "io/worker.hpp"
#include "sched/step_place.hpp"
#include "state/step_ports.hpp"
#include "wire/msg/job_complete.hpp"
#include "wire/msg/job_control.hpp"

namespace flurm::ctld {
namespace {

using model::Job;

/// Steps of one job that are asked for at once may be placed in each other's way; every try lets one of them pass.
constexpr unsigned kPlaceTries = 200;

/// A node takes a credential for two minutes (slurm 22.05 src/common/slurm_cred.c DEFAULT_EXPIRATION_WINDOW).
constexpr std::int64_t kCredentialAgeS = 60;

/// Nodes compare times of credentials with those of orders to end a job, which bear the state's time.
TimeS credential_time(const state::ClusterState& state) { return std::max(state.now, io::now() - kCredentialAgeS); }

const Job* named_job(const state::ClusterState& state, const wire::StepId& id, std::uint32_t array_task) {
  return array_task == kNoVal32 ? state.job(id.job_id) : state.array_task(id.job_id, array_task);
}

bool out_of_time(const state::ClusterState& state, const Job& job, TimeS now) {
  std::uint32_t minutes = state.settings.over_time_limit;
  const model::Partition* partition = state.partition(job.partition);
  if (partition && partition->over_time_limit != kNoVal16) minutes = partition->over_time_limit;
  return minutes != kInfinite16 && job.end_time + std::int64_t{minutes} * 60 <= now;
}

/// Whether the job takes steps from this user now. Source: slurm 22.05 src/slurmctld/step_mgr.c step_create().
Result<void> takes_steps(const Controller& c, const state::ClusterState& state, const Job& job,
                         const wire::JobStepCreateRequest& request) {
  if (request.user_id != job.request->user_id) return fail(Errc::access_denied);
  if (job.state.suspended()) return fail(Errc::disabled);
  if (job.state.pending()) return fail(Errc::duplicate_job_id);
  if (!job.state.running() || !job.allocation || out_of_time(state, job, io::now())) return fail(Errc::already_done);
  if (request.flags & wire::step_interactive) return {};
  if (std::max({request.host.size(), request.name.size(), request.network.size()}) > 1024)
    return fail(Errc::pathname_too_long);
  if (job.next_step >= std::min(c.config->max_step_cnt, model::kStepNumberMax))
    return fail(Errc::step_limit, "{} steps", job.next_step);
  const model::Partition* partition = state.partition(job.partition);
  if (partition && c.config->enforce_part_limits && request.time_limit != kNoVal32 &&
      request.time_limit != kInfinite32 && request.time_limit > partition->max_time)
    return fail(Errc::invalid_time_limit);
  if (job.next_step == 0)
    for (const model::NodeShare& share : job.allocation->shares)
      if (state.node(share.node)->has(model::node_flag::no_respond))
        return fail(Errc::nodes_busy, "a node does not answer");
  return {};
}

/// The command that creates the step as things are. Errors: of takes_steps() and sched::place_step().
Result<state::CreateStep> placed(const Controller& c, const state::ClusterState& state, const Job& job,
                                 const wire::JobStepCreateRequest& request, std::uint16_t client_version) {
  FLURM_TRY_VOID(takes_steps(c, state, job, request));
  state::CreateStep command{.job = job.id,
                            .restart_count = job.restart_count,
                            .slot = request.step_id.step_id,
                            .request = step_request(request, job),
                            .placement = {},
                            .nodes = {},
                            .protocol_version = 0};
  if (request.step_id.step_het_comp != kNoVal32) {
    wire::StepId id = request.step_id;
    if (id.step_id == kNoVal32) id.step_id = job.next_step;  // the others of the step will name it
    command.slot = slot_of(id);
    if (state::format_of(command) > state.format || model::component_of_slot(command.slot) == kNoVal32)
      return fail(Errc::not_supported, "component {} of a step", id.step_het_comp);
  } else if (command.slot != kNoVal32 && command.slot > model::kStepNumberMax) {
    return fail(Errc::duplicate_step_id, "{}", command.slot);
  }
  if (request.flags & wire::step_interactive) {
    command.slot = kInteractiveStep;
    command.placement = sched::interactive_placement(job);
  } else {
    const model::StepUses uses = state::step_uses(state, job.id);
    FLURM_TRY(command.placement,
              sched::place_step({.job = job, .uses = uses, .nodes = state.nodes, .settings = state.settings},
                                command.request));
    FLURM_TRY_VOID(state::find_step_ports(state, command.request, command.placement));
  }
  command.nodes = step_nodes(state, command.placement);
  command.protocol_version = oldest_version(state, command.placement, client_version);
  return command;
}

bool may_come_later(Errc code) { return code == Errc::nodes_busy || code == Errc::ports_busy; }

/// Creates the step, or lines it up. Errors: as placed(); nodes_busy: it is to wait.
io::Task<Result<std::uint32_t>> create(Controller& c, JobId id, wire::JobStepCreateRequest request,
                                       std::uint16_t version) {
  bool in_line = false;
  for (unsigned tries = 0; tries < kPlaceTries; ++tries) {
    const auto snapshot = c.replica.snapshot();
    const Job* job = snapshot->job(id);
    if (!job) co_return fail(Errc::invalid_job_id);
    Result<state::CreateStep> command = placed(c, *snapshot, *job, request, version);
    if (!command && !may_come_later(command.error().code)) co_return std::unexpected(command.error());
    if (!command && (in_line || request.host.empty() || request.port == 0)) co_return std::unexpected(command.error());
    if (!command) {
      auto queueing = c.replica.propose(
          state::QueueStep{.job = id, .restart_count = job->restart_count, .request = step_request(request, *job)});
      const Result<state::Reply> queued = co_await queueing;
      if (!queued) co_return std::unexpected(queued.error());
      in_line = true;  // a step may have ended before it stood in line: once more
      continue;
    }
    auto proposal = c.replica.propose(std::move(*command));
    const Result<state::Reply> reply = co_await proposal;
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->code == Errc::success) co_return reply->step;
    const bool overtaken = reply->code == Errc::duplicate_step_id && request.step_id.step_id == kNoVal32;
    if (!may_come_later(reply->code) && !overtaken) co_return fail(reply->code, "{}", reply->text);
  }
  co_return fail(Errc::nodes_busy, "the places of {} tries were taken", kPlaceTries);
}

}  // namespace

io::Task<Answer> create_step(Controller& c, Call call) {
  const auto* asked = call.as<wire::JobStepCreateRequest>();
  if (!asked) co_return rc_answer(call, Errc::communications_receive);
  wire::JobStepCreateRequest request = *asked;
  if (request.user_id == as_authenticated) request.user_id = call.uid;
  if (call.uid != 0 && call.uid != request.user_id) co_return rc_answer(call, Errc::user_id_missing);
  JobId id{0};
  {
    const auto snapshot = c.replica.snapshot();
    const Job* job = named_job(*snapshot, request.step_id, request.array_task_id);
    if (!job) co_return rc_answer(call, Errc::invalid_job_id);
    id = job->id;
  }
  auto creating = create(c, id, std::move(request), call.version);
  const Result<std::uint32_t> number = co_await creating;
  if (!number) {
    log(Level::verbose, "step.refused",
        {{"job_id", id.v}, {"error", errc_name(number.error().code)}, {"text", number.error().text}});
    co_return error_answer(call, number.error());
  }
  const auto snapshot = c.replica.snapshot();
  const auto job = snapshot->jobs.get(id.v);
  const auto step = snapshot->steps.get(state::step_key(id, *number));
  if (!job || !step) co_return rc_answer(call, Errc::already_done);
  wire::JobStepCreateResponse response = step_created(*snapshot, *c.config, *job, *step);
  auto work =
      io::on_worker(c.loop, [&c, snapshot, job, step, now = credential_time(*snapshot)]() -> Result<wire::Cred> {
        wire::Cred cred = step_cred(*snapshot, *job, *step, user_record(c.users, *job), now);
        cred.signed_bytes = wire::pack_cred_body(cred, step->protocol_version);
        FLURM_TRY(cred.signature, auth::sign(c.munge, cred.signed_bytes));
        return cred;
      });
  Result<wire::Cred> cred = co_await work;
  if (!cred) {
    log(Level::error, "step.no_credential", {{"job_id", id.v}, {"error", cred.error().text}});
    auto ending =
        c.replica.propose(state::EndStep{.job = id,
                                         .step = *number,
                                         .range_first = 0,
                                         .range_last = static_cast<std::uint32_t>(step->placement->shares.size() - 1),
                                         .wait_status = 0});
    (void)co_await ending;
    co_return rc_answer(call, Errc::invalid_job_credential);
  }
  response.cred = std::move(*cred);
  log(Level::verbose, "step.created", {{"job_id", id.v}, {"step", *number}, {"nodes", step->nodes}});
  Answer out = rpc::Reply::of(wire::MsgType::RESPONSE_JOB_STEP_CREATE, response, step->protocol_version);
  out.version = step->protocol_version;
  co_return out;
}

io::Task<Answer> complete_step(Controller& c, Call call) {
  const auto* report = call.as<wire::StepComplete>();
  if (!report) co_return rc_answer(call, Errc::communications_receive);
  const JobId id = report->step_id.job_id;
  std::optional<model::StepUsage> usage;
  {
    const auto snapshot = c.replica.snapshot();
    const Job* job = snapshot->job(id);
    if (!job) co_return rc_answer(call, Errc::invalid_job_id);
    if (!c.may_change(call.uid, *job)) co_return rc_answer(call, Errc::user_id_missing);
    if (snapshot->settings.accounting) usage = step_usage(report->jobacct);
  }
  auto proposal = c.replica.propose(state::EndStep{.job = id,
                                                   .step = slot_of(report->step_id),
                                                   .range_first = report->range_first,
                                                   .range_last = report->range_last,
                                                   .wait_status = report->step_rc,
                                                   .usage = std::move(usage)});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return Answer::none();
  log(Level::verbose, "step.complete",
      {{"job_id", id.v},
       {"step", report->step_id.step_id},
       {"first", report->range_first},
       {"last", report->range_last},
       {"wait_status", report->step_rc},
       {"rc", errc_name(reply->code)}});
  co_return rc_answer(call, public_code(reply->code));
}

io::Task<Answer> cancel_step(Controller& c, Call call) {
  const auto* request = call.as<wire::JobStepKill>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  const wire::StepId id = request->step_id;
  {
    const auto snapshot = c.replica.snapshot();
    const Job* job = snapshot->job(id.job_id);
    if (!job) co_return rc_answer(call, Errc::invalid_job_id);
    if (!c.may_change(call.uid, *job)) co_return rc_answer(call, Errc::user_id_missing);
  }
  state::Command command;
  if (id.step_id == kNoVal32) {
    command = state::CancelJobs{.targets = {{.job = id.job_id, .tasks = {}}},
                                .signal = request->signal,
                                .flags = request->flags,
                                .uid = call.uid};
  } else {
    command = state::SignalStep{
        .job = id.job_id, .step = slot_of(id), .signal = request->signal, .flags = request->flags, .uid = call.uid};
  }
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  log(Level::info, "step.kill",
      {{"job_id", id.job_id.v},
       {"step", id.step_id},
       {"signal", request->signal},
       {"uid", call.uid},
       {"rc", errc_name(reply->code)}});
  c.schedule_soon();
  co_return rc_answer(call, public_code(reply->code));
}

io::Task<Answer> update_step(Controller& c, Call call) {
  const auto* request = call.as<wire::UpdateJobStep>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  {
    const auto snapshot = c.replica.snapshot();
    const Job* job = snapshot->job(request->step_id.job_id);
    if (!job) co_return rc_answer(call, Errc::invalid_job_id);
    if (!c.may_change(call.uid, *job)) co_return rc_answer(call, Errc::user_id_missing);
  }
  auto proposal = c.replica.propose(state::UpdateStep{
      .job = request->step_id.job_id, .step = slot_of(request->step_id), .time_limit = request->time_limit});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  co_return rc_answer(call, public_code(reply->code));
}

Answer step_layout_reply(Controller& c, const Call& call) {
  const auto* request = call.as<wire::StepId>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto snapshot = c.replica.snapshot();
  const Job* job = snapshot->job(request->job_id);
  if (!job) return rc_answer(call, Errc::invalid_job_id);
  if (!JobPrivacy(c, call.uid).shows(*job)) return rc_answer(call, Errc::access_denied);
  if (job->state.pending()) return rc_answer(call, Errc::job_pending);
  if (job->state.finished()) return rc_answer(call, Errc::already_done);
  const model::Step* step = named_step(*snapshot, job->id, *request);
  wire::StepLayoutResponse response;
  if (step && step->running()) {
    response.step_layout = request->step_het_comp == kNoVal32 ? whole_layout(*snapshot, *step) : step_layout(*step);
  } else if (request->step_id == kBatchStep && job->request->batch) {
    response.step_layout = batch_layout(*job);
  } else {
    return rc_answer(call, Errc::invalid_job_id);
  }
  return answer(call, wire::MsgType::RESPONSE_STEP_LAYOUT, response);
}

io::Task<Answer> sbcast_credential(Controller& c, Call call) {
  const auto* request = call.as<wire::SelectedStep>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  const auto snapshot = c.replica.snapshot();
  const Job* found = named_job(*snapshot, request->step_id, request->array_task_id);
  if (!found) co_return rc_answer(call, Errc::invalid_job_id);
  const auto job = snapshot->jobs.get(found->id.v);
  if (job->state.pending()) co_return rc_answer(call, Errc::job_pending);
  if (job->state.finished() || !job->allocation) co_return rc_answer(call, Errc::already_done);
  if (!c.may_change(call.uid, *job)) co_return rc_answer(call, Errc::user_id_missing);
  std::uint32_t number = job->next_step;
  std::string nodes = job->allocation->nodes;
  if (request->step_id.step_id != kNoVal32) {
    const model::Step* step = named_step(*snapshot, job->id, request->step_id);
    if (!step || !step->running()) co_return rc_answer(call, Errc::invalid_job_id);
    number = step->number();
    nodes = step->nodes;
  }
  auto work = io::on_worker(
      c.loop,
      [&c, job, number, nodes, version = call.version, now = credential_time(*snapshot)]() -> Result<wire::SbcastCred> {
        wire::SbcastCred cred = sbcast_cred(*job, number, nodes, user_record(c.users, *job), now);
        cred.signed_bytes = wire::pack_cred_body(cred, version);
        FLURM_TRY(cred.signature, auth::sign(c.munge, cred.signed_bytes));
        return cred;
      });
  Result<wire::SbcastCred> cred = co_await work;
  if (!cred) co_return rc_answer(call, Errc::error);
  wire::JobSbcastCred response;
  response.job_id = job->id;
  response.node_list = nodes;
  response.sbcast_cred = std::move(*cred);
  co_return answer(call, wire::MsgType::RESPONSE_JOB_SBCAST_CRED, response);
}

}  // namespace flurm::ctld
