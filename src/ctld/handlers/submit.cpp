// ctld/handlers/submit.cpp — REQUEST_SUBMIT_BATCH_JOB and REQUEST_JOB_WILL_RUN.
// The order of the checks is Slurm's, so that a request with several faults gets the same answer
// (slurm 22.05 src/slurmctld/job_mgr.c _job_create(), partition checks _valid_job_part()).
#include <algorithm>
#include <charconv>

#include "auth/hosts.hpp"
#include "auth/users.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/translate/job_request.hpp"
#include "io/clock.hpp"
#include "io/worker.hpp"
#include "model/dependency.hpp"
#include "wire/msg/job_desc.hpp"

namespace flurm::ctld {
namespace {

constexpr std::uint32_t kNiceOffset = 0x80000000;

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma) out.push_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out;
}

/// The job's owner, looked up before the checks.
struct Owner {
  std::string name;
  std::vector<std::string> groups;
};

bool shares_name(std::string_view list, const std::vector<std::string>& names) {
  for (std::string_view each : split(list))
    if (std::find(names.begin(), names.end(), each) != names.end()) return true;
  return false;
}

/// May this user use the partition at all?
Errc partition_allows(const model::Partition& partition, std::uint32_t uid, const Owner& owner, bool is_operator) {
  if (partition.flags & model::partition_flag::root_only && !is_operator) return Errc::access_denied;
  if (partition.flags & model::partition_flag::no_root && uid == 0) return Errc::access_denied;
  if (!partition.allow_groups.empty() && partition.allow_groups != "ALL" && uid != 0 &&
      !shares_name(partition.allow_groups, owner.groups))
    return Errc::job_missing_required_partition_group;
  return Errc::success;
}

/// Limits that EnforcePartLimits turns from a reason to wait into a refusal.
Errc partition_limits(const model::Partition& partition, const model::JobRequest& r) {
  if (r.time_limit != kNoVal32 && r.time_limit > partition.max_time && partition.max_time != kInfinite32)
    return Errc::invalid_time_limit;
  if (r.min_nodes > partition.max_nodes) return Errc::invalid_node_count;
  if (r.max_nodes && r.max_nodes < partition.min_nodes) return Errc::invalid_node_count;
  return Errc::success;
}

std::uint32_t resolved_time_limit(const model::JobRequest& r, const model::Partition& partition) {
  if (r.time_limit != kNoVal32) return r.time_limit;
  return partition.default_time != kNoVal32 ? partition.default_time : partition.max_time;
}

/// "0-9%4" to tasks and throttle.
Result<std::optional<model::ArrayPart>> array_part(const std::optional<std::string>& text, const model::Settings& settings) {
  if (!text || text->empty()) return std::nullopt;
  if (settings.max_array_size == 0) return fail(Errc::invalid_array, "MaxArraySize is 0");
  model::ArrayPart part;
  std::string_view tasks = *text;
  if (const std::size_t percent = tasks.find('%'); percent != tasks.npos) {
    const std::string_view limit = tasks.substr(percent + 1);
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), part.max_running);
    if (error != std::errc{} || end != limit.data() + limit.size())
      return fail(Errc::invalid_array, "array '{}': the throttle is no number", *text);
    tasks = tasks.substr(0, percent);
  }
  FLURM_TRY(part.pending, model::TaskSet::parse(tasks, settings.max_array_size - 1));
  part.task_count = part.pending.count();
  part.task_min = part.pending.first();
  part.task_max = part.pending.last();
  part.task_step = part.pending.ranges().size() == 1 ? part.pending.ranges().front().step : 1;
  return part;
}

struct Checked {
  state::SubmitJob command;
  const model::Partition* first = nullptr;
};

/// SchedulerParameters=max_script_size, 4 MiB unless set.
std::size_t script_bytes_max(const conf::Config& config) {
  std::size_t bytes = 4u << 20;
  std::string text;
  if (conf::Config::has_option(config.sched_params, "max_script_size", &text))
    std::from_chars(text.data(), text.data() + text.size(), bytes);
  return bytes;
}

