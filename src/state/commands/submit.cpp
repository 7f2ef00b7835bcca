// state/commands/submit.cpp — a job enters the queue.
#include <algorithm>

#include "state/accrual.hpp"
#include "state/accounting.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/reservations.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobReason;

/// The parts of the request that may have become impossible since the controller looked.
Errc still_valid(const ClusterState& state, const SubmitJob& command) {
  const std::uint64_t tasks = command.array ? command.array->pending.count() : 1;
  if (state.job_count() + tasks > state.settings.max_job_count) return Errc::error_on_desc_to_record_copy;
  std::string_view rest = command.partitions;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (!state.partition(rest.substr(0, comma))) return Errc::invalid_partition_name;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (command.partitions.empty()) return Errc::default_partition_not_set;
  return may_use(state, command.request.reservation, command.request);
}

}  // namespace

namespace {

Reply submit(ClusterState& state, const SubmitJob& command) {
  if (const Errc code = still_valid(state, command); code != Errc::success) return {.code = code};
  auto dependencies = command.dependencies;
  if (auto bound = bind_dependencies(state, JobId{}, dependencies); !bound)
    return {.code = bound.error().code, .text = bound.error().text};
  model::JobRequest request = command.request;
  const auto standing = find_standing(state, request, command.partitions);
  if (!standing) return {.code = standing.error().code, .text = standing.error().text};
  if (auto able = check_expansion(state, dependencies, command.partitions, standing->qos); !able)
    return {.code = able.error().code, .text = able.error().text};
  std::uint32_t time_limit = command.time_limit;
  const std::uint32_t tasks = command.array ? command.array->pending.count() : 1;
  if (auto within = within_submit_limits(state, request, *standing, command.partitions, tasks, time_limit); !within)
    return {.code = within.error().code, .text = within.error().text};
  const JobId id = new_job_id(state);
  if (!id.v) return {.code = Errc::error_on_desc_to_record_copy};

  Job job;
  job.id = id;
  job.request = std::make_shared<const model::JobRequest>(std::move(request));
  job.assoc = standing->assoc;
  job.qos = standing->qos;
  job.payload = std::make_shared<const model::JobPayload>(command.payload);
  job.array = command.array;
  if (job.array) job.array->array_job = id;
  if (command.cron) job.cron = std::make_shared<const model::CronEntry>(*command.cron);
  job.partition = command.partitions;
  job.time_limit = time_limit;
  job.dependencies = std::move(dependencies);
  job.submit_time = state.now;
  job.requeue_allowed =
      command.request.requeue == kNoVal16 ? state.settings.job_requeue : command.request.requeue != 0;

  if (command.request.priority == 0) {
    job.priority = 0;
    job.reason = JobReason::held_user;
  } else if (command.operator_priority && command.request.priority != kNoVal32) {
    job.priority = command.request.priority;
    job.direct_set_priority = true;
  } else {
    job.priority = next_priority(state, command.request);
  }
  const bool later = command.request.begin_time > state.now;
  if (later) {
    job.eligible_time = command.request.begin_time;
  } else if (job.priority != 0 && job.dependencies.empty()) {
    job.eligible_time = state.now;
  }
  if (job.priority != 0 && !job.dependencies.empty()) job.reason = JobReason::dependency;
  if (job.priority != 0 && job.dependencies.empty() && later) job.reason = JobReason::begin_time;
  job.accrue_time = accrues_from(state, job);
  job.last_sched_eval = state.now;
  const bool waits = !job.dependencies.empty();
  put_job(state, std::move(job));
  if (waits) refresh_dependencies_of(state, id);
  return {.job = id};
}

Reply drained(const ClusterState& state) { return {.code = Errc::submissions_disabled, .text = state.drain.text()}; }

}  // namespace

Reply apply_to(ClusterState& state, const SubmitJob& command) {
  return state.drain.on ? drained(state) : submit(state, command);
}

Reply apply_to(ClusterState& state, const SubmitHetJob& command) {
  if (state.drain.on) return drained(state);
  const ClusterState before = state;
  model::HetPart part;
  for (const SubmitJob& component : command.components) {
    Reply reply = submit(state, component);
    if (reply.code != Errc::success) {
      state = before;
      return reply;
    }
    part.components.push_back(reply.job);
  }
  if (part.components.empty()) return {.code = Errc::einval};
  for (JobId id : part.components) {
    edit_job(state, id, [&](Job& job) { job.het = part; });
    ++part.offset;
  }
  return {.job = part.leader()};
}

}  // namespace flurm::state
