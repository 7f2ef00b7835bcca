// ctld/handlers/node_rpc.cpp — what nodes report: themselves, ended batch scripts, finished epilogs.
// Only the nodes' daemons (root, SlurmUser) and, for a node that runs as an ordinary user, SlurmUser may do so.
// What could not be recorded is not answered: to a node any answer says that it need not report again.
#include <algorithm>
#include <set>

#include "codec/unpack.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/reported_run.hpp"
#include "ctld/translate/step.hpp"
#include "ctld/translate/usage.hpp"
#include "wire/msg/gres.hpp"
#include "wire/msg/job_complete.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg/node_registration.hpp"

namespace flurm::ctld {
namespace {

/// The TRES that every cluster counts; positions matter to the nodes (slurm 22.05 src/common/assoc_mgr.h TRES_ARRAY_*).
std::vector<wire::TresRec> counted_tres() {
  struct Tres {
    const char *type, *name;
  };
  constexpr Tres kAll[] = {{"cpu", ""},     {"mem", ""},    {"energy", ""}, {"node", ""},
                           {"billing", ""}, {"fs", "disk"}, {"vmem", ""},   {"pages", ""}};
  std::vector<wire::TresRec> out;
  for (const Tres& tres : kAll) {
    wire::TresRec record;
    record.id = static_cast<std::uint32_t>(out.size() + 1);
    record.type = tres.type;
    record.name = tres.name;
    out.push_back(std::move(record));
  }
  return out;
}

/// What the node has of generic resources. Records that cannot be read are as good as none: the node will lack
/// something.
std::vector<model::GresRecord> reported_gres(const wire::NodeRegistrationStatus& status, std::uint16_t version) {
  if (status.gres_info.empty()) return {};
  auto report = codec::unpack<wire::GresNodeReport>(status.gres_info, version);
  if (!report) {
    log(Level::error, "node.gres_unreadable", {{"node", status.node_name}, {"error", report.error().text}});
    return {};
  }
  std::vector<model::GresRecord> out;
  for (wire::GresNodeRecord& record : report->records)
    if (record.count != 0)
      out.push_back({.name = std::move(record.name),
                     .type = std::move(record.type_name),
                     .count = record.count,
                     .flags = record.config_flags,
                     .cores = std::move(record.cpus),
                     .links = std::move(record.links)});
  return out;
}

/// Does the job belong on the node, be it to run or to be ended there? What a node brings back from a time of silence
/// may run elsewhere by now, or be forgotten.
bool belongs(const state::ClusterState& state, JobId id, model::NodeId node) {
  const model::Job* job = state.job(id);
  if (!job || job->state.pending() || job->state.finished() || !job->allocation) return false;
  const auto& shares = job->allocation->shares;
  return std::any_of(shares.begin(), shares.end(), [&](const auto& share) { return share.node == node; });
}

}  // namespace

io::Task<Answer> register_node(Controller& c, Call call) {
  const auto* status = call.as<wire::NodeRegistrationStatus>();
  if (!status) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_slurm_user(call.uid)) {
    log(Level::warn, "node.register_refused", {{"node", status->node_name}, {"uid", call.uid}, {"peer", call.peer}});
    co_return rc_answer(call, Errc::access_denied);
  }
  auto snapshot = c.replica.snapshot();
  constexpr std::uint8_t kComesByItself = 2;  // slurm 22.05 src/common/slurm_protocol_defs.h DYN_NODE_NORM
  if (!snapshot->node(status->node_name) && status->dynamic_type == kComesByItself) {
    auto adding = add_registering_node(c, *status, call.peer);
    const Errc added = co_await adding;
    if (added != Errc::success) co_return rc_answer(call, public_code(added));
  } else if (!snapshot->node(status->node_name)) {
    log(Level::warn, "node.unknown", {{"node", status->node_name}, {"peer", call.peer}});
    co_return rc_answer(call, Errc::invalid_node_name);
  }
  state::RegisterNode command;
  command.name = status->node_name;
  command.protocol_version = call.version;
  command.version = status->version;
  command.arch = status->arch;
  command.os = status->os;
  command.features_active = status->features_active;
  command.cpus = status->cpus;
  command.boards = status->boards;
  command.sockets = status->sockets;
  command.cores = status->cores;
  command.threads = status->threads;
  command.real_memory = status->real_memory;
  command.tmp_disk = status->tmp_disk;
  command.cpu_load = status->cpu_load;
  command.free_memory = status->free_mem;
  command.boot_time = status->timestamp - status->up_time;
  command.daemon_start_time = status->slurmd_start_time;
  command.running_steps.emplace();
  for (const wire::StepId& step : status->step_id) {
    command.running_jobs.push_back(step.job_id);
    command.running_steps->push_back({.job = step.job_id, .slot = slot_of(step)});
  }
  command.config_overrides = c.config->config_overrides();
  command.gres = reported_gres(*status, call.version);
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return Answer::none();
  log(Level::verbose, "node.registered",
      {{"node", status->node_name}, {"version", status->version}, {"peer", call.peer}});
  c.node_registered(status->node_name);
  snapshot = c.replica.snapshot();
  if (const model::Node* node = snapshot->node(status->node_name)) {
    std::set<JobId> strays;
    for (const wire::StepId& step : status->step_id)
      if (!belongs(*snapshot, step.job_id, node->id)) strays.insert(step.job_id);
    for (JobId job : strays) {
      log(Level::error, "job.stray", {{"job_id", job.v}, {"node", status->node_name}});
      c.abort_stray(node->id, job);
    }
  }
  c.schedule_soon();
  if (!(status->flags & wire::slurmd_reg_flag_resp)) co_return rc_answer(call, Errc::success);
  wire::NodeRegistrationResponse response;
  response.tres_list = counted_tres();
  co_return answer(call, wire::MsgType::RESPONSE_NODE_REGISTRATION, response);
}