/// Everything about a submission that can be known before it is proposed.
Result<Checked> check(Controller& c, const state::ClusterState& state, wire::JobDesc& desc, const Owner& owner,
                      std::uint32_t uid, bool batch) {
  const bool is_operator = c.is_operator(uid);
  if (desc.script && desc.script->size() > script_bytes_max(*c.config))
    return fail(Errc::pathname_too_long, "script of {} bytes, at most {}", desc.script->size(), script_bytes_max(*c.config));
  if (batch && desc.script && desc.environment.empty()) return fail(Errc::environment_missing);
  if (!is_operator) {
    if (desc.priority != 0) desc.priority = kNoVal32;
    if (desc.nice < kNiceOffset) return fail(Errc::invalid_nice, "a negative nice value is for operators");
    if (desc.admin_comment || (desc.reboot && desc.reboot != kNoVal16)) return fail(Errc::access_denied);
  }

  Checked out;
  std::vector<const model::Partition*> partitions;
  if (desc.partition && !desc.partition->empty()) {
    for (std::string_view name : split(*desc.partition)) {
      const model::Partition* partition = state.partition(name);
      if (!partition) return fail(Errc::invalid_partition_name, "partition {}", name);
      partitions.push_back(partition);
    }
  } else if (const model::Partition* fallback = state.default_partition()) {
    partitions.push_back(fallback);
  }
  if (partitions.empty()) return fail(Errc::default_partition_not_set);
  out.first = partitions.front();

  FLURM_TRY(out.command.request, job_request(desc, state.settings, out.first));
  const model::JobRequest& request = out.command.request;
  if (batch && !desc.script) return fail(Errc::job_script_missing);

  const TimeS now = io::now();
  if (request.deadline && request.deadline < std::max(now, request.begin_time))
    return fail(Errc::invalid_time_limit, "the deadline is over before the job may begin");
  if (!request.reservation.empty()) return fail(Errc::reservation_invalid, "reservation {}", request.reservation);

  Errc refusal = Errc::success;
  std::string usable;
  for (const model::Partition* partition : partitions) {
    Errc code = partition_allows(*partition, desc.user_id, owner, is_operator);
    if (code == Errc::success && !(partition->state_up & model::partition_state::submit))
      code = Errc::partition_not_avail;
    if (code != Errc::success) {
      refusal = code;
      continue;
    }
    if (state.settings.enforce_part_limits) code = partition_limits(*partition, request);
    if (code != Errc::success) {
      refusal = code;
      constexpr std::uint16_t kAll = 1;
      if (state.settings.enforce_part_limits == kAll) return fail(code, "partition {}", partition->name);
      continue;
    }
    if (!usable.empty()) usable += ',';
    usable += partition->name;
  }
  if (usable.empty()) return fail(refusal);
  out.command.partitions = usable;

  const sched::View view = scheduler_view(state);
  Result<void> possible = fail(Errc::requested_node_config_unavailable);
  for (std::string_view name : split(usable)) {
    Result<void> here = c.admission.can_ever_run(view, request, *state.partition(name));
    if (here) {
      possible = here;
      break;
    }
    possible = here;
  }
  if (!possible) return std::unexpected(possible.error());

  out.command.request.batch = batch;
  out.command.request.user_name = owner.name;
  out.command.time_limit = resolved_time_limit(request, *state.partition(split(usable).front()));
  FLURM_TRY(out.command.dependencies, model::parse_dependencies(request.dependency));
  FLURM_TRY(out.command.array, array_part(desc.array_inx, state.settings));
  out.command.operator_priority = is_operator;
  out.command.payload = job_payload(desc);
  return out;
}

/// The name service may block, so it is asked on a worker; what was asked lately is remembered.
Owner look_up_owner(auth::Users& users, std::uint32_t uid) {
  Owner owner;
  const auto user = users.by_uid(uid);
  if (!user) return owner;
  owner.name = user->name;
  if (const auto gids = users.groups_of(*user))
    for (gid_t gid : *gids)
      if (const auto name = users.group_name(gid)) owner.groups.push_back(*name);
  return owner;
}

