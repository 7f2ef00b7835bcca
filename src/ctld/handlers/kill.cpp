// ctld/handlers/kill.cpp — scancel, scontrol requeue, suspend, resume and top.
#include "ctld/handlers/handlers.hpp"
#include "ctld/job_text.hpp"
#include "wire/msg/job_control.hpp"

namespace flurm::ctld {
namespace {

/// Drops the jobs the caller has no right to; access_denied when none is left.
Result<std::vector<state::Target>> allowed(const Controller& c, const state::ClusterState& state, const Call& call,
                                           std::vector<state::Target> targets) {
  const std::size_t all = targets.size();
  std::erase_if(targets, [&](const state::Target& target) {
    const model::Job* job = record_of(state, target);
    return !job || !c.may_change(call.uid, *job);
  });
  if (targets.empty() && all) return fail(Errc::access_denied);
  return targets;
}

Result<std::vector<state::Target>> targets_of(const Controller& c, const state::ClusterState& state, const Call& call,
                                              const std::string& text, JobId id) {
  const std::string named = text.empty() ? std::to_string(id.v) : text;
  FLURM_TRY(auto targets, job_targets(state, named));
  return allowed(c, state, call, std::move(targets));
}

}  // namespace

Answer target_answer(Controller&, const Call& call, const state::Reply& reply) {
  const bool array = reply.results.size() > 1;
  if (reply.code == Errc::success || !array) return rc_answer(call, public_code(reply.code));
  wire::JobArrayResponse response;
  for (const state::TargetResult& result : reply.results) {
    std::string id = std::to_string(result.job.v);
    if (result.task != kNoVal32) id += "_" + std::to_string(result.task);
    response.tasks.push_back({static_cast<std::uint32_t>(public_code(result.code)), id, ""});
  }
  return answer(call, wire::MsgType::RESPONSE_JOB_ARRAY_ERRORS, response);
}

Answer unknown_job(const Call& call, const std::string& named, const Error& error) {
  if (named.find('_') == named.npos || error.code != Errc::invalid_job_id) return error_answer(call, error);
  wire::JobArrayResponse response;
  response.tasks.push_back({static_cast<std::uint32_t>(error.code), named, ""});
  return answer(call, wire::MsgType::RESPONSE_JOB_ARRAY_ERRORS, response);
}

io::Task<Answer> kill_job(Controller& c, Call call) {
  const auto* request = call.as<wire::JobStepKill>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  auto snapshot = c.replica.snapshot();
  auto targets = targets_of(c, *snapshot, call, request->sjob_id, request->step_id.job_id);
  if (!targets) co_return error_answer(call, targets.error());
  state::CancelJobs command{.targets = std::move(*targets), .signal = request->signal, .flags = request->flags, .uid = call.uid};
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  log(Level::info, "job.kill", {{"jobs", request->sjob_id.empty() ? std::to_string(request->step_id.job_id.v) : request->sjob_id},
                                {"signal", request->signal}, {"uid", call.uid}, {"rc", errc_name(reply->code)}});
  c.schedule_soon();
  co_return target_answer(c, call, *reply);
}

io::Task<Answer> requeue_job(Controller& c, Call call) {
  const auto* request = call.as<wire::JobRequeue>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  auto snapshot = c.replica.snapshot();
  auto targets = targets_of(c, *snapshot, call, request->job_id_str, request->step_id.job_id);
  if (!targets) co_return unknown_job(call, request->job_id_str, targets.error());
  constexpr auto kRunning = static_cast<std::uint32_t>(model::JobBase::running);  // `scontrol requeue incomplete`
  const auto has = [&](std::uint32_t flag) { return (request->flags & flag) != 0; };
  state::RequeueJobs command{.targets = std::move(*targets),
                             .uid = call.uid,
                             .hold = has(model::job_flag::requeue_hold),
                             .special_exit = has(model::job_flag::special_exit),
                             .launch_failed = has(model::job_flag::launch_failed) && c.is_slurm_user(call.uid),
                             .running_only = (request->flags & 0xff) == kRunning};
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  c.schedule_soon();
  co_return target_answer(c, call, *reply);
}

io::Task<Answer> suspend_job(Controller& c, Call call) {
  const auto* request = call.as<wire::Suspend>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_operator(call.uid)) co_return rc_answer(call, Errc::access_denied);
  auto snapshot = c.replica.snapshot();
  auto targets = targets_of(c, *snapshot, call, request->job_id_str, request->step_id.job_id);
  if (!targets) co_return unknown_job(call, request->job_id_str, targets.error());
  auto proposal = c.replica.propose(
      state::SuspendJobs{.targets = std::move(*targets), .uid = call.uid, .resume = request->op != 0});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  c.schedule_soon();
  co_return target_answer(c, call, *reply);
}

io::Task<Answer> top_job(Controller& c, Call call) {
  const auto* request = call.as<wire::TopJob>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  state::TopJobs command{.jobs = {}, .uid = call.uid, .by_operator = c.is_operator(call.uid)};
  if (!command.by_operator && !conf::Config::has_option(c.config->sched_params, "enable_user_top"))
    co_return rc_answer(call, Errc::access_denied);
  auto snapshot = c.replica.snapshot();
  auto targets = job_targets(*snapshot, request->job_id_str);
  if (!targets) co_return error_answer(call, targets.error());
  for (const state::Target& target : *targets) {
    const model::Job* job = record_of(*snapshot, target);
    if (job && job->array && !target.tasks.empty())
      job = snapshot->array_task(job->array->array_job, target.tasks.first());
    if (!job) co_return rc_answer(call, Errc::invalid_job_id);
    command.jobs.push_back(job->id);
  }
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  log(Level::info, "job.top", {{"jobs", request->job_id_str}, {"uid", call.uid}, {"rc", errc_name(reply->code)}});
  c.schedule_soon();
  co_return rc_answer(call, public_code(reply->code));
}

}  // namespace flurm::ctld
