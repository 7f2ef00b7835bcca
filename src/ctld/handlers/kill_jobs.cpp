// ctld/handlers/kill_jobs.cpp — scancel --ctld (23.11 and later): one request with a filter instead of one per job.
// Source: slurm 24.11 src/slurmctld/job_mgr.c job_mgr_signal_jobs().
#include <algorithm>
#include <charconv>

#include "base/hostlist.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/job_text.hpp"
#include "wire/msg/job_control.hpp"

namespace flurm::ctld {
namespace {

// Numbers that only this request's answers carry (slurm 24.11 ESLURM_JOB_SIGNAL_FAILED, ESLURM_SIGNAL_JOBS_INVALID).
constexpr std::uint32_t kSignalFailed = 2172;
constexpr Errc kNoFilter{2173};

/// `state` of the request as a base state; none when it selects nothing, which Slurm says by the number after the last.
std::optional<model::JobBase> wanted_state(const wire::KillJobs& filter) {
  if (filter.state > static_cast<std::uint32_t>(model::JobBase::oom)) return {};
  return static_cast<model::JobBase>(filter.state);
}

bool selects_nothing(const wire::KillJobs& f) {
  return f.jobs_array.empty() && f.account.empty() && f.job_name.empty() && f.partition.empty() && f.qos.empty() &&
         f.reservation.empty() && f.user_name.empty() && f.wckey.empty() && f.nodelist.empty() && !wanted_state(f);
}

bool has_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == item) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// A wckey that was the user's default has '*' before it; asked for without one, it counts as well.
bool same_wckey(std::string_view wanted, std::string_view has) {
  if (!wanted.starts_with('*') && has.starts_with('*')) has.remove_prefix(1);
  return wanted == has;
}

/// What of the filter the job does not meet; empty when it meets all.
std::string_view mismatch(const model::Job& job, const wire::KillJobs& f, const HostSet& nodes) {
  const model::JobRequest& r = *job.request;
  const auto differs = [](const std::string& wanted, const std::string& has) {
    return !wanted.empty() && wanted != has;
  };
  if (differs(f.account, r.account)) return "account";
  if (differs(f.job_name, r.name)) return "name";
  if (!f.partition.empty() && !has_item(job.partition, f.partition)) return "partition";
  if (differs(f.qos, r.qos)) return "qos";
  if (differs(f.reservation, r.reservation)) return "reservation";
  if (const auto state = wanted_state(f); state && *state != job.state.base) return "state";
  if (!f.user_name.empty() && f.user_id != r.user_id) return "user";
  if (!f.nodelist.empty()) {
    const auto held = HostSet::parse(job.allocation ? job.allocation->nodes : "");
    if (!held || (*held & nodes).empty()) return "nodes";
  }
  if (!f.wckey.empty() && !same_wckey(f.wckey, r.wckey)) return "wckey";
  return {};
}

/// The target's records, each with those of the named tasks that it stands for.
std::vector<state::Target> by_record(const state::ClusterState& state, const state::Target& target) {
  if (target.whole_array) {
    std::vector<state::Target> over, others;
    for (const model::Job* record : state.with_array(target.job))
      (record->state.ended() ? over : others).push_back({.job = record->id, .tasks = {}});
    return others.empty() ? over : others;
  }
  const model::Job& any = *state.job(target.job);
  if (target.tasks.empty() || !any.array) return {target};
  std::vector<state::Target> out;
  for (const model::Job* record : state.with_array(any.array->array_job)) {
    if (record->array->task != kNoVal32) {
      if (target.tasks.contains(record->array->task)) out.push_back({.job = record->id, .tasks = {}});
      continue;
    }
    model::TaskSet pending = record->array->pending;
    model::TaskSet tasks = pending.take(target.tasks);
    if (!tasks.empty()) out.push_back({.job = record->id, .tasks = std::move(tasks)});
  }
  return out;
}

wire::KillJobsResponseJob outcome(JobId job, std::uint32_t task, std::uint32_t code, std::string text) {
  wire::KillJobsResponseJob out;
  out.error_code = code;
  out.error_msg = std::move(text);
  out.id.step_id.job_id = job;
  out.id.array_task_id = task;
  out.real_job_id = job;
  return out;
}

wire::KillJobsResponseJob outcome(JobId job, std::uint32_t task, Errc code) {
  code = public_code(code);
  return outcome(job, task, static_cast<std::uint32_t>(code),
                 code == Errc::success ? "" : std::string(errc_text(code)));
}

/// Picks the jobs to signal, and answers for those that are not.
class Selection {
 public:
  Selection(const Controller& c, const state::ClusterState& state, const Call& call, const wire::KillJobs& filter,
            HostSet nodes)
      : c_(c), state_(state), call_(call), filter_(filter), nodes_(std::move(nodes)) {}

