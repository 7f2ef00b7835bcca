// state/commands/update_job.cpp — scontrol update job, hold and release.
// What may change when follows slurm 22.05 src/slurmctld/job_mgr.c _update_job().
#include <algorithm>

#include "model/gres_request.hpp"
#include "model/priority.hpp"
#include "state/accounting.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/format.hpp"
#include "state/priority.hpp"
#include "state/reservations.hpp"
#include "state/resize.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobReason;
using model::JobRequest;

/// Requests that only make sense before a job has resources.
bool only_pending(const UpdateJobs& c) {
  return c.partitions || c.features || c.prefer || c.req_nodes || c.exc_nodes || c.licenses || c.begin_time ||
         c.min_nodes || c.max_nodes || c.num_tasks || c.min_cpus || c.max_cpus || c.min_tmp_disk || c.pn_min_cpus ||
         c.cpus_per_task || c.contiguous || c.shared || c.core_spec || c.ntasks_per_node || c.sockets_per_node ||
         c.cores_per_socket || c.threads_per_core || c.pn_min_memory || c.std_out || c.std_err || c.std_in ||
         c.work_dir || c.dependency_text || c.deadline || c.delay_boot || c.batch_features || c.time_min ||
         changes_tres(c);
}

template <class T, class U>
void take(T& to, const std::optional<U>& from) {
  if (from) to = *from;
}

void change_request(JobRequest& r, const UpdateJobs& c) {
  take(r.nice, c.nice);
  take(r.time_min, c.time_min);
  take(r.name, c.name);
  take(r.comment, c.comment);
  take(r.admin_comment, c.admin_comment);
  take(r.system_comment, c.system_comment);
  take(r.extra, c.extra);
  take(r.account, c.account);
  take(r.qos, c.qos);
  take(r.wckey, c.wckey);
  take(r.features, c.features);
  take(r.prefer, c.prefer);
  take(r.req_nodes, c.req_nodes);
  take(r.exc_nodes, c.exc_nodes);
  take(r.licenses, c.licenses);
  take(r.reservation, c.reservation);
  take(r.std_out, c.std_out);
  take(r.std_err, c.std_err);
  take(r.std_in, c.std_in);
  take(r.work_dir, c.work_dir);
  take(r.mail_user, c.mail_user);
  take(r.network, c.network);
  take(r.burst_buffer, c.burst_buffer);
  take(r.batch_features, c.batch_features);
  take(r.cluster_features, c.cluster_features);
  take(r.dependency, c.dependency_text);
  take(r.begin_time, c.begin_time);
  take(r.deadline, c.deadline);
  take(r.min_nodes, c.min_nodes);
  take(r.max_nodes, c.max_nodes);
  take(r.num_tasks, c.num_tasks);
  take(r.min_cpus, c.min_cpus);
  take(r.max_cpus, c.max_cpus);
  take(r.pn_min_tmp_disk, c.min_tmp_disk);
  take(r.delay_boot, c.delay_boot);
  take(r.pn_min_cpus, c.pn_min_cpus);
  take(r.cpus_per_task, c.cpus_per_task);
  take(r.requeue, c.requeue);
  take(r.contiguous, c.contiguous);
  take(r.shared, c.shared);
  take(r.core_spec, c.core_spec);
  take(r.ntasks_per_node, c.ntasks_per_node);
  take(r.sockets_per_node, c.sockets_per_node);
  take(r.cores_per_socket, c.cores_per_socket);
  take(r.threads_per_core, c.threads_per_core);
  take(r.mail_type, c.mail_type);
  take(r.pn_min_memory, c.pn_min_memory);
  take(r.cpus_per_tres, c.cpus_per_tres);
  take(r.mem_per_tres, c.mem_per_tres);
  take(r.tres_per_job, c.tres_per_job);
  take(r.tres_per_node, c.tres_per_node);
  take(r.tres_per_socket, c.tres_per_socket);
  take(r.tres_per_task, c.tres_per_task);
}

/// The least of those that it has in its partitions.
std::uint32_t priority_now(const ClusterState& state, const Job& job) {
  if (!state.settings.multifactor) return job.priority;
  const model::PriorityScale scale = priority_scale(state, state.now);
  std::uint32_t least = kNoVal32;
  for (const auto& partition : state.partitions)
    if (("," + job.partition + ",").find("," + partition->name + ",") != std::string::npos)
      least = std::min(least, model::priority_of(&scale, job, *partition));
  return least;
}