bool groups_matter(const state::ClusterState& state) {
  return std::any_of(state.partitions.begin(), state.partitions.end(), [](const auto& partition) {
    return !partition->allow_groups.empty() && partition->allow_groups != "ALL";
  });
}

/// From 23.11 on Slurm's server says in words which value it does not take.
Answer refusal(const Call& call, const Error& error) {
  log(Level::info, "job.refused",
      {{"uid", call.uid}, {"peer", call.peer}, {"error", errc_name(error.code)}, {"text", error.text}});
  if (call.version >= wire::v23_11)
    return answer(call, wire::MsgType::RESPONSE_SLURM_RC_MSG,
                  wire::ReturnCode2{static_cast<std::uint32_t>(public_code(error.code)), ""});
  return error_answer(call, error);
}

/// Whom the job is for: unset ids are the sender's own, and only SlurmUser and root may name others. The group matters
/// as much as the user, for the job's processes get it. Since 23.02 clients leave both to the credential unless they were
/// given --uid or --gid.
/// Source: slurm 22.05, 24.11 src/slurmctld/proc_req.c _valid_id().
Result<void> settle_identity(const Controller& c, const Call& call, wire::JobDesc& desc) {
  constexpr std::uint32_t kAsAuthenticated = 99;
  if (desc.user_id == kAsAuthenticated || desc.user_id == kNoVal32) desc.user_id = call.uid;
  if (desc.group_id == kAsAuthenticated || desc.group_id == kNoVal32) desc.group_id = call.gid;
  if (c.is_operator(call.uid)) return {};
  if (desc.user_id != call.uid)
    return fail(Errc::user_id_missing, "user {} may not submit for user {}", call.uid, desc.user_id);
  if (desc.group_id != call.gid)
    return fail(Errc::group_id_missing, "user {} of group {} may not submit for group {}", call.uid, call.gid, desc.group_id);
  return {};
}

}  // namespace

io::Task<Answer> submit_batch_job(Controller& c, Call call) {
  const auto* received = call.as<wire::JobDesc>();
  if (!received) co_return rc_answer(call, Errc::communications_receive);
  wire::JobDesc desc = *received;
  if (auto settled = settle_identity(c, call, desc); !settled) co_return refusal(call, settled.error());
  const std::uint32_t job_uid = desc.user_id;
  Owner owner;
  const auto known = c.users.cached_by_uid(job_uid);
  if (known && !groups_matter(*c.replica.snapshot())) {
    owner.name = known->name;
  } else {
    auto lookup = io::on_worker(c.loop, [&users = c.users, job_uid] { return look_up_owner(users, job_uid); });
    owner = co_await lookup;
  }
  auto snapshot = c.replica.snapshot();
  auto checked = check(c, *snapshot, desc, owner, call.uid, true);
  if (!checked) co_return refusal(call, checked.error());
  const std::string name = checked->command.request.name;
  if (checked->command.request.alloc_node.empty()) checked->command.request.alloc_node = c.hosts.cached(call.peer);

  auto proposal = c.replica.propose(std::move(checked->command));
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
  wire::JobDesc desc = *received;
  if (auto settled = settle_identity(c, call, desc); !settled) co_return refusal(call, settled.error());
  auto lookup = io::on_worker(c.loop, [&users = c.users, uid = desc.user_id] { return look_up_owner(users, uid); });
  const Owner owner = co_await lookup;
  auto snapshot = c.replica.snapshot();
  auto checked = check(c, *snapshot, desc, owner, call.uid, desc.script.has_value());
  if (!checked) co_return refusal(call, checked.error());
  model::Job job;
  job.id = JobId{snapshot->next_job_id};
  job.request = std::make_shared<const model::JobRequest>(checked->command.request);
  job.partition = checked->command.partitions;
  job.time_limit = checked->command.time_limit;
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
  co_return answer(call, wire::MsgType::RESPONSE_JOB_WILL_RUN, response);
}

}  // namespace flurm::ctld
