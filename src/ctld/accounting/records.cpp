// ctld/accounting/records.cpp — see records.hpp.
#include "ctld/accounting/records.hpp"

#include <algorithm>
#include <set>

#include "acct/tres.hpp"
#include "base/bitmap.hpp"
#include "codec/pack.hpp"
#include "ctld/translate/launch.hpp"
#include "ctld/translate/step.hpp"
#include "ctld/translate/usage.hpp"
#include "fmt/format.h"
#include "wire/k12.hpp"

namespace flurm::ctld {
namespace {

using model::Job;
using state::Report;

constexpr std::uint32_t kRequeued = 0x400, kRunning = 1;                           // JOB_REQUEUE, JOB_RUNNING
constexpr std::uint16_t kDown = 1, kUp = 2;                                        // DBD_NODE_STATE_*
constexpr std::uint64_t kWantsEnvironment = 1ull << 6, kWantsScript = 1ull << 35;  // JOB_SEND_ENV, JOB_SEND_SCRIPT
constexpr int kHashType = 2;                                                       // HASH_PLUGIN_K12

/// "2:0a3f…", or nothing of nothing.
std::string hash_text(std::string_view bytes) {
  if (bytes.empty()) return {};
  std::string out = fmt::format("{}:", kHashType);
  for (std::uint8_t byte : wire::k12(bytes, "")) out += fmt::format("{:02x}", byte);
  return out;
}

std::string environment_text(const model::JobPayload& payload) {
  std::string out;
  for (const std::string& each : payload.environment) out += each + "\n";
  return out;
}

std::uint64_t unless(std::uint64_t value, std::uint64_t none) { return value == none ? 0 : value; }

/// "0,3-5": positions among the cluster's nodes.
std::string positions(const HostSet& all, std::string_view hostlist) {
  const auto named = HostSet::parse(hostlist);
  if (!named || all.names().empty()) return {};
  Bitmap at(all.names().size());
  for (const std::string& name : named->names())
    if (const auto position = all.index(name)) at.set(*position);
  return at.list();
}

std::uint32_t reservation_id(const state::ClusterState& state, const Job& job) {
  const model::Reservation* reservation =
      state.reservation(job.reservation.empty() ? job.request->reservation : job.reservation);
  return reservation ? reservation->id : 0;
}

/// The account that it runs under, which may be its user's usual one.
std::string account_of(const state::ClusterState& state, const Job& job) {
  if (!job.request->account.empty()) return job.request->account;
  const acct::Assoc* assoc = state.books->assocs().find(job.assoc);
  return assoc ? assoc->account : "";
}

std::uint32_t killer(std::uint32_t uid) { return uid == kNoVal32 ? kInfinite32 : uid; }

/// A job that changed its size goes on in a record that begins then.
TimeS began(const Job& job) { return std::max(job.start_time, job.resize_time); }

std::size_t node_count(const Job& job) { return job.allocation ? job.allocation->shares.size() : 0; }

/// Of energy nobody knows anything until a step other than the batch step has ended: sacct then sums up what they used.
std::string job_tres(const Job& job, const RecordContext& c, bool steps_ended) {
  TresAmounts amounts = allocated_amounts(job, c.state.settings);
  if (!amounts.empty()) add_licenses(amounts, job, *c.state.books);
  if (!amounts.empty() && !steps_ended) amounts.push_back({"energy", kNoVal64});
  return c.tres.text(amounts);
}
std::string job_tres(const Job& job, const RecordContext& c) {
  return job_tres(job, c, job.next_step != 0 || job.extern_usage);
}

/// What the run of a job that a report says to have ended came to. Losing a node is worse than starting over.
std::uint32_t end_state(const Job& job) {
  if (job.state.has(model::job_flag::resizing)) return model::job_flag::resizing;
  if (!job.state.has(model::job_flag::requeue)) return static_cast<std::uint32_t>(job.state.base);
  if (lost_a_node(job)) return static_cast<std::uint32_t>(model::JobBase::node_fail);
  return job.preempt_time ? static_cast<std::uint32_t>(model::JobBase::preempted) : kRequeued;
}

/// How its tasks were spread: where srun did not say, block by block.
std::uint32_t distribution(const model::Step& step) {
  namespace dist = model::task_dist;
  const std::uint32_t asked = step.request->task_dist;
  return (asked & dist::base_mask) == dist::unknown ? (asked & ~dist::base_mask) | dist::block : asked;
}

/// Batch, extern and interactive steps: nobody laid out their tasks.
std::string own_step_tres(const Job& job, const model::Step& step, const RecordContext& c) {
  if (step.slot == kExternStep || !job.allocation) return job_tres(job, c);
  return c.tres.text(allocated_amounts(job.allocation->shares.front(), c.state.settings));
}

bool laid_out(const model::Step& step) { return step.placement && step.placement->num_tasks != 0; }

std::uint32_t task_count(const Job& job, const model::Step& step) {
  if (step.slot == kBatchStep) return 1;
  if (step.slot == kExternStep) return static_cast<std::uint32_t>(node_count(job));
  return laid_out(step) ? step.placement->num_tasks : 1;
}

/// slurm 22.05 slurm/slurmdb.h SLURMDB_JOB_FLAG_SUBMIT, SCHED, BACKFILL
std::uint32_t scheduler_flag(model::StartedBy by) {
  switch (by) {
    case model::StartedBy::submission:
      return 2;
    case model::StartedBy::backfill:
      return 8;
    case model::StartedBy::unknown:
    case model::StartedBy::main:
      break;
  }
  return 4;
}

}  // namespace

TresIds::TresIds()
    : ids_{{"cpu", 1},     {"mem", 2},     {"energy", 3}, {"node", 4},
           {"billing", 5}, {"fs/disk", 6}, {"vmem", 7},   {"pages", 8}} {}

void TresIds::add(const wire::TresRec& tres) {
  ids_[tres.name.empty() ? tres.type : tres.type + "/" + tres.name] = tres.id;
}

std::map<std::uint32_t, std::uint64_t> TresIds::by_id(const TresAmounts& amounts) const {
  std::map<std::uint32_t, std::uint64_t> out;
  for (const auto& [name, count] : amounts)
    if (const auto id = ids_.find(name); id != ids_.end() && count != 0) out[id->second] = count;
  return out;
}

std::string TresIds::text(const TresAmounts& amounts) const { return acct::format_tres(by_id(amounts)); }

std::string TresIds::text_of_all(const TresAmounts& amounts) const {
  auto counts = by_id(amounts);
  for (const auto& [name, id] : ids_) counts.try_emplace(id, 0);
  return acct::format_tres(counts);
}

wire::DbdJobStart job_start_record(const Report& report, const RecordContext& c) {
  const Job& job = *report.job;
  const model::JobRequest& r = *job.request;
  const model::Settings& settings = c.state.settings;
  wire::DbdJobStart m;
  m.account = account_of(c.state, job);
  m.alloc_nodes = static_cast<std::uint32_t>(node_count(job));
  m.assoc_id = job.assoc;
  if (job.array) {
    m.array_job_id = job.array->array_job.v;
    m.array_task_id = job.array->task;
    if (job.array->task == kNoVal32) {
      m.array_task_str = job.array->pending.hex_mask();
      m.array_max_tasks = job.array->max_running;
      m.array_task_pending = job.array->pending.count();
    }
  }
  m.constraints = r.features;
  m.container = r.container;
  m.db_index = c.db_index;
  const bool waits = job.state.base == model::JobBase::pending;
  m.db_flags = waits ? 0 : scheduler_flag(job.started_by);
  m.eligible_time = job.reason == model::JobReason::array_task_limit ? TimeS{kInfinite32}
                    : job.resize_time                                ? job.resize_time
                                                                     : job.eligible_time;
  m.gid = r.group_id;
  m.job_id = job.id.v;
  m.job_state = static_cast<std::uint32_t>(job.state.base);
  m.state_reason_prev = static_cast<std::uint32_t>(job.waited_for);
  m.licenses = r.licenses;
  m.mcs_label = r.mcs_label;
  m.name = r.name;
  if (job.allocation) m.nodes = job.allocation->nodes;
  m.node_inx = positions(c.nodes, m.nodes);
  m.het_job_id = job.het ? job.het->leader().v : 0;
  m.het_job_offset = job.het ? job.het->offset : kNoVal32;
  m.partition = job.partition;
  m.priority = job.priority;
  m.qos_id = job.qos;
  m.qos_req = r.qos;
  m.req_cpus = static_cast<std::uint32_t>(unless(r.min_cpus, kNoVal32));
  m.req_mem = unless(r.pn_min_memory, kNoVal64);
  m.restart_cnt = static_cast<std::uint16_t>(job.restart_count);
  m.resv_id = reservation_id(c.state, job);
  m.resv_req = r.reservation;
  m.segment_size = r.segment_size;
  if (!waits) m.start_time = began(job);  // of one that waits it is a guess
  m.std_err = r.std_err;
  m.std_in = r.std_in;
  m.std_out = r.std_out;
  m.submit_line = r.submit_line;
  m.submit_time = job.recorded_since();
  m.timelimit = job.time_limit;
  m.tres_alloc_str = job_tres(job, c);
  TresAmounts requested = requested_amounts(job, settings);
  add_licenses(requested, job, *c.state.books);
  m.tres_req_str = c.tres.text(requested);
  m.uid = r.user_id;
  m.wckey = r.wckey;
  m.work_dir = r.work_dir;
  if (report.payload && c.db_index == 0) {
    if (settings.store_script) m.script_hash = hash_text(report.payload->script);
    if (settings.store_environment) m.env_hash = hash_text(environment_text(*report.payload));
  }
  return m;
}

wire::DbdJobComplete job_end_record(const Report& report, const RecordContext& c) {
  const Job& job = *report.job;
  wire::DbdJobComplete m;
  m.admin_comment = job.request->admin_comment;
  m.assoc_id = job.assoc;
  if (c.store_comment) m.comment = job.request->comment;
  m.db_index = c.db_index;
  m.derived_ec = job.derived_exit_code;
  m.end_time = std::max(job.end_time, job.resize_time);
  m.exit_code = job.exit_code;
  m.extra = job.request->extra;
  m.failed_node = job.failed_node;
  m.job_id = job.id.v;
  m.job_state = end_state(job);
  if (job.allocation) m.nodes = job.allocation->nodes;
  m.req_uid = killer(job.cancelled_by);
  m.start_time = began(job);
  m.submit_time = job.recorded_since();
  m.system_comment = job.request->system_comment;
  m.tres_alloc_str = job_tres(job, c);
  return m;
}

wire::DbdJobSuspend job_suspend_record(const Report& report, const RecordContext& c) {
  const Job& job = *report.job;
  wire::DbdJobSuspend m;
  m.assoc_id = job.assoc;
  m.db_index = c.db_index;
  m.job_id = job.id.v;
  m.job_state = static_cast<std::uint32_t>(job.state.base);
  m.submit_time = job.recorded_since();
  m.suspend_time = report.time;
  return m;
}

wire::DbdStepStart step_start_record(const Report& report, const RecordContext& c) {
  const Job& job = *report.job;
  const model::Step& step = *report.step;
  const model::StepRequest& r = *step.request;
  wire::DbdStepStart m;
  m.assoc_id = job.assoc;
  m.db_index = c.db_index;
  m.container = step.slot == kBatchStep ? job.request->container : r.container;
  m.name = step.slot == kBatchStep ? "batch" : step.slot == kExternStep ? "extern" : r.name;
  m.nodes = step.nodes;
  m.node_inx = positions(c.nodes, step.nodes);
  m.node_cnt = step.slot == kBatchStep    ? 1
               : step.slot == kExternStep ? static_cast<std::uint32_t>(node_count(job))
                                          : static_cast<std::uint32_t>(step.placement->shares.size());
  m.start_time = std::max(step.start_time, job.resize_time);
  m.job_submit_time = job.recorded_since();
  m.req_cpufreq_min = step.placement ? r.cpu_freq_min : 0;
  m.req_cpufreq_max = step.placement ? r.cpu_freq_max : 0;
  m.req_cpufreq_gov = step.placement ? r.cpu_freq_gov : 0;
  m.step_id = step_id(job.id, step.slot);
  m.state = kRunning;
  m.submit_line = r.submit_line;
  m.task_dist = laid_out(step) ? distribution(step) : 0;
  m.time_limit = step.time_limit;
  m.total_tasks = task_count(job, step);
  const bool own = !step.placement || step.slot == kInteractiveStep;
  m.tres_alloc_str = own ? own_step_tres(job, step, c) : c.tres.text(allocated_amounts(step, c.state.settings));
  return m;
}

wire::DbdStepComplete step_end_record(const Report& report, const RecordContext& c) {
  const Job& job = *report.job;
  const model::Step& step = *report.step;
  wire::DbdStepComplete m;
  m.assoc_id = job.assoc;
  m.db_index = c.db_index;
  m.end_time = report.time;
  m.exit_code = step.exit_code;
  if (step.usage) m.jobacct = accounting_info(*step.usage);
  m.job_submit_time = job.recorded_since();
  m.req_uid = killer(step.killed_by);
  if (step.slot == kExternStep) m.job_tres_alloc_str = job_tres(job, c, true);
  m.start_time = std::max(step.start_time, job.resize_time);
  // What else became of it the exit code tells.
  m.state =
      step.state == model::Step::State::timed_out ? static_cast<std::uint16_t>(model::JobBase::timeout) : kRunning;
  m.step_id = step_id(job.id, step.slot);
  m.total_tasks = task_count(job, step);
  if (m.jobacct && m.total_tasks != 0) m.jobacct->act_cpufreq /= m.total_tasks;  // until here the sum of the tasks'
  return m;
}

wire::DbdNodeState node_record(const Report& report, const RecordContext& c) {
  const model::Node& node = *report.node;
  wire::DbdNodeState m;
  m.hostlist = node.config.name;
  m.event_time = report.time;
  m.new_state = kUp;
  if (report.kind == Report::Kind::node_up) return m;
  m.new_state = kDown;
  m.reason = node.reason;
  m.reason_uid = node.reason_uid == kNoVal32 ? c.state.settings.slurm_user : node.reason_uid;
  m.state = node.state_number();
  m.tres_str = c.tres.text(configured_amounts(node, c.state.settings));
  return m;
}

namespace {

/// The associations of a reservation's users and accounts.
std::string assoc_list(const state::ClusterState& state, const model::Reservation& r) {
  const auto names = [](std::string_view list) {
    std::set<std::string, std::less<>> out;
    for (std::string_view each : model::reservation_names(list)) out.emplace(each);
    return out;
  };
  const auto users = names(r.users), accounts = names(r.accounts);
  std::string out;
  for (const auto& [id, assoc] : state.books->assocs().rows()) {
    const bool meant = assoc->user.empty()
                           ? accounts.contains(assoc->account) && users.empty()
                           : users.contains(assoc->user) && (accounts.empty() || accounts.contains(assoc->account));
    if (meant) out += fmt::format("{}{}", out.empty() ? "" : ",", id);
  }
  return out;
}

}  // namespace

wire::ReservationRec reservation_record(const Report& report, const RecordContext& c) {
  const model::Reservation& r = *report.reservation;
  wire::ReservationRec m;
  m.cluster = c.state.settings.cluster_name;
  m.id = r.id;
  m.name = r.name;
  m.time_start = r.start;
  m.time_start_prev = report.start_before;
  m.time_end = r.end;
  std::vector<std::string> names;
  std::uint64_t cpus = 0;
  for (const model::ReservedNode& reserved : r.nodes) {
    const model::Node* node = c.state.node(reserved.node);
    if (!node) continue;
    names.push_back(node->config.name);
    std::uint64_t cores = 0;
    for (std::uint64_t mask : reserved.cores) cores += static_cast<std::uint64_t>(__builtin_popcountll(mask));
    cpus += r.whole_nodes || reserved.cores.empty() ? node->config.cpus : cores;
  }
  m.tres_str = c.tres.text({{"cpu", cpus}});
  if (report.kind == Report::Kind::reservation_gone) {
    m.time_end = m.time_start_prev = report.time;
    return m;
  }
  m.assocs = assoc_list(c.state, r);
  m.comment = r.comment;
  m.flags = r.flags;
  m.nodes = compress_hosts_sorted(names);
  m.node_inx = positions(c.nodes, m.nodes);
  return m;
}

wire::DbdJobHeavy job_heavy_record(const model::JobPayload& payload, std::uint64_t wanted) {
  wire::DbdJobHeavy m;
  if (wanted & kWantsEnvironment) {
    m.env = environment_text(payload);
    m.env_hash = hash_text(m.env);
  }
  if (wanted & kWantsScript) {
    m.script = payload.script;
    m.script_hash = hash_text(m.script);
  }
  return m;
}

HostSet cluster_nodes(const state::ClusterState& state) {
  std::vector<std::string> names;
  state.nodes.for_each([&](std::uint64_t, const auto& node) {
    if (!node->removed) names.push_back(node->config.name);
    return true;
  });
  return HostSet(std::move(names));
}

wire::DbdClusterTres cluster_record(const state::ClusterState& state, const TresIds& tres, const HostSet& nodes) {
  std::map<std::string, std::uint64_t> sums;
  state.nodes.for_each([&](std::uint64_t, const auto& node) {
    if (node->removed) return true;
    for (const auto& [name, count] : configured_amounts(*node, state.settings)) sums[name] += count;
    ++sums["node"];
    return true;
  });
  wire::DbdClusterTres m;
  m.cluster_nodes = nodes.str();
  m.tres_str = tres.text_of_all({sums.begin(), sums.end()});
  return m;
}

}  // namespace flurm::ctld
