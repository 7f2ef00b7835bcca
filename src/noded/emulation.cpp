// noded/emulation.cpp — see emulation.hpp.
#include "noded/emulation.hpp"

#include <signal.h>

#include <algorithm>
#include <charconv>

#include "base/log.hpp"
#include "io/clock.hpp"
#include "io/timer.hpp"
#include "noded/node_context.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/daemon_control.hpp"
#include "wire/msg/job_complete.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg/prolog_launch.hpp"

namespace flurm::noded {
namespace {

using rpc::Reply;
using rpc::Request;
using wire::MsgType;

constexpr std::uint64_t kSleepMaxMs = 366ull * 24 * 3600 * 1000;

std::string_view next_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t end = std::min(line.find_first_of(" \t;", begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

/// "90", "1.5m"; 0 for what is no time.
std::uint64_t sleep_ms(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !(number > 0)) return 0;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  double factor = 1000;
  if (unit == "m")
    factor *= 60;
  else if (unit == "h")
    factor *= 3600;
  else if (unit == "d")
    factor *= 24 * 3600;
  else if (!unit.empty() && unit != "s")
    return 0;
  return static_cast<std::uint64_t>(std::min(number * factor, static_cast<double>(kSleepMaxMs)));
}

wire::StepId step_of(std::uint32_t job_id, std::uint32_t step_id) {
  wire::StepId step;
  step.job_id = JobId{job_id};
  step.step_id = step_id;
  return step;
}

}  // namespace

std::uint64_t script_sleep_ms(std::string_view script) {
  std::uint64_t total = 0;
  while (!script.empty()) {
    const std::size_t end = std::min(script.find('\n'), script.size());
    std::string_view line = script.substr(0, end);
    script.remove_prefix(std::min(end + 1, script.size()));
    std::string_view word = next_word(line);
    if (word == "srun" || word == "exec") word = next_word(line);
    if (word == "sleep" || word == "/bin/sleep" || word == "/usr/bin/sleep")
      total = std::min(total + sleep_ms(next_word(line)), kSleepMaxMs);
  }
  return total;
}

EmulatedNode::EmulatedNode(EmulationContext& shared, conf::NodeDef definition, NodeResources gres)
    : shared_(shared), definition_(std::move(definition)), gres_(std::move(gres)), started_at_(io::now()) {}

io::Task<void> EmulatedNode::ask(Outgoing message) {
  Pauses pauses;
  while (true) {
    auto asking = shared_.controller.ask(message);
    if (co_await asking) co_return;
    auto waiting = io::sleep(shared_.loop, pauses.next_ms());
    co_await waiting;
  }
}

// --- the node -----------------------------------------------------------------------------------------------------

wire::NodeRegistrationStatus EmulatedNode::registration(std::uint16_t protocol) const {
  wire::NodeRegistrationStatus m;
  m.timestamp = io::now();
  m.slurmd_start_time = started_at_;
  m.hostname = shared_.host_name;
  m.node_name = definition_.name;
  m.arch = shared_.arch;
  m.os = shared_.os;
  m.cpus = definition_.cpus;
  m.boards = definition_.boards;
  m.sockets = definition_.sockets;
  m.cores = definition_.cores_per_socket;
  m.threads = definition_.threads_per_core;
  m.real_memory = definition_.real_memory;
  m.free_mem = definition_.real_memory;
  m.tmp_disk = definition_.tmp_disk;
  m.up_time = static_cast<std::uint32_t>(io::now() - started_at_);
  m.hash_val = shared_.config_hash;
  m.flags = wire::slurmd_reg_flag_resp;
  m.gres_info = packed_report(gres_, definition_.cpus, protocol);
  m.version = shared_.version;
  for (const auto& [job_id, job] : jobs_)
    if (!job->over) m.step_id.push_back(step_of(job_id, kBatchStep));
  return m;
}

io::Task<void> EmulatedNode::register_node() {
  return ask({MsgType::MESSAGE_NODE_REGISTRATION_STATUS,
              [this](std::uint16_t version) { return codec::pack(registration(version), version); }});
}

io::Task<void> EmulatedNode::registering(EmulatedNode& self) {
  auto asking = self.register_node();
  co_await asking;
}

Reply EmulatedNode::ping(std::uint16_t version) const {
  wire::PingSlurmdResponse answer;
  answer.free_mem = definition_.real_memory;
  answer.node_name = definition_.name;
  Reply reply = Reply::of(MsgType::RESPONSE_PING_SLURMD, answer, version);
  reply.credential = true;
  return reply;
}

io::Task<Reply> EmulatedNode::handle(Request request) {
  const std::uint16_t version = request.version();
  if (request.identity.uid != 0 && request.identity.uid != shared_.slurm_user_id)
    co_return Reply::rc(Errc::user_id_missing, version);
  switch (request.type()) {
    case MsgType::REQUEST_NODE_REGISTRATION_STATUS:
      io::spawn(registering(*this));
      co_return ping(version);
    case MsgType::REQUEST_PING:
      co_return ping(version);
    case MsgType::REQUEST_HEALTH_CHECK:
      co_return Reply::rc(Errc::success, version);
    case MsgType::REQUEST_ACCT_GATHER_UPDATE: {
      wire::AcctGatherNodeResponse answer;
      answer.node_name = definition_.name;
      answer.energy.emplace_back();
      Reply reply = Reply::of(MsgType::RESPONSE_ACCT_GATHER_UPDATE, answer, version);
      reply.credential = true;
      co_return reply;
    }
    case MsgType::REQUEST_RECONFIGURE:
    case MsgType::REQUEST_RECONFIGURE_WITH_CONFIG:
      io::spawn(registering(*this));
      co_return Reply::none();
    case MsgType::REQUEST_REBOOT_NODES:
      started_at_ = io::now();
      io::spawn(registering(*this));
      co_return Reply::none();
    case MsgType::REQUEST_SHUTDOWN:
      shared_.shut_down();
      co_return Reply::none();
    case MsgType::REQUEST_LAUNCH_PROLOG:
      if (request.is<wire::PrologLaunch>())
        io::spawn(prolog_done(*this, request.as<wire::PrologLaunch>().cred.step_id.job_id.v));
      co_return Reply::rc(Errc::success, version);
    case MsgType::REQUEST_BATCH_JOB_LAUNCH:
      co_return Reply::rc(launch(request), version);
    case MsgType::REQUEST_TERMINATE_JOB:
    case MsgType::REQUEST_KILL_TIMELIMIT:
    case MsgType::REQUEST_KILL_PREEMPTED:
    case MsgType::REQUEST_ABORT_JOB:
      co_return Reply::rc(end(request), version);
    case MsgType::REQUEST_SIGNAL_TASKS:
      co_return Reply::rc(signal(request), version);
    case MsgType::REQUEST_SUSPEND_INT:
      co_return Reply::rc(suspend(request), version);
    default:
      log(Level::debug, "emulation.not_supported", {{"type", rpc::type_text(request.type())}});
      co_return Reply::rc(Errc::not_supported, version);
  }
}

// --- its jobs -----------------------------------------------------------------------------------------------------

Errc EmulatedNode::launch(const Request& request) {
  if (!request.is<wire::BatchJobLaunch>()) return Errc::einval;
  const auto& order = request.as<wire::BatchJobLaunch>();
  const std::uint32_t job_id = order.job_id.v != 0 ? order.job_id.v : order.cred.step_id.job_id.v;
  JobPtr& job = jobs_[job_id];
  if (job && job->restart_count == order.restart_cnt) {
    // Whoever orders it again has not heard of its end.
    if (job->over && !std::exchange(job->reporting, true)) io::spawn(report(*this, job_id, job));
    return Errc::success;
  }
  if (job) {
    job->dropped = true;
    job->changed.notify();
  }
  job = std::make_shared<EmulatedJob>(shared_.loop);
  job->user_id = order.user_name.empty() ? order.cred.id.uid : order.uid;
  job->restart_count = order.restart_cnt;
  job->left_ms = script_sleep_ms(order.script);
  io::spawn(run(*this, job_id, job));
  return Errc::success;
}

io::Task<void> EmulatedNode::run(EmulatedNode& self, std::uint32_t job_id, JobPtr job) {
  while (job->left_ms > 0 && !job->signalled && !job->dropped) {
    const std::uint64_t since = io::monotonic_ms();
    auto waiting = job->changed.changed(job->suspended ? io::Deadline::never() : io::Deadline::in_ms(job->left_ms));
    const bool suspended = job->suspended;
    (void)co_await waiting;
    if (!suspended) job->left_ms -= std::min(job->left_ms, io::monotonic_ms() - since);
  }
  if (job->dropped) co_return;
  job->reporting = true;
  auto reporting = report(self, job_id, std::move(job));
  co_await reporting;
}

io::Task<void> EmulatedNode::report(EmulatedNode& self, std::uint32_t job_id, JobPtr job) {
  wire::CompleteBatchScript report;
  report.step_id = step_of(job_id, kBatchStep);
  report.user_id = job->user_id;
  report.node_name = self.definition_.name;
  report.job_rc = job->wait_status;
  auto asking = self.ask(Outgoing::of(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT, std::move(report)));
  co_await asking;
  job->reporting = false;
  job->over = true;
  if (!job->dropped) co_return;
  // The order to end it came meanwhile; it is done only now.
  wire::EpilogComplete done;
  done.step_id = step_of(job_id, kNoVal32);
  done.node_name = self.definition_.name;
  auto telling = self.shared_.controller.tell(Outgoing::of(MsgType::MESSAGE_EPILOG_COMPLETE, std::move(done)));
  (void)co_await telling;
}

Errc EmulatedNode::end(const Request& request) {
  if (!request.is<wire::KillJob>()) return Errc::einval;
  const wire::StepId& step = request.as<wire::KillJob>().step_id;
  const bool whole_job = request.type() == MsgType::REQUEST_TERMINATE_JOB || step.step_id == kNoVal32;
  const auto it = jobs_.find(step.job_id.v);
  if (!whole_job) return Errc::success;
  if (it == jobs_.end()) return Errc::kill_job_already_complete;
  const JobPtr job = std::move(it->second);
  jobs_.erase(it);
  job->dropped = true;
  job->changed.notify();
  if (request.type() == MsgType::REQUEST_ABORT_JOB || job->reporting) return Errc::success;
  return Errc::kill_job_already_complete;
}

Errc EmulatedNode::signal(const Request& request) {
  if (!request.is<wire::CancelTasks>()) return Errc::einval;
  const auto& order = request.as<wire::CancelTasks>();
  const auto it = jobs_.find(order.step_id.job_id.v);
  if (it == jobs_.end()) return Errc::invalid_job_id;
  constexpr int kIgnored[] = {0, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGURG, SIGWINCH};
  if (order.signal >= NSIG || std::ranges::find(kIgnored, order.signal) != std::end(kIgnored)) return Errc::success;
  it->second->signalled = true;
  it->second->wait_status = order.signal;
  it->second->changed.notify();
  return Errc::success;
}

Errc EmulatedNode::suspend(const Request& request) {
  if (!request.is<wire::SuspendInt>()) return Errc::einval;
  const auto& order = request.as<wire::SuspendInt>();
  const auto it = jobs_.find(order.step_id.job_id.v);
  if (it == jobs_.end()) return Errc::invalid_job_id;
  constexpr std::uint16_t kSuspend = 0;
  it->second->suspended = order.op == kSuspend;
  it->second->changed.notify();
  return Errc::success;
}

io::Task<void> EmulatedNode::prolog_done(EmulatedNode& self, std::uint32_t job_id) {
  wire::CompleteProlog report;
  report.step_id = step_of(job_id, kNoVal32);
  report.node_name = self.definition_.name;
  auto asking = self.ask(Outgoing::of(MsgType::REQUEST_COMPLETE_PROLOG, std::move(report)));
  co_await asking;
}

}  // namespace flurm::noded