Errc set_priority(ClusterState& state, Job& job, const UpdateJobs& c) {
  const std::uint32_t asked = *c.priority;
  if (job.state.ended()) return Errc::job_finished;
  if (asked == 0) {
    job.priority = 0;
    job.direct_set_priority = false;
    if (!job.state.pending()) return Errc::success;
    job.reason = c.by_operator && !c.hold_by_user.value_or(false) ? JobReason::held_admin : JobReason::held_user;
    job.state_desc.clear();
    job.eligible_time = {};
    return Errc::success;
  }
  if (asked == kInfinite32) {  // release
    if (job.priority != 0) return Errc::success;
    if (job.reason == JobReason::held_admin && !c.by_operator) return Errc::access_denied;
    job.priority = next_priority(state, *job.request);
    job.direct_set_priority = false;
  } else {
    if (job.priority == 0) return Errc::job_held;
    if (!c.by_operator && asked > priority_now(state, job)) return Errc::access_denied;
    job.priority = asked;
    job.direct_set_priority = true;
  }
  const bool was_held = job.reason == JobReason::held_admin || job.reason == JobReason::held_user ||
                        job.reason == JobReason::max_requeue || job.reason == JobReason::reservation_deleted;
  if (job.state.pending() && was_held) {
    job.reason = JobReason::none;
    job.state_desc.clear();
    job.state.flags &= ~(model::job_flag::special_exit | model::job_flag::reservation_deleted);
    if (job.dependencies.empty()) job.eligible_time = std::max(state.now, job.request->begin_time);
  }
  return Errc::success;
}

/// Owners may ask for more time as long as the job waits, up to their partition's limit.
bool partition_allows(const ClusterState& state, const Job& job, std::uint32_t time_limit) {
  const model::Partition* partition =
      state.partition(std::string_view(job.partition).substr(0, job.partition.find(',')));
  return partition && partition->max_time >= time_limit;
}

Errc set_time_limit(const ClusterState& state, Job& job, const UpdateJobs& c) {
  const std::uint32_t asked = *c.time_limit;
  if (job.state.ended()) return Errc::job_finished;
  const std::uint32_t least = c.time_min.value_or(job.request->time_min);
  if (least != kNoVal32 && asked < least) return Errc::invalid_time_min_limit;
  if (!c.by_operator && asked > job.time_limit && !(job.state.pending() && partition_allows(state, job, asked)))
    return Errc::access_denied;
  if (job.state.running() || job.state.suspended()) {
    const std::int64_t length = asked == kInfinite32 ? 365 * 24 * 3600 : std::int64_t{asked} * 60;
    if (!job.preempt_time)  // else it is in its grace time, which stays what it is
      job.end_time = std::max(job.start_time + length + job.suspended_s, state.now);
    job.time_limit_signaled = {};
  }
  job.time_limit = asked;
  return Errc::success;
}

/// Another account, QOS, wckey or partition is another place in the books.
Errc change_standing(const ClusterState& state, Job& job, JobRequest& request, const UpdateJobs& c) {
  if (!c.account && !c.qos && !c.wckey && !c.partitions) return Errc::success;
  const auto standing = find_standing(state, request, c.partitions.value_or(job.partition), c.by_operator);
  if (!standing) return standing.error().code;
  if (standing->qos != job.qos && !job.state.pending()) return Errc::job_not_pending;
  job.assoc = standing->assoc;
  job.qos = standing->qos;
  if (job.reason == JobReason::invalid_account || job.reason == JobReason::invalid_qos) job.reason = JobReason::none;
  return Errc::success;
}

/// Asking for more is held against the limits again; one who is beyond them already may do as he likes.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c _update_job().
Errc check_limits(ClusterState& state, const Job& before, const Job& after, const UpdateJobs& c) {
  if (c.by_operator || !before.state.pending()) return Errc::success;
  const auto within = [&](const Job& job) {
    ClusterState alone = state;  // what the job itself counts for does not stand against it
    count_submitted(alone, &before, nullptr);
    std::uint32_t time_limit = job.time_limit;
    return within_submit_limits(alone, *job.request, {job.assoc, job.qos}, job.partition, job.pending_count(),
                                time_limit);
  };
  if (within(after) || !within(before)) return Errc::success;
  return Errc::accounting_policy;
}

Errc update(ClusterState& state, JobId id, const UpdateJobs& c);

/// With all else that is asked, or not at all.
Errc update_with_size(ClusterState& state, JobId id, const UpdateJobs& c) {
  const ClusterState before = state;
  UpdateJobs others = c;
  others.min_nodes.reset();
  others.req_nodes.reset();
  Errc code = update(state, id, others);
  if (code == Errc::success) code = resize(state, id, c);
  if (code != Errc::success) state = before;
  return code;
}

