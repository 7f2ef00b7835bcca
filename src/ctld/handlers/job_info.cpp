// ctld/handlers/job_info.cpp — what squeue and scontrol ask of jobs and steps.
#include <algorithm>

#include "ctld/handlers/handlers.hpp"
#include "ctld/privacy.hpp"
#include "ctld/translate/info.hpp"
#include "ctld/translate/step.hpp"
#include "io/clock.hpp"
#include "wire/msg/job_info.hpp"
#include "wire/msg/job_requests.hpp"
#include "wire/msg/job_state.hpp"

namespace flurm::ctld {
namespace {

using model::Job;

/// Who may see a job. Those of hidden partitions are shown on request.
class Viewer {
 public:
  Viewer(const Controller& c, const state::ClusterState& state, const Call& call, std::uint16_t show_flags)
      : privacy_(c, call.uid) {
    if (show_flags & wire::show_all || c.is_operator(call.uid)) return;
    for (const auto& partition : state.partitions)
      if (partition->flags & model::partition_flag::hidden) hidden_.push_back(partition->name);
  }
  bool sees(const Job& job) const {
    if (!privacy_.shows(job)) return false;
    for (const std::string& name : hidden_)
      if (job.partition == name) return false;
    return true;
  }

 private:
  JobPrivacy privacy_;
  std::vector<std::string> hidden_;
};

/// A few records are put together here, many on a worker: encoding and copying 100 000 takes a while.
Answer reply_with(Controller& c, const Call& call, Replica::Snapshot state,
                  std::vector<std::shared_ptr<const Job>> jobs, bool detail) {
  constexpr std::size_t kFew = 64;
  c.info_cache.drop_missing(*state);
  c.info_cache.set_time(*state, io::now());
  Answer out;
  out.type = wire::MsgType::RESPONSE_JOB_INFO;
  if (jobs.size() <= kFew) {
    std::vector<std::string_view> views;
    for (const auto& job : jobs) views.push_back(c.info_cache.job(*state, job, call.version, detail));
    out.body = wire::pack_job_info_array(state->now, TimeS{}, views, call.version);
    return out;
  }
  std::vector<std::shared_ptr<InfoRecord>> records;
  records.reserve(jobs.size());
  for (const auto& job : jobs) records.push_back(c.info_cache.record(*state, job, call.version, detail));
  out.make_body = [state = std::move(state), jobs = std::move(jobs), records = std::move(records),
                   scale = c.info_cache.scale(), version = call.version, detail] {
    std::vector<std::string_view> views;
    views.reserve(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i)
      views.push_back(records[i]->bytes(*state, *jobs[i], version, detail, scale.get()));
    return wire::pack_job_info_array(state->now, TimeS{}, views, version);
  };
  return out;
}

}  // namespace

Answer job_info_all(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobInfoRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  if (request->last_update && request->last_update - 1 >= state->jobs_changed)
    return rc_answer(call, Errc::no_change_in_data);
  const Viewer viewer(c, *state, call, request->show_flags);
  std::vector<std::shared_ptr<const Job>> jobs;
  if (request->job_ids) {
    for (JobId id : *request->job_ids)
      for (const Job* job : state->with_array(id))
        if (viewer.sees(*job)) jobs.push_back(state->jobs.get(job->id.v));
  } else {
    jobs.reserve(state->jobs.size());
    state->jobs.for_each([&](std::uint64_t, const auto& job) {
      if (viewer.sees(*job)) jobs.push_back(job);
      return true;
    });
  }
  return reply_with(c, call, state, std::move(jobs), request->show_flags & wire::show_detail);
}

Answer job_info_single(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobReady>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  const Viewer viewer(c, *state, call, request->show_flags | wire::show_all);
  const JobId id = request->step_id.job_id;
  std::vector<std::shared_ptr<const Job>> jobs;
  const Job* named = state->job(id);
  if (named && named->array && named->array->array_job != id) {
    if (viewer.sees(*named)) jobs.push_back(state->jobs.get(id.v));
  } else if (named && named->het && named->het->offset == 0) {
    for (JobId component : named->het->components)
      if (const Job* job = state->job(component); job && viewer.sees(*job))
        jobs.push_back(state->jobs.get(component.v));
  } else {
    for (const Job* job : state->with_array(id))
      if (viewer.sees(*job)) jobs.push_back(state->jobs.get(job->id.v));
  }
  if (jobs.empty()) return rc_answer(call, Errc::invalid_job_id);
  return reply_with(c, call, state, std::move(jobs), request->show_flags & wire::show_detail);
}

Answer job_info_user(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobUser>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  const Viewer viewer(c, *state, call, request->show_flags);
  std::vector<std::shared_ptr<const Job>> jobs;
  state->jobs.for_each([&](std::uint64_t, const auto& job) {
    if (job->request->user_id == request->user_id && viewer.sees(*job)) jobs.push_back(job);
    return true;
  });
  return reply_with(c, call, state, std::move(jobs), request->show_flags & wire::show_detail);
}

Answer step_info(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobStepInfoRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  if (request->last_update && request->last_update - 1 >= state->jobs_changed)
    return rc_answer(call, Errc::no_change_in_data);
  const Viewer viewer(c, *state, call, request->show_flags);
  const TimeS now = io::now();
  wire::JobStepInfoResponse response;
  response.last_update = now;
  const auto add = [&](const Job& job) {
    if (job.state.pending() || job.state.finished() || !viewer.sees(job)) return;
    const std::uint32_t wanted = request->step_id.step_id;
    const bool has_script = job.request->batch && (!job.het || job.het->offset == 0);
    if (has_script && (wanted == kNoVal32 || wanted == kBatchStep))
      response.job_steps.push_back(batch_step_info(*state, job, now));
    if (state->settings.extern_step && job.allocation && (wanted == kNoVal32 || wanted == kExternStep))
      response.job_steps.push_back(extern_step_info(*state, job, now));
    state->for_steps_of(job.id, [&](const auto& step) {
      const std::uint32_t component = request->step_id.step_het_comp;
      if ((wanted == kNoVal32 || wanted == step->number()) && (component == kNoVal32 || component == step->component()))
        response.job_steps.push_back(step_info(*state, job, *step, now));
    });
  };
  const JobId id = request->step_id.job_id;
  if (id.v == kNoVal32 || id.v == 0) {
    // 0 is what `scontrol show step` asks for. To Slurm that is the array of those that are in none.
    state->active.for_each([&](std::uint64_t, const auto& job) {
      if (id.v != 0 || !job->array) add(*job);
      return true;
    });
  } else {
    auto jobs = state->with_array(id);
    if (jobs.empty() && state->jobs.size() != 0) return rc_answer(call, Errc::invalid_job_id);
    std::ranges::sort(jobs, {}, [](const Job* job) { return job->array ? job->array->task : 0; });
    for (const Job* job : jobs) add(*job);
  }
  return answer(call, wire::MsgType::RESPONSE_JOB_STEP_INFO, response);
}

Answer job_states(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobStateRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  const Viewer viewer(c, *state, call, wire::show_all);
  wire::JobStateResponse response;
  const auto add = [&](const Job& job) {
    if (!viewer.sees(job)) return;
    wire::JobStateResponseJob out;
    out.job_id = job.id;
    if (job.array) {
      out.array_job_id = job.array->array_job;
      out.array_task_id = job.array->task;
      if (job.array->task == kNoVal32) {
        wire::Bits tasks(job.array->pending.last() + 1);
        for (const auto& range : job.array->pending.ranges())
          for (std::uint64_t task = range.first; task <= range.last; task += range.step)
            tasks.set(static_cast<std::uint32_t>(task));
        out.array_task_id_bitmap = tasks;
      }
    }
    if (job.het) {
      out.het_job_id = job.het->leader();
    }
    out.state = job.state.number();
    response.jobs.push_back(std::move(out));
  };
  if (request->job_ids.empty())
    state->jobs.for_each([&](std::uint64_t, const auto& job) {
      add(*job);
      return true;
    });
  for (const auto& wanted : request->job_ids) {
    if (wanted.array_task_id != kNoVal32) {
      if (const Job* job = state->array_task(wanted.job_id, wanted.array_task_id)) add(*job);
    } else {
      for (const Job* job : state->with_array(wanted.job_id)) add(*job);
    }
  }
  return answer(call, wire::MsgType::RESPONSE_JOB_STATE, response);
}

Answer batch_script(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobReady>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  const Job* job = state->job(request->step_id.job_id);
  if (!job) return rc_answer(call, Errc::invalid_job_id);
  if (!c.may_change(call.uid, *job)) return rc_answer(call, Errc::access_denied);
  if (!job->request->batch) return rc_answer(call, Errc::job_script_missing);
  return answer(call, wire::MsgType::RESPONSE_BATCH_SCRIPT, wire::JobScript{job->payload->script});
}

Answer job_ready(Controller& c, const Call& call) {
  const auto* request = call.as<wire::JobReady>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  const Job* job = state->job(request->step_id.job_id);
  if (!job) return rc_answer(call, Errc::invalid_job_id);
  wire::ReturnCode ready;
  if (job->state.has(model::job_flag::configuring)) return rc_answer(call, Errc::eagain);
  if (job->state.running() || job->state.suspended())
    ready.return_code = wire::ready_node_state | wire::ready_job_state | wire::ready_prolog_state;
  if (job->state.ended()) return rc_answer(call, Errc::invalid_partition_name);  // Slurm's way to say: it is over
  return answer(call, wire::MsgType::RESPONSE_JOB_READY, ready);
}

}  // namespace flurm::ctld
