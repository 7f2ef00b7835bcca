// ctld/handlers/update_job.cpp — REQUEST_UPDATE_JOB: scontrol update job, hold, uhold, release.
#include "ctld/admission.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/job_text.hpp"
#include "ctld/submission.hpp"
#include "model/dependency.hpp"
#include "model/gres_request.hpp"
#include "wire/msg/job_desc.hpp"

namespace flurm::ctld {
namespace {

/// alloc_sid of a hold request says whose hold it is (slurm 22.05 src/common/slurm_protocol_defs.h ALLOC_SID_*).
constexpr std::uint32_t kAllocSidUserHold = 0x00000002;

template <class T>
void take(std::optional<T>& to, T from, T unset) {
  if (from != unset) to = from;
}
void take16(std::optional<std::uint16_t>& to, std::uint16_t from) { take(to, from, kNoVal16); }
void take32(std::optional<std::uint32_t>& to, std::uint32_t from) { take(to, from, kNoVal32); }

state::UpdateJobs changes(const wire::JobDesc& d) {
  state::UpdateJobs c;
  take32(c.priority, d.priority);
  if (d.priority == 0) c.hold_by_user = d.alloc_sid == kAllocSidUserHold;
  take32(c.nice, d.nice);
  take32(c.time_limit, d.time_limit);
  take32(c.time_min, d.time_min);
  c.partitions = d.partition;
  c.name = d.name;
  c.comment = d.comment;
  c.admin_comment = d.admin_comment;
  c.extra = d.extra;
  c.account = d.account;
  c.qos = d.qos;
  c.wckey = d.wckey;
  c.features = d.features;
  c.prefer = d.prefer;
  c.req_nodes = d.req_nodes;
  c.exc_nodes = d.exc_nodes;
  c.licenses = d.licenses;
  c.reservation = d.reservation;
  c.std_out = d.std_out;
  c.std_err = d.std_err;
  c.std_in = d.std_in;
  c.work_dir = d.work_dir;
  c.mail_user = d.mail_user;
  c.network = d.network;
  c.burst_buffer = d.burst_buffer;
  c.batch_features = d.batch_features;
  c.cluster_features = d.cluster_features;
  c.dependency_text = d.dependency;
  if (d.begin_time) c.begin_time = d.begin_time;
  if (d.deadline) c.deadline = d.deadline;
  if (d.end_time) c.end_time = d.end_time;
  if (d.min_nodes != kInfinite32) take32(c.min_nodes, d.min_nodes);  // NumNodes=ALL: scontrol only wants to know
  take32(c.max_nodes, d.max_nodes);
  take32(c.num_tasks, d.num_tasks);
  take32(c.min_cpus, d.min_cpus);
  take32(c.max_cpus, d.max_cpus);
  take32(c.min_tmp_disk, d.pn_min_tmp_disk);
  take32(c.delay_boot, d.delay_boot);
  take16(c.pn_min_cpus, d.pn_min_cpus);
  take16(c.cpus_per_task, d.cpus_per_task);
  take16(c.requeue, d.requeue);
  take16(c.contiguous, d.contiguous);
  take16(c.shared, d.shared);
  take16(c.core_spec, d.core_spec);
  take16(c.ntasks_per_node, d.ntasks_per_node);
  take16(c.sockets_per_node, d.sockets_per_node);
  take16(c.cores_per_socket, d.cores_per_socket);
  take16(c.threads_per_core, d.threads_per_core);
  take16(c.mail_type, d.mail_type);
  take(c.pn_min_memory, d.pn_min_memory, kNoVal64);
  c.cpus_per_tres = d.cpus_per_tres;
  c.mem_per_tres = d.mem_per_tres;
  c.tres_per_job = d.tres_per_job;
  c.tres_per_node = d.tres_per_node;
  c.tres_per_socket = d.tres_per_socket;
  c.tres_per_task = d.tres_per_task;
  return c;
}

/// What Slurm does not take, whatever the job: things that are not there.
Errc unavailable(const Controller& c, const wire::JobDesc& desc) {
  const auto given = [](const std::optional<std::string>& text) { return text && !text->empty(); };
  if (given(desc.burst_buffer)) return Errc::not_supported;
  if (desc.core_spec != kNoVal16 && !c.config->allow_spec_resources_usage) return Errc::access_denied;
  return Errc::success;
}

bool changes_demand(const state::UpdateJobs& c) {
  return c.features || c.prefer || c.req_nodes || c.exc_nodes || c.licenses || c.partitions || c.min_cpus ||
         c.pn_min_memory || c.cpus_per_task || c.pn_min_cpus || state::changes_tres(c);
}

/// Features, nodes and licenses that nobody has are refused, and more CPUs or memory than the partition gives; more
/// nodes or time is not: such a job waits. Source: slurm 22.05 src/slurmctld/job_mgr.c _update_job(), its
/// job_limits_check().
Result<void> check_demand(Controller& c, const state::ClusterState& state, const state::UpdateJobs& command,
                          const std::vector<state::Target>& targets) {
  if (targets.empty() || !changes_demand(command)) return {};
  const model::Job& job = *record_of(state, targets.front());
  if (!job.state.pending()) return {};
  model::JobRequest request = *job.request;
  const auto take_over = [](auto& to, const auto& from) {
    if (from) to = *from;
  };
  take_over(request.features, command.features);
  take_over(request.prefer, command.prefer);
  take_over(request.req_nodes, command.req_nodes);
  take_over(request.exc_nodes, command.exc_nodes);
  take_over(request.licenses, command.licenses);
  take_over(request.min_cpus, command.min_cpus);
  take_over(request.cpus_per_task, command.cpus_per_task);
  take_over(request.pn_min_cpus, command.pn_min_cpus);
  take_over(request.pn_min_memory, command.pn_min_memory);
  take_over(request.cpus_per_tres, command.cpus_per_tres);
  take_over(request.mem_per_tres, command.mem_per_tres);
  take_over(request.tres_per_job, command.tres_per_job);
  take_over(request.tres_per_node, command.tres_per_node);
  take_over(request.tres_per_socket, command.tres_per_socket);
  take_over(request.tres_per_task, command.tres_per_task);
  if (state::changes_tres(command)) {
    FLURM_TRY_VOID(model::settle_gres(request, state.settings));
  }
  const sched::View view = scheduler_view(state);
  FLURM_TRY_VOID(c.admission.knows_names(view, request));
  for (std::string_view name : split_names(command.partitions.value_or(job.partition))) {
    const model::Partition* partition = state.partition(name);
    if (!partition) continue;
    const auto limits = c.admission.within_limits(view, request, *partition);
    if (limits) return {};
    const Errc code = limits.error().code;
    if (code != Errc::too_many_requested_cpus && code != Errc::invalid_task_memory) return {};
  }
  return fail(Errc::requested_part_config_unavailable);
}

/// Of running jobs other nodes or another number of them make a smaller job, or move what it has.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c _update_job(), permit_job_shrink(), permit_job_expansion().
Errc refuses_size(const Controller& c, const state::ClusterState& state, const state::UpdateJobs& command,
                  const std::vector<state::Target>& targets) {
  if (targets.empty()) return Errc::success;
  const model::Job& job = *record_of(state, targets.front());
  if (job.state.pending()) return command.min_nodes == 0u ? Errc::invalid_node_count : Errc::success;
  if (!job.allocation) return Errc::success;
  const auto set = [&](std::string_view option) { return conf::Config::has_option(c.config->sched_params, option); };
  const std::size_t nodes = job.allocation->shares.size();
  const bool more = command.min_nodes && *command.min_nodes > nodes;
  const bool fewer = command.req_nodes || (command.min_nodes && *command.min_nodes != 0 && *command.min_nodes < nodes);
  const bool refused = (more && !set("permit_job_expansion")) || (fewer && set("disable_job_shrink"));
  return refused && !job.state.ended() ? Errc::not_supported : Errc::success;
}

/// What is changed of a heterogeneous job by its number is changed of all its components.
void add_components(const state::ClusterState& state, std::vector<state::Target>& targets) {
  const std::vector<state::Target> named = targets;
  for (const state::Target& target : named) {
    const model::Job* job = state.job(target.job);
    if (!job || !job->het || job->het->offset != 0) continue;
    for (JobId component : job->het->components)
      if (component != job->id && state.job(component)) targets.push_back({.job = component, .tasks = {}});
  }
}

}  // namespace

io::Task<Answer> update_job(Controller& c, Call call) {
  const auto* desc = call.as<wire::JobDesc>();
  if (!desc) co_return rc_answer(call, Errc::communications_receive);
  auto snapshot = c.replica.snapshot();
  const std::string named = desc->job_id_str ? *desc->job_id_str : std::to_string(desc->step_id.job_id.v);
  auto targets = job_targets(*snapshot, named);
  if (!targets) co_return unknown_job(call, named, targets.error());
  for (const state::Target& target : *targets) {
    const model::Job* job = record_of(*snapshot, target);
    if (!job || !c.may_change(call.uid, *job)) co_return rc_answer(call, Errc::user_id_missing);
    if (job->cron && job->cron->comes_back) co_return rc_answer(call, Errc::cannot_modify_cron_job);
  }

  if (named.find('+') == named.npos) add_components(*snapshot, *targets);
  state::UpdateJobs command = changes(*desc);
  if (const Errc code = unavailable(c, *desc); code != Errc::success) co_return rc_answer(call, code);
  if (const Errc code = refuses_size(c, *snapshot, command, *targets); code != Errc::success)
    co_return rc_answer(call, code);
  if (command.partitions)
    if (auto partitions = asked_partitions(*snapshot, *desc); !partitions)
      co_return error_answer(call, partitions.error());
  if (auto demand = check_demand(c, *snapshot, command, *targets); !demand)
    co_return error_answer(call, demand.error());
  if (command.dependency_text) {
    auto dependencies = model::parse_dependencies(*command.dependency_text);
    if (!dependencies) co_return error_answer(call, dependencies.error());
    if (auto permitted = permits_expansion(c, *snapshot, *dependencies); !permitted)
      co_return error_answer(call, permitted.error());
    command.dependencies = std::move(*dependencies);
  }
  // scontrol update ArrayTaskThrottle= travels in array_inx.
  if (desc->array_inx) {
    std::uint32_t throttle = 0;
    for (char digit : *desc->array_inx) {
      if (digit < '0' || digit > '9' || throttle > 100'000'000) co_return rc_answer(call, Errc::invalid_array);
      throttle = throttle * 10 + static_cast<std::uint32_t>(digit - '0');
    }
    command.array_throttle = throttle;
  }
  command.targets = std::move(*targets);
  command.uid = call.uid;
  command.by_operator = c.is_operator(call.uid);
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  log(Level::info, "job.update", {{"jobs", named}, {"uid", call.uid}, {"rc", errc_name(reply->code)}});
  c.schedule_soon();
  co_return target_answer(c, call, *reply);
}

}  // namespace flurm::ctld
