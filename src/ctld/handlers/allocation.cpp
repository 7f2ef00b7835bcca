// ctld/handlers/allocation.cpp — allocations that a client holds: salloc and srun ask for them, hear of them, give them
// back.
#include "ctld/translate/allocation.hpp"
#include "conf/config.hpp"
#include "ctld/effects.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/privacy.hpp"
#include "ctld/submission.hpp"
#include "io/clock.hpp"
#include "wire/msg/job_control.hpp"
#include "wire/msg/job_requests.hpp"
#include "wire/msg/srun.hpp"

namespace flurm::ctld {
namespace {

/// How long a client waits for the scheduler to look at its job. Beyond, it hears of the start when it comes.
constexpr std::uint64_t kLookMs = 2000;

using Snapshot = Replica::Snapshot;

/// Waits until the scheduler has looked at the new job: it started, or has a reason to wait. It may look on another
/// controller; what it decides comes with the state.
io::Task<Snapshot> looked_at(Controller& c, JobId id) {
  const auto deadline = io::Deadline::in_ms(kLookMs);
  while (true) {
    auto snapshot = c.replica.snapshot();
    const model::Job* job = snapshot->job(id);
    if (!job || !job->state.pending() || job->reason != model::JobReason::none || deadline.left_ms() == 0)
      co_return snapshot;
    auto waiting = c.replica.applied(c.replica.applied() + 1, deadline);
    (void)co_await waiting;
  }
}

Answer allocated(const Call& call, const model::Job& job) {
  return answer(call, wire::MsgType::RESPONSE_RESOURCE_ALLOCATION, allocation_response(job));
}

/// The job whose allocation the client asks about. Errors: as Slurm's job_alloc_info().
Result<const model::Job*> allocation_of(const Controller& c, const state::ClusterState& state, const Call& call,
                                        JobId id) {
  const model::Job* job = state.job(id);
  if (!job) return fail(Errc::invalid_job_id);
  if (!JobPrivacy(c, call.uid).shows(*job)) return fail(Errc::access_denied);
  if (job->state.pending()) return fail(Errc::job_pending);
  if (job->state.ended() || !job->allocation) return fail(Errc::already_done);
  return job;
}

}  // namespace

std::string host_of(const std::string& peer) {
  std::string host = peer.substr(0, peer.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

io::Task<Answer> allocate_resources(Controller& c, Call call) {
  const auto* received = call.as<wire::JobDesc>();
  if (!received) co_return rc_answer(call, Errc::communications_receive);
  const bool immediate = received->immediate != 0;
  auto checking = check_submission(c, {call.uid, call.gid, call.peer}, *received, Submission::interactive);
  auto checked = co_await checking;
  if (!checked) co_return refusal(call, checked.error());
  checked->request.client_version = call.version;
  if (checked->request.resp_host.empty()) checked->request.resp_host = host_of(call.peer);
  const std::uint32_t job_uid = checked->request.user_id;

  auto proposal = c.replica.propose(std::move(*checked));
  const Result<state::Reply> submitted = co_await proposal;
  if (!submitted) co_return error_answer(call, submitted.error());
  if (submitted->code != Errc::success) co_return refusal(call, Error{submitted->code, submitted->text});
  const JobId id = submitted->job;
  ++c.statistics.jobs_submitted;
  log(Level::info, "job.allocation_asked", {{"job_id", id.v}, {"uid", job_uid}});
  c.schedule_soon();

  auto looking = looked_at(c, id);
  auto snapshot = co_await looking;
  if (const model::Job* job = snapshot->job(id); job && job->state.pending()) {
    auto promise = c.replica.propose(state::AwaitStart{.job = id, .or_never = immediate});
    const Result<state::Reply> promised = co_await promise;
    if (!promised) co_return error_answer(call, promised.error());
    snapshot = c.replica.snapshot();
    job = snapshot->job(id);
    if (promised->code == Errc::success && immediate) co_return refusal(call, Error{Errc::nodes_busy, ""});
    // It may start in this moment; then the client is told twice, which it can bear.
    if (promised->code == Errc::success && job)
      co_return answer(call, wire::MsgType::RESPONSE_RESOURCE_ALLOCATION,
                       allocation_response(*job, waiting_code(*job)));
  }
  const model::Job* job = snapshot->job(id);
  if (!job || job->state.ended()) co_return refusal(call, Error{Errc::already_done, ""});
  co_return allocated(call, *job);
}

io::Task<Answer> complete_allocation(Controller& c, Call call) {
  const auto* request = call.as<wire::CompleteJobAllocation>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  const JobId id = request->step_id.job_id;
  {
    const auto snapshot = c.replica.snapshot();
    const model::Job* job = snapshot->job(id);
    if (!job) co_return rc_answer(call, Errc::invalid_job_id);
    if (!c.may_change(call.uid, *job)) co_return rc_answer(call, Errc::user_id_missing);
  }
  auto proposal = c.replica.propose(state::EndAllocation{.job = id, .uid = call.uid, .wait_status = request->job_rc});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  log(Level::info, "job.allocation_ended",
      {{"job_id", id.v}, {"wait_status", request->job_rc}, {"rc", errc_name(reply->code)}});
  if (reply->code == Errc::success) ++c.statistics.jobs_completed;
  c.schedule_soon();
  co_return rc_answer(call, public_code(reply->code));
}

Answer allocation_info(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobAllocInfo>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto snapshot = c.replica.snapshot();
  const auto job = allocation_of(c, *snapshot, call, request->step_id.job_id);
  if (!job) return error_answer(call, job.error());
  return answer(call, wire::MsgType::RESPONSE_JOB_ALLOCATION_INFO, allocation_response(**job));
}

/// Source: slurm 22.05 src/slurmctld/proc_req.c _slurm_rpc_het_job_alloc_info().
Answer component_allocation_info(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobAllocInfo>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto snapshot = c.replica.snapshot();
  const model::Job* named = snapshot->job(request->step_id.job_id);
  if (named && named->het && named->het->offset != 0) return rc_answer(call, Errc::not_het_job_leader);
  const auto job = allocation_of(c, *snapshot, call, request->step_id.job_id);
  if (!job) return error_answer(call, job.error());
  return answer(call, wire::MsgType::RESPONSE_HET_JOB_ALLOCATION, component_allocations(*snapshot, **job));
}

Answer job_end_time(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobAllocInfo>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto snapshot = c.replica.snapshot();
  const model::Job* job = snapshot->job(request->step_id.job_id);
  if (!job) return rc_answer(call, Errc::invalid_job_id);
  wire::SrunTimeout end;
  end.step_id.job_id = job->id;
  end.timeout = job->end_time;
  return answer(call, wire::MsgType::SRUN_TIMEOUT, end);
}

/// scontrol notify. Source: slurm 22.05 src/slurmctld/srun_comm.c srun_user_message().
Answer notify_job(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobNotify>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto snapshot = c.replica.snapshot();
  const model::Job* job = snapshot->job(request->step_id.job_id);
  if (!job) return rc_answer(call, Errc::invalid_job_id);
  if (!c.may_change(call.uid, *job)) return rc_answer(call, Errc::user_id_missing);
  if (!job->state.pending() && !job->state.running()) return rc_answer(call, Errc::already_done);
  const model::JobRequest& r = *job->request;
  if (r.other_port != 0 && !r.resp_host.empty()) {
    wire::SrunUser message;
    message.step_id.job_id = job->id;
    message.msg = request->message;
    c.tell_client({.host = r.resp_host, .port = r.other_port}, wire::MsgType::SRUN_USER_MSG,
                  codec::pack(message, client_version(r.client_version)), client_version(r.client_version), r.user_id);
    return rc_answer(call, Errc::success);
  }
  const model::Node* node = r.batch && job->state.running() ? snapshot->node(job->batch_host) : nullptr;
  if (!node) return rc_answer(call, Errc::disabled);
  wire::JobNotify message;
  message.step_id.job_id = job->id;
  message.message = request->message;
  c.tell_node(node_address(*node), wire::MsgType::REQUEST_JOB_NOTIFY, codec::pack(message, node_version(*node)),
              node_version(*node));
  return rc_answer(call, Errc::success);
}

}  // namespace flurm::ctld