  void add_all() {
    state_.jobs.for_each([&](std::uint64_t, const auto& job) {
      if (!job->state.ended() && mismatch(*job, filter_, nodes_).empty()) take({.job = job->id, .tasks = {}}, *job);
      return true;
    });
  }

  void add_named(const std::string& name) {
    auto found = job_targets(state_, name);
    if (!found) {
      std::uint32_t number = 0;
      std::from_chars(name.data(), name.data() + name.size(), number);
      auto refused = outcome(JobId{number}, kNoVal32, found.error().code);
      refused.real_job_id = JobId{kNoVal32};
      responses.push_back(std::move(refused));
      return;
    }
    for (const state::Target& named : *found)
      for (state::Target& target : by_record(state_, named)) {
        const model::Job& job = *state_.job(target.job);
        if (job.state.ended()) {
          refuse(job, Errc::already_done);
        } else if (const auto what = mismatch(job, filter_, nodes_); !what.empty()) {
          responses.push_back(outcome(array_of(job), task_of(job), kSignalFailed,
                                      fmt::format("The job's {} is not the one of the filter", what)));
        } else {
          take(std::move(target), job);
        }
      }
  }

  std::vector<state::Target> targets;
  std::vector<wire::KillJobsResponseJob> responses;

 private:
  static JobId array_of(const model::Job& job) { return job.array ? job.array->array_job : job.id; }
  static std::uint32_t task_of(const model::Job& job) { return job.array ? job.array->task : kNoVal32; }

  void refuse(const model::Job& job, Errc code) { responses.push_back(outcome(array_of(job), task_of(job), code)); }

  void take(state::Target target, const model::Job& job) {
    if (!c_.may_change(call_.uid, job)) return refuse(job, Errc::access_denied);
    targets.push_back(std::move(target));
  }

  const Controller& c_;
  const state::ClusterState& state_;
  const Call& call_;
  const wire::KillJobs& filter_;
  const HostSet nodes_;
};

}  // namespace

io::Task<Answer> kill_jobs(Controller& c, Call call) {
  const auto* request = call.as<wire::KillJobs>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (selects_nothing(*request)) co_return rc_answer(call, kNoFilter);
  auto nodes = HostSet::parse(request->nodelist);
  if (!nodes) co_return error_answer(call, nodes.error());
  auto snapshot = c.replica.snapshot();
  Selection selection(c, *snapshot, call, *request, std::move(*nodes));
  if (request->jobs_array.empty()) selection.add_all();
  for (const std::string& name : request->jobs_array) selection.add_named(name);

  wire::KillJobsResponse response{.job_responses = std::move(selection.responses)};
  if (!selection.targets.empty()) {
    constexpr std::uint16_t kKill = 9;
    auto proposal = c.replica.propose(state::CancelJobs{.targets = std::move(selection.targets),
                                                        .signal = request->signal == kNoVal16 ? kKill : request->signal,
                                                        .flags = request->flags,
                                                        .uid = call.uid});
    const Result<state::Reply> reply = co_await proposal;
    if (!reply) co_return error_answer(call, reply.error());
    // Successes are told only to who asked for them.
    for (const state::TargetResult& result : reply->results)
      if (result.code != Errc::success || request->flags & wire::kill_jobs_verbose)
        response.job_responses.push_back(outcome(result.job, result.task, result.code));
    log(Level::info, "job.kill", {{"count", reply->results.size()}, {"signal", request->signal}, {"uid", call.uid}});
    c.schedule_soon();
  }
  co_return answer(call, wire::MsgType::RESPONSE_KILL_JOBS, response);
}

}  // namespace flurm::ctld