Errc update(ClusterState& state, JobId id, const UpdateJobs& c) {
  Job job = *state.job(id);
  if (job.state.ended() && !(c.comment || c.admin_comment || c.system_comment || c.extra)) return Errc::job_finished;
  if ((c.min_nodes || c.req_nodes) && (job.state.running() || job.state.suspended()) &&
      state.format >= format_of_resizing)
    return update_with_size(state, id, c);
  if (only_pending(c) && !job.state.pending()) return Errc::job_not_pending;
  if (!c.by_operator) {
    if (c.admin_comment || c.system_comment || c.core_spec || c.shared || c.deadline) return Errc::access_denied;
    if (c.contiguous && *c.contiguous >= job.request->contiguous) return Errc::access_denied;
  }
  if (c.account && !job.state.pending()) return Errc::job_not_pending;
  if (c.deadline && *c.deadline < state.now) return Errc::invalid_time_value;
  if (c.nice && !c.by_operator && *c.nice < 0x80000000) return Errc::access_denied;
  auto request = std::make_shared<JobRequest>(*job.request);
  change_request(*request, c);
  if (changes_tres(c))
    if (auto settled = model::settle_gres(*request, state.settings); !settled) return settled.error().code;
  const Job before = job;
  if (const Errc code = change_standing(state, job, *request, c); code != Errc::success) return code;
  const std::uint32_t old_nice = job.request->nice;
  if (request->max_nodes != 0 && request->max_nodes != kNoVal32 && request->max_nodes < request->min_nodes)
    return Errc::invalid_node_count;
  job.request = request;
  if (c.reservation) {
    if (!job.state.pending() && !job.state.running()) return Errc::job_not_pending_nor_running;
    if (const Errc code = may_use(state, *c.reservation, *request); code != Errc::success) return code;
    if (job.state.running()) job.reservation = c.reservation->substr(0, c.reservation->find(','));
  }

  if (c.nice && job.priority != 0 && !job.direct_set_priority && !state.settings.multifactor) {
    const std::int64_t priority = std::int64_t{job.priority} + old_nice - *c.nice;
    job.priority = static_cast<std::uint32_t>(std::clamp<std::int64_t>(priority, 1, 0xfffffffd));
  }
  if (c.priority)
    if (const Errc code = set_priority(state, job, c); code != Errc::success) return code;
  if (c.time_limit)
    if (const Errc code = set_time_limit(state, job, c); code != Errc::success) return code;
  if (c.time_min && job.time_limit != kNoVal32 && *c.time_min > job.time_limit) return Errc::invalid_time_min_limit;
  if (c.end_time) {
    if (!job.state.running()) return Errc::job_not_running;
    if (*c.end_time < state.now) return Errc::invalid_time_value;
    if (!c.by_operator && *c.end_time >= job.end_time) return Errc::access_denied;
    job.end_time = *c.end_time;
    job.time_limit = static_cast<std::uint32_t>(std::max<std::int64_t>((job.end_time - job.start_time) / 60, 0));
  }
  if (c.partitions) {
    std::string_view rest = *c.partitions;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (!state.partition(rest.substr(0, comma))) return Errc::invalid_partition_name;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    job.partition = *c.partitions;
  }
  if (const Errc code = check_limits(state, before, job, c); code != Errc::success) return code;
  if (c.requeue) job.requeue_allowed = *c.requeue != 0;
  if (c.array_throttle && job.array) job.array->max_running = *c.array_throttle;
  if (c.begin_time && job.priority != 0 && job.dependencies.empty()) {
    job.eligible_time = std::max(*c.begin_time, state.now);
    if (*c.begin_time > state.now) job.reason = JobReason::begin_time;
  }
  if (c.dependency_text) {
    auto dependencies = c.dependencies;
    const JobId self = job.array ? job.array->array_job : job.id;
    if (auto bound = bind_dependencies(state, self, dependencies); !bound) return bound.error().code;
    if (auto able = check_expansion(state, dependencies, job.partition, job.qos); !able) return able.error().code;
    job.dependencies = std::move(dependencies);
    if (job.priority != 0) {
      job.reason = job.dependencies.empty() ? JobReason::none : JobReason::dependency;
      job.eligible_time = job.dependencies.empty() ? std::max(state.now, job.request->begin_time) : TimeS{};
    }
  }
  if (c.name) state.dependencies_stale = true;  // singletons
  put_job(state, std::move(job));
  if (state.dependent.find(id.v)) refresh_dependencies_of(state, id);
  return Errc::success;
}

}  // namespace

Reply apply_to(ClusterState& state, const UpdateJobs& command) {
  Reply reply;
  for (const Target& target : command.targets) {
    const auto jobs = resolve(state, target);
    if (jobs.empty()) reply.results.push_back({.job = target.job, .code = Errc::invalid_job_id});
    for (JobId id : jobs) {
      const Job& job = *state.job(id);
      TargetResult result{.job = job.array ? job.array->array_job : id};
      if (job.array) result.task = job.array->task;
      result.code = update(state, id, command);
      reply.results.push_back(result);
    }
  }
  for (const TargetResult& result : reply.results)
    if (result.code != Errc::success && reply.code == Errc::success) reply.code = result.code;
  return reply;
}

}  // namespace flurm::state
