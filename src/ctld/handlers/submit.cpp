// ctld/handlers/submit.cpp — REQUEST_SUBMIT_BATCH_JOB and REQUEST_JOB_WILL_RUN.
#include "ctld/handlers/handlers.hpp"
#include "ctld/submission.hpp"
#include "io/clock.hpp"
#include "io/worker.hpp"
#include "state/accounting.hpp"

namespace flurm::ctld {
namespace {

/// Whether and when a job would start is answered without a word on what is in its way.
Error without_words(Error error) {
  if (error.code == Errc::requested_node_config_unavailable) error.text.clear();
  return error;
}

}  // namespace

io::Task<Answer> submit_batch_job(Controller& c, Call call) {
  const auto* received = call.as<wire::JobDesc>();
  if (!received) co_return rc_answer(call, Errc::communications_receive);
  auto checking = check_submission(c, {call.uid, call.gid, call.peer}, *received, Submission::batch);
  auto checked = co_await checking;
  if (!checked) co_return refusal(call, checked.error());
  const std::string name = checked->request.name;
  const std::uint32_t job_uid = checked->request.user_id;

  auto proposal = c.replica.propose(std::move(*checked));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  if (reply->code != Errc::success) co_return refusal(call, Error{reply->code, reply->text});
  ++c.statistics.jobs_submitted;
  log(Level::info, "job.submitted", {{"job_id", reply->job.v}, {"uid", job_uid}, {"name", name}});
  c.schedule_soon();
  wire::SubmitResponse response;
  response.step_id.job_id = reply->job;
  response.step_id.step_id = kBatchStep;
  co_return answer(call, wire::MsgType::RESPONSE_SUBMIT_BATCH_JOB, response);
}

io::Task<Answer> job_will_run(Controller& c, Call call) {
  const auto* received = call.as<wire::JobDesc>();
  if (!received) co_return rc_answer(call, Errc::communications_receive);
  auto checking = check_submission(c, {call.uid, call.gid, call.peer}, *received, Submission::will_run);
  auto checked = co_await checking;
  if (!checked) co_return refusal(call, without_words(checked.error()));
  auto snapshot = c.replica.snapshot();
  model::JobRequest request = checked->request;
  const auto standing = state::find_standing(*snapshot, request, checked->partitions);
  if (!standing) co_return refusal(call, standing.error());
  model::Job job;
  job.id = JobId{snapshot->next_job_id};
  job.request = std::make_shared<const model::JobRequest>(std::move(request));
  job.assoc = standing->assoc;
  job.qos = standing->qos;
  job.partition = checked->partitions;
  job.time_limit = checked->time_limit;
  job.priority = snapshot->lowest_priority;
  job.submit_time = io::now();
  auto work = io::on_worker(c.loop, [view = scheduler_view(*snapshot), job, now = io::now()] {
    return sched::forecast(view, sched::Limits{}, job, now);
  });
  const Result<sched::Forecast> forecast = co_await work;
  if (!forecast) co_return refusal(call, forecast.error());
  wire::WillRunResponse response;
  response.step_id.job_id = job.id;
  response.node_list = forecast->nodes;
  response.part_name = forecast->partition;
  response.proc_cnt = forecast->cpus;
  response.start_time = forecast->start;
  for (JobId each : forecast->preempted) response.preemptee_job_id.push_back(each.v);
  co_return answer(call, wire::MsgType::RESPONSE_JOB_WILL_RUN, response);
}

}  // namespace flurm::ctld
