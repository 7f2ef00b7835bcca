// ctld/handlers/crontab.cpp — REQUEST_CRONTAB and REQUEST_UPDATE_CRONTAB: scrontab.
// Source: slurm 22.05 src/slurmctld/proc_req.c _slurm_rpc_request_crontab(), crontab.c crontab_submit().
#include "wire/msg/crontab.hpp"
#include "ctld/cron.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/submission.hpp"
#include "io/clock.hpp"

namespace flurm::ctld {
namespace {

bool enabled(const Controller& c) { return conf::Config::has_option(c.config->scron_params, "enable"); }

Answer refused(const Call& call, Errc code, std::string words = {}, std::string lines = {}) {
  log(Level::info, "crontab.refused",
      {{"uid", call.uid}, {"error", errc_name(code)}, {"text", words}, {"lines", lines}});
  wire::CrontabUpdateResponse response;
  response.return_code = static_cast<std::uint32_t>(public_code(code));
  response.err_msg = std::move(words);
  response.failed_lines = std::move(lines);
  return answer(call, wire::MsgType::RESPONSE_UPDATE_CRONTAB, response);
}

std::string lines_of(const wire::JobDesc& job) {
  if (!job.crontab_entry) return {};
  return fmt::format("{}-{}", job.crontab_entry->line_start, job.crontab_entry->line_end);
}

/// The job of one line. It is a plain one but for its entry; its begin time is when it starts first.
io::Task<Result<state::SubmitJob>> check_line(Controller& c, Sender from, wire::JobDesc job) {
  if (!job.crontab_entry) co_return fail(Errc::error, "a job without a time");
  auto entry = cron_entry(*job.crontab_entry);
  if (!entry) co_return std::unexpected(entry.error());
  job.begin_time = next_cron_start(*entry, io::now());
  auto checking = check_submission(c, std::move(from), std::move(job), Submission::batch);
  auto checked = co_await checking;
  if (checked) checked->cron = std::move(*entry);
  co_return checked;
}

}  // namespace

Answer crontab(Controller& c, const Call& call) {
  const auto* request = call.as<wire::CrontabRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  if (!enabled(c)) return rc_answer(call, Errc::error);
  if (request->uid != call.uid && !c.is_operator(call.uid)) return rc_answer(call, Errc::user_id_missing);
  const auto snapshot = c.replica.snapshot();
  const model::Crontab* found = snapshot->crontabs.find(request->uid);
  if (!found) return rc_answer(call, Errc::job_script_missing);
  wire::CrontabResponse response;
  response.crontab = found->text;
  response.disabled_lines = found->disabled_lines;
  return answer(call, wire::MsgType::RESPONSE_CRONTAB, response);
}

io::Task<Answer> update_crontab(Controller& c, Call call) {
  const auto* request = call.as<wire::CrontabUpdateRequest>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!enabled(c)) co_return rc_answer(call, Errc::error);
  if ((request->uid != call.uid || request->gid != call.gid) && !c.is_operator(call.uid))
    co_return refused(call, Errc::user_id_missing);

  state::UpdateCrontab command;
  command.uid = request->uid;
  if (!request->crontab.empty()) {
    command.text = request->crontab;
    for (wire::JobDesc job : request->jobs.jobs) {
      job.user_id = request->uid;
      job.group_id = request->gid;
      const std::string lines = lines_of(job);
      auto checking = check_line(c, {call.uid, call.gid, call.peer}, std::move(job));
      auto checked = co_await checking;
      if (!checked) co_return refused(call, checked.error().code, checked.error().text, lines);
      command.jobs.push_back(std::move(*checked));
    }
  }
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return refused(call, reply.error().code, reply.error().text);
  if (reply->code != Errc::success) {
    const std::size_t line = reply->results.empty() ? request->jobs.jobs.size() : reply->results.front().task;
    co_return refused(call, reply->code, reply->text,
                      line < request->jobs.jobs.size() ? lines_of(request->jobs.jobs[line]) : "");
  }
  wire::CrontabUpdateResponse response;
  if (const model::Crontab* now = c.replica.snapshot()->crontabs.find(request->uid))
    for (JobId id : now->jobs) response.jobids.push_back(id.v);
  log(Level::info, "crontab.updated", {{"uid", request->uid}, {"jobs", response.jobids.size()}});
  c.schedule_soon();
  co_return answer(call, wire::MsgType::RESPONSE_UPDATE_CRONTAB, response);
}

}  // namespace flurm::ctld