io::Task<Answer> batch_complete(Controller& c, Call call) {
  const auto* report = call.as<wire::CompleteBatchScript>();
  if (!report) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_slurm_user(call.uid)) co_return rc_answer(call, Errc::access_denied);
  state::EndBatch command;
  command.job = report->step_id.job_id;
  const auto snapshot = c.replica.snapshot();
  if (const model::Job* job = snapshot->job(command.job)) {
    const ReportedRun run = reported_run(*job, c.launch_taken(*job));
    if (run.fate != ReportedRun::Fate::take)
      log(Level::info, "job.report_of_an_earlier_run", {{"job_id", job->id.v}, {"node", report->node_name}});
    if (run.fate == ReportedRun::Fate::unclear) co_return Answer::none();
    if (run.fate == ReportedRun::Fate::too_late) co_return rc_answer(call, Errc::already_done);
    command.restart_count = run.restart_count;
  }
  command.node = report->node_name;
  command.wait_status = report->job_rc;
  command.slurm_rc = static_cast<Errc>(report->slurm_rc);
  if (snapshot->settings.accounting) command.usage = step_usage(report->jobacct);
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return Answer::none();
  log(Level::info, "job.batch_complete",
      {{"job_id", report->step_id.job_id.v},
       {"node", report->node_name},
       {"wait_status", report->job_rc},
       {"slurm_rc", report->slurm_rc},
       {"rc", errc_name(reply->code)}});
  if (reply->code == Errc::success) ++(report->job_rc == 0 ? c.statistics.jobs_completed : c.statistics.jobs_failed);
  c.schedule_soon();
  co_return rc_answer(call, public_code(reply->code));
}

/// Steps wait for the prolog on the nodes; one that fails is reported as a launch that failed.
Answer prolog_complete(Controller&, const Call& call) { return rc_answer(call, Errc::success); }

io::Task<Answer> epilog_complete(Controller& c, Call call) {
  const auto* report = call.as<wire::EpilogComplete>();
  if (!report) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_slurm_user(call.uid)) co_return rc_answer(call, Errc::access_denied);
  auto snapshot = c.replica.snapshot();
  const model::Node* node = snapshot->node(report->node_name);
  if (!node) co_return rc_answer(call, Errc::invalid_node_name);
  if (report->return_code != 0)
    log(Level::error, "node.epilog_failed",
        {{"node", report->node_name}, {"job_id", report->step_id.job_id.v}, {"rc", report->return_code}});
  auto proposal = c.replica.propose(
      state::NodeCleaned{.job = report->step_id.job_id, .node = node->id, .epilog_rc = report->return_code});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return Answer::none();
  c.schedule_soon();
  co_return rc_answer(call, Errc::success);
}

}  // namespace flurm::ctld
