// ctld/submission.cpp — see submission.hpp.
// The order of the checks is Slurm's, so that a request with several faults gets the same answer
// (slurm 22.05 src/slurmctld/job_mgr.c _job_create(), job_allocate()).
#include "ctld/submission.hpp"

#include <algorithm>
#include <charconv>

#include "auth/hosts.hpp"
#include "auth/users.hpp"
#include "ctld/admission.hpp"
#include "ctld/job_defaults.hpp"
#include "ctld/mcs.hpp"
#include "ctld/translate/job_request.hpp"
#include "io/clock.hpp"
#include "io/worker.hpp"
#include "model/dependency.hpp"
#include "model/gres_request.hpp"
#include "state/accounting.hpp"
#include "state/format.hpp"
#include "state/reservations.hpp"

namespace flurm::ctld {
namespace {

constexpr std::uint32_t kNiceOffset = 0x80000000;
constexpr std::uint16_t kFormatWithX11 = 6;  // of the state: the first that keeps what a tunnel needs

constexpr std::string_view kOnlyAdminsReboot = "rebooting of nodes is only allowed for admins";

/// Source: slurm 22.05 src/slurmctld/job_mgr.c _valid_job_part().
Result<void> check_times(const wire::JobDesc& desc, const Partitions& partitions, TimeS now) {
  const std::uint32_t limit =
      desc.time_limit == kNoVal32 ? partitions.front()->default_time : desc.time_limit;  // NO_VAL: not known yet
  const bool least_given = desc.time_min != kNoVal32;
  std::uint32_t longest = 0;
  for (const model::Partition* partition : partitions) longest = std::max(longest, partition->max_time);
  if (desc.time_limit == kNoVal32 && limit == 0) return fail(Errc::invalid_time_limit, "the default time is 0");
  if (least_given && (desc.time_min > longest || desc.time_min > limit))
    return fail(Errc::invalid_time_min_limit, "{} of {} minutes", desc.time_min, limit);
  if (!desc.deadline) return {};
  if (desc.deadline < now) return fail(Errc::invalid_time_limit, "the deadline is over");
  if (least_given && desc.time_min != 0 && desc.deadline < now + std::int64_t{desc.time_min} * 60)
    return fail(Errc::invalid_time_min_limit, "{} minutes do not end by the deadline", desc.time_min);
  return {};
}

/// "0-9%4" to tasks and throttle.
Result<std::optional<model::ArrayPart>> array_part(const std::optional<std::string>& text,
                                                   const model::Settings& settings) {
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

/// SchedulerParameters=max_script_size, 4 MiB unless set.
std::size_t script_bytes_max(const conf::Config& config) {
  std::size_t bytes = 4u << 20;
  std::string text;
  if (conf::Config::has_option(config.sched_params, "max_script_size", &text))
    std::from_chars(text.data(), text.data() + text.size(), bytes);
  return bytes;
}

/// What the configuration leaves of the request.
void trim(model::JobRequest& request, const wire::JobDesc& desc, const conf::Config& config) {
  if (!config.allow_spec_resources_usage) request.core_spec = kNoVal16;
  if (request.reboot && config.reboot_program.empty()) request.reboot = 2;
  if (desc.req_switch == kNoVal32) return;
  std::uint32_t longest_s = 300;
  std::string text;
  if (conf::Config::has_option(config.sched_params, "max_switch_wait", &text))
    std::from_chars(text.data(), text.data() + text.size(), longest_s);
  request.wait4switch = std::min(desc.wait4switch, longest_s);  // NO_VAL, not asked for, is long
}

std::string names_of(const Partitions& partitions) {
  std::string names;
  for (const model::Partition* partition : partitions) names += (names.empty() ? "" : ",") + partition->name;
  return names;
}

/// Everything about a submission that can be known before it is proposed.
Result<state::SubmitJob> check(Controller& c, const state::ClusterState& state, wire::JobDesc& desc, const Owner& owner,
                               std::uint32_t uid, Submission kind) {
  if (state.drain.on) return fail(Errc::submissions_disabled, "{}", state.drain.text());
  const bool will_run = kind == Submission::will_run;
  const bool batch = kind == Submission::batch || (will_run && desc.script);
  const bool is_operator = c.is_operator(uid);
  if (desc.script && desc.script->size() > script_bytes_max(*c.config))
    return fail(Errc::pathname_too_long, "script of {} bytes, at most {}", desc.script->size(),
                script_bytes_max(*c.config));
  if (batch && desc.script && desc.environment.empty()) return fail(Errc::environment_missing);
  if (!is_operator) {
    if (desc.priority != 0) desc.priority = kNoVal32;
    if (desc.nice < kNiceOffset) return fail(Errc::invalid_nice, "a negative nice value is for operators");
    if (desc.reboot && desc.reboot != kNoVal16) return fail(Errc::access_denied, "{}", kOnlyAdminsReboot);
    if (desc.admin_comment) return fail(Errc::access_denied);
  }

  if (desc.x11 != 0) {
    const bool forwards = c.config->prolog_flags & conf::kPrologX11 && state.format >= kFormatWithX11;
    if (!forwards || desc.script) return fail(Errc::x11_not_avail);
  }

  FLURM_TRY(Partitions partitions, asked_partitions(state, desc));
  state::SubmitJob command;
  FLURM_TRY(command.request, job_request(desc, state.settings, partitions.front()));
  model::JobRequest& request = command.request;
  if (batch && !desc.script) return fail(Errc::job_script_missing);
  trim(request, desc, *c.config);
  apply_gpu_defaults(request, *partitions.front(), *c.config, desc.cpus_per_task != kNoVal16,
                     desc.pn_min_memory != kNoVal64);
  request.user_name = owner.name;
  FLURM_TRY(const state::Standing standing, state::find_standing(state, request, names_of(partitions)));
  FLURM_TRY_VOID(settle_mcs_label(request, *c.config, owner.name, owner.groups));

  Admission admission(c, state, owner, uid, standing);
  const std::uint32_t asked_nodes = std::exchange(request.min_nodes, desc.min_nodes);  // limits are for what was asked
  const std::uint32_t least_nodes =
      (*std::ranges::min_element(partitions, {}, &model::Partition::min_nodes))->min_nodes;
  FLURM_TRY_VOID(admission.enter(request, partitions));
  request.min_nodes = asked_nodes;
  const bool may_be_more = request.max_nodes == 0 || request.max_nodes >= least_nodes;
  if (may_be_more) request.min_nodes = std::max(asked_nodes, least_nodes);
  FLURM_TRY_VOID(check_times(desc, partitions, io::now()));
  if (const Errc code = state::may_use(state, request.reservation, request); code != Errc::success)
    return fail(code, "reservation {}", request.reservation);
  FLURM_TRY_VOID(admission.knows_names(request));
  FLURM_TRY_VOID(model::settle_gres(request, state.settings));
  command.time_limit = desc.time_limit == kNoVal32 ? partitions.front()->default_time : desc.time_limit;
  if (request.deadline && command.time_limit == kNoVal32 && desc.time_min == kNoVal32) request.time_min = 1;
  FLURM_TRY(command.array, array_part(desc.array_inx, state.settings));
  const std::uint32_t tasks = command.array ? command.array->pending.count() : 1;
  command.partitions = names_of(partitions);
  FLURM_TRY_VOID(state::within_submit_limits(state, request, standing, command.partitions, tasks, command.time_limit));
  const bool held = desc.priority == 0 && !will_run;
  if (!held) {
    FLURM_TRY_VOID(admission.could_start(request, partitions, will_run));
  }

  request.batch = batch;
  FLURM_TRY(command.dependencies, model::parse_dependencies(request.dependency));
  FLURM_TRY_VOID(permits_expansion(c, state, command.dependencies));
  command.operator_priority = is_operator;
  command.payload = job_payload(desc);
  return command;
}

/// The name service may block, so it is asked on a worker; what was asked lately is remembered.
Owner look_up_owner(auth::Users& users, std::uint32_t uid) {
  Owner owner;
  const auto user = users.by_uid(uid);
  if (!user) return owner;
  owner.name = user->name;
  owner.groups = users.group_names_of(*user).value_or(std::vector<std::string>());
  return owner;
}

bool groups_matter(const state::ClusterState& state) {
  return std::any_of(state.partitions.begin(), state.partitions.end(), [](const auto& partition) {
    return !partition->allow_groups.empty() && partition->allow_groups != "ALL";
  });
}

/// The refusals that Slurm explains to the user besides the code; the texts of the others are for our log.
bool explained(const Error& error) {
  switch (error.code) {
    case Errc::invalid_partition_name:
    case Errc::requested_node_config_unavailable:
      return !error.text.empty();
    case Errc::access_denied:
      return error.text == kOnlyAdminsReboot;
    case Errc::submissions_disabled:
    case Errc::accounting_policy:
      return true;
    default:
      return false;
  }
}

/// Whom the job is for: unset ids are the sender's own, and only SlurmUser and root may name others. The group matters
/// as much as the user, for the job's processes get it. Since 23.02 clients leave both to the credential unless they
/// were given --uid or --gid. Source: slurm 22.05, 24.11 src/slurmctld/proc_req.c _valid_id().
Result<void> settle_identity(const Controller& c, const Sender& from, wire::JobDesc& desc) {
  if (desc.user_id == as_authenticated || desc.user_id == kNoVal32) desc.user_id = from.uid;
  if (desc.group_id == as_authenticated || desc.group_id == kNoVal32) desc.group_id = from.gid;
  if (c.is_slurm_user(from.uid)) return {};
  if (desc.user_id != from.uid)
    return fail(Errc::user_id_missing, "user {} may not submit for user {}", from.uid, desc.user_id);
  if (desc.group_id != from.gid)
    return fail(Errc::group_id_missing, "user {} of group {} may not submit for group {}", from.uid, from.gid,
                desc.group_id);
  return {};
}

/// The machine that submits, if it is known; it is waited for where a partition takes jobs from some machines only.
io::Task<std::string> host_of(Controller& c, std::string peer) {
  const std::string known = c.hosts.cached(peer);
  const auto state = c.replica.snapshot();
  const auto selective = [](const auto& each) { return !each->allow_alloc_nodes.empty(); };
  if (!known.empty() || std::ranges::none_of(state->partitions, selective)) co_return known;
  auto lookup = io::on_worker(c.loop, [&hosts = c.hosts, peer] { return hosts.look_up(peer); });
  co_return co_await lookup;
}

}  // namespace

Result<void> permits_expansion(const Controller& c, const state::ClusterState& state,
                               const std::vector<model::Dependency>& dependencies) {
  const bool permits = state.format >= state::format_of_resizing &&
                       conf::Config::has_option(c.config->sched_params, "permit_job_expansion");
  const auto expands = [](const model::Dependency& each) { return each.type == model::Dependency::Type::expand; };
  if (!permits && std::ranges::any_of(dependencies, expands)) return fail(Errc::not_supported, "jobs are not expanded");
  return {};
}

io::Task<Result<state::SubmitJob>> check_submission(Controller& c, Sender from, wire::JobDesc desc, Submission kind) {
  if (auto settled = settle_identity(c, from, desc); !settled) co_return std::unexpected(settled.error());
  if (!desc.alloc_node || desc.alloc_node->empty()) {
    auto asking = host_of(c, from.peer);
    desc.alloc_node = co_await asking;
  }
  const std::uint32_t job_uid = desc.user_id;
  Owner owner;
  const auto known = c.users.cached_by_uid(job_uid);
  const bool groups_matter_here = groups_matter(*c.replica.snapshot()) || c.config->mcs_plugin == "mcs/group";
  if (known && kind != Submission::will_run && !groups_matter_here) {
    owner.name = known->name;
  } else {
    auto lookup = io::on_worker(c.loop, [&users = c.users, job_uid] { return look_up_owner(users, job_uid); });
    owner = co_await lookup;
  }
  auto snapshot = c.replica.snapshot();
  auto checked = check(c, *snapshot, desc, owner, from.uid, kind);
  co_return checked;
}

/// From 23.11 on Slurm's server leaves room for words in every refusal.
Answer refusal(const Call& call, const Error& error) {
  log(Level::info, "job.refused",
      {{"uid", call.uid}, {"peer", call.peer}, {"error", errc_name(error.code)}, {"text", error.text}});
  const std::string words = explained(error) ? error.text : "";
  if (call.version >= wire::v23_11 || !words.empty())
    return answer(call, wire::MsgType::RESPONSE_SLURM_RC_MSG,
                  wire::ReturnCode2{static_cast<std::uint32_t>(public_code(error.code)), words});
  return error_answer(call, error);
}

}  // namespace flurm::ctld
