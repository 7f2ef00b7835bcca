// ctld/handlers/het_job.cpp — heterogeneous jobs are submitted, by sbatch, or by salloc and srun, which wait for them.
// Source: slurm 22.05 src/slurmctld/proc_req.c _slurm_rpc_submit_batch_het_job(), _slurm_rpc_allocate_het_job().
#include "base/hostlist.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/submission.hpp"
#include "ctld/translate/allocation.hpp"

namespace flurm::ctld {
namespace {

constexpr std::size_t kComponentsMax = 128;  // slurm 22.05 slurm/slurm.h MAX_HET_JOB_COMPS

/// Nodes that one component names are left to it: otherwise two could wait for each other.
void leave_named_nodes(std::vector<wire::JobDesc>& components) {
  for (std::size_t i = 0; i < components.size(); ++i) {
    if (!components[i].req_nodes || components[i].req_nodes->empty()) continue;
    for (std::size_t j = 0; j < components.size(); ++j) {
      if (i == j) continue;
      std::string& excluded = components[j].exc_nodes ? *components[j].exc_nodes : components[j].exc_nodes.emplace();
      excluded += (excluded.empty() ? "" : ",") + *components[i].req_nodes;
    }
  }
}

/// "1: words" for what Slurm tells of the component at fault.
Error of_component(Error error, std::size_t offset) {
  if (!error.text.empty()) error.text = fmt::format("{}: {}", offset, error.text);
  return error;
}

/// Errors: as check_submission() for the first component at fault; invalid_array, eagain…
io::Task<Result<state::SubmitHetJob>> checked(Controller& c, const Call& call, std::vector<wire::JobDesc> components,
                                              Submission kind) {
  if (components.empty() || components.size() > kComponentsMax) co_return fail(Errc::error, "no components");
  leave_named_nodes(components);
  state::SubmitHetJob command;
  for (std::size_t i = 0; i < components.size(); ++i) {
    wire::JobDesc& desc = components[i];
    if (desc.array_inx && !desc.array_inx->empty()) co_return fail(Errc::invalid_array);
    if (desc.immediate && kind == Submission::interactive) co_return fail(Errc::can_not_start_immediately);
    if (i != 0) {  // one mail is enough, and one script
      desc.mail_type = 0;
      desc.mail_user.reset();
      desc.script = components[0].script;
      if (desc.environment.empty()) desc.environment = components[0].environment;
    }
    auto checking = check_submission(c, {call.uid, call.gid, call.peer}, desc, kind);
    auto component = co_await checking;
    if (!component) co_return std::unexpected(of_component(component.error(), i));
    if (i != 0) component->payload.script.clear();
    command.components.push_back(std::move(*component));
  }
  co_return command;
}

io::Task<Result<JobId>> submitted(Controller& c, state::SubmitHetJob command) {
  const std::uint32_t uid = command.components.front().request.user_id;
  const std::size_t count = command.components.size();
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->code != Errc::success) co_return fail(reply->code, "{}", reply->text);
  ++c.statistics.jobs_submitted;
  log(Level::info, "job.het_submitted", {{"job_id", reply->job.v}, {"components", count}, {"uid", uid}});
  co_return reply->job;
}

}  // namespace

io::Task<Answer> submit_het_job(Controller& c, Call call) {
  const auto* received = call.as<wire::JobDescList>();
  if (!received) co_return rc_answer(call, Errc::communications_receive);
  auto checking = checked(c, call, received->jobs, Submission::batch);
  auto command = co_await checking;
  if (!command) co_return refusal(call, command.error());
  auto submitting = submitted(c, std::move(*command));
  const Result<JobId> id = co_await submitting;
  if (!id) co_return refusal(call, id.error());
  c.schedule_soon();
  wire::SubmitResponse response;
  response.step_id.job_id = *id;
  response.step_id.step_id = kBatchStep;
  co_return answer(call, wire::MsgType::RESPONSE_SUBMIT_BATCH_JOB, response);
}

io::Task<Answer> allocate_het_job(Controller& c, Call call) {
  const auto* received = call.as<wire::JobDescList>();
  if (!received) co_return rc_answer(call, Errc::communications_receive);
  auto checking = checked(c, call, received->jobs, Submission::interactive);
  auto command = co_await checking;
  if (!command) co_return refusal(call, command.error());
  for (state::SubmitJob& component : command->components) {
    component.request.client_version = call.version;
    if (component.request.resp_host.empty()) component.request.resp_host = host_of(call.peer);
  }
  auto submitting = submitted(c, std::move(*command));
  const Result<JobId> id = co_await submitting;
  if (!id) co_return refusal(call, id.error());
  auto promise = c.replica.propose(state::AwaitStart{.job = *id});
  const Result<state::Reply> promised = co_await promise;
  if (!promised) co_return error_answer(call, promised.error());
  c.schedule_soon();
  // What starts in this moment is told of, too, and the client waits for that.
  const auto snapshot = c.replica.snapshot();
  const model::Job* job = snapshot->job(*id);
  if (!job) co_return rc_answer(call, Errc::already_done);
  co_return answer(call, wire::MsgType::RESPONSE_HET_JOB_ALLOCATION, component_allocations(*snapshot, *job));
}

}  // namespace flurm::ctld
