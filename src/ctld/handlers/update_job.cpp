// ctld/handlers/update_job.cpp — REQUEST_UPDATE_JOB: scontrol update job, hold, uhold, release.
#include "ctld/handlers/handlers.hpp"
#include "ctld/job_text.hpp"
#include "model/dependency.hpp"
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
  take32(c.min_nodes, d.min_nodes);
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
  return c;
}

/// Features, nodes and licenses that nobody has are refused; a size that does not fit at present is not.
Result<void> check_names(const state::ClusterState& state, const state::UpdateJobs& command,
                         const std::vector<state::Target>& targets) {
  if (targets.empty() || !(command.features || command.req_nodes || command.exc_nodes || command.licenses)) return {};
  const model::Job& job = *record_of(state, targets.front());
  model::JobRequest request = *job.request;
  if (command.features) request.features = *command.features;
  if (command.req_nodes) request.req_nodes = *command.req_nodes;
  if (command.exc_nodes) request.exc_nodes = *command.exc_nodes;
  if (command.licenses) request.licenses = *command.licenses;
  return sched::knows_names(scheduler_view(state), request);
}

}  // namespace

io::Task<Answer> update_job(Controller& c, Call call) {
  const auto* desc = call.as<wire::JobDesc>();
  if (!desc) co_return rc_answer(call, Errc::communications_receive);
  auto snapshot = c.replica.snapshot();
  const std::string named = desc->job_id_str ? *desc->job_id_str : std::to_string(desc->step_id.job_id.v);
  auto targets = job_targets(*snapshot, named);
  if (!targets) co_return unknown_job(call, named, targets.error());
  for (const state::Target& target : *targets)
    if (const model::Job* job = record_of(*snapshot, target); !job || !c.may_change(call.uid, *job))
      co_return rc_answer(call, Errc::user_id_missing);

  state::UpdateJobs command = changes(*desc);
  if (command.partitions)
    for (std::string_view rest = *command.partitions; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (!snapshot->partition(rest.substr(0, comma))) co_return rc_answer(call, Errc::invalid_partition_name);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  if (auto named_things = check_names(*snapshot, command, *targets); !named_things)
    co_return error_answer(call, named_things.error());
  if (command.dependency_text) {
    auto dependencies = model::parse_dependencies(*command.dependency_text);
    if (!dependencies) co_return error_answer(call, dependencies.error());
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
