// noded/node_service.cpp — see node_service.hpp.
#include "noded/node_service.hpp"

#include <unistd.h>

#include <cstdio>

#include "base/log.hpp"
#include "noded/scripts.hpp"
#include "noded/step_accounting.hpp"
#include "rpc/forward.hpp"
#include "wire/msg/daemon_control.hpp"
#include "wire/msg/step_layout.hpp"
#include "wire/versions.hpp"

namespace flurm::noded {
namespace {

using rpc::Reply;
using rpc::Request;
using wire::MsgType;

constexpr std::uint64_t kHealthCheckMs = 60'000, kRebootMs = 300'000;

Reply with_credential(Reply reply) {
  reply.credential = true;  // slurmd's answers that carry data have one, in every release
  return reply;
}

}  // namespace

NodeService::NodeService(NodeContext& node, std::string version, NodeActions actions)
    : node_(node),
      version_(version),
      actions_(std::move(actions)),
      reporter_(node),
      ender_(node, reporter_),
      files_(node),
      launcher_(node, reporter_, ender_, files_),
      registration_(node, std::move(version)),
      started_changed_(node.loop) {
  launcher_.on_node_trouble([this](Errc rc) { registration_.register_node(rc); });
}

io::Task<void> NodeService::start() {
  auto finding = launcher_.find_running();
  co_await finding;
  started_ = true;
  started_changed_.notify();
  registration_.register_node();
}

io::Task<void> NodeService::until_started() {
  while (!started_) {
    auto waiting = started_changed_.changed();
    (void)co_await waiting;
  }
}

const std::map<MsgType, NodeService::Route>& NodeService::routes() {
  static const std::map<MsgType, Route> kRoutes = {
      {MsgType::REQUEST_NODE_REGISTRATION_STATUS, {&NodeService::registration_wanted, true}},
      {MsgType::REQUEST_PING, {&NodeService::ping, true}},
      {MsgType::REQUEST_RECONFIGURE, {&NodeService::reconfigure, true, true}},
      {MsgType::REQUEST_RECONFIGURE_WITH_CONFIG, {&NodeService::reconfigure, true, true}},
      {MsgType::REQUEST_SHUTDOWN, {&NodeService::shut_down, true, true}},
      {MsgType::REQUEST_HEALTH_CHECK, {&NodeService::health_check, true}},
      {MsgType::REQUEST_REBOOT_NODES, {&NodeService::reboot, true, true}},
      {MsgType::REQUEST_ACCT_GATHER_UPDATE, {&NodeService::gather_update, true}},
      {MsgType::REQUEST_BATCH_JOB_LAUNCH, {&NodeService::launch_batch, true}},
      {MsgType::REQUEST_LAUNCH_PROLOG, {&NodeService::launch_prolog, true}},
      {MsgType::REQUEST_LAUNCH_TASKS, {&NodeService::launch_tasks, false}},
      {MsgType::REQUEST_REATTACH_TASKS, {&NodeService::reattach_tasks, false}},
      {MsgType::REQUEST_FILE_BCAST, {&NodeService::file_block, false}},
      {MsgType::REQUEST_FORWARD_DATA, {&NodeService::forward_data, false}},
      {MsgType::REQUEST_STEP_COMPLETE, {&NodeService::step_complete, true}},
      {MsgType::REQUEST_JOB_STEP_STAT, {&NodeService::step_stat, false}},
      {MsgType::REQUEST_TERMINATE_JOB, {&NodeService::end_job, true}},
      {MsgType::REQUEST_KILL_TIMELIMIT, {&NodeService::end_job, true}},
      {MsgType::REQUEST_KILL_PREEMPTED, {&NodeService::end_job, true}},
      {MsgType::REQUEST_ABORT_JOB, {&NodeService::end_job, true}},
      {MsgType::REQUEST_SIGNAL_TASKS, {&NodeService::signal_tasks, false}},
      {MsgType::REQUEST_TERMINATE_TASKS, {&NodeService::terminate_tasks, false}},
      {MsgType::REQUEST_SUSPEND_INT, {&NodeService::suspend, true}},
      {MsgType::REQUEST_JOB_NOTIFY, {&NodeService::notify, false}},
      {MsgType::REQUEST_DAEMON_STATUS, {&NodeService::daemon_status, false}},
      {MsgType::REQUEST_JOB_STEP_PIDS, {&NodeService::step_pids, false}},
  };
  return kRoutes;
}

io::Task<Reply> NodeService::handle(Request request) {
  const std::uint16_t version = request.version();
  const auto route = routes().find(request.type());
  if (route == routes().end()) {
    log(Level::info, "noded.unknown_request", {{"type", rpc::type_text(request.type())}, {"peer", request.peer}});
    co_return Reply::rc(Errc::einval, version);
  }
  if (route->second.commands) {
    if (!node_.may_command(request.identity.uid)) {
      log(Level::error, "noded.not_allowed",
          {{"type", rpc::type_text(request.type())}, {"uid", request.identity.uid}, {"peer", request.peer}});
      co_return route->second.silent ? Reply::none() : Reply::rc(Errc::user_id_missing, version);
    }
    controller_heard_at_ = io::now();
  }
  auto starting = until_started();
  co_await starting;
  const Method method = route->second.method;
  auto answering = (this->*method)(std::move(request));
  co_return co_await answering;
}

// --- the node -----------------------------------------------------------------------------------------------------

io::Task<Reply> NodeService::ping(Request request) {
  wire::PingSlurmdResponse answer;
  answer.cpu_load = cpu_load();
  answer.free_mem = free_memory_mib();
  answer.node_name = node_.setup.facts.node_name;
  co_return with_credential(Reply::of(MsgType::RESPONSE_PING_SLURMD, answer, request.version()));
}

io::Task<Reply> NodeService::registration_wanted(Request request) {
  registration_.register_node();
  auto answering = ping(std::move(request));
  co_return co_await answering;
}

io::Task<Reply> NodeService::reconfigure(Request request) {
  if (request.is<wire::ConfigResponse>()) {
    actions_.take_configuration(request.as<wire::ConfigResponse>());
  } else {
    actions_.reconfigure();
  }
  co_return Reply::none();
}

io::Task<Reply> NodeService::shut_down(Request) {
  log(Level::info, "noded.shutdown_ordered");
  actions_.shut_down();
  co_return Reply::none();
}

io::Task<Reply> NodeService::health_check(Request request) {
  if (!node_.setup.config.health_check_program.empty() && !checking_health_) io::spawn(run_health_check(*this));
  co_return Reply::rc(Errc::success, request.version());
}

io::Task<void> NodeService::run_health_check(NodeService& self) {
  self.checking_health_ = true;
  ScriptCall call{
      .kind = "health check", .program = self.node_.setup.config.health_check_program, .timeout_ms = kHealthCheckMs};
  call.env.set("SLURMD_NODENAME", self.node_.setup.facts.node_name);
  auto running = run_script(self.node_.loop, self.node_.children, std::move(call));
  (void)co_await running;
  self.checking_health_ = false;
}

io::Task<Reply> NodeService::reboot(Request request) {
  const auto features = request.is<wire::Reboot>() ? request.as<wire::Reboot>().features : std::string();
  if (node_.setup.config.reboot_program.empty()) {
    log(Level::error, "noded.no_reboot_program");
  } else {
    log(Level::warn, "noded.reboot", {{"features", features}});
    io::spawn(run_reboot(*this, features));
  }
  co_return Reply::none();
}

io::Task<void> NodeService::run_reboot(NodeService& self, std::string features) {
  // RebootProgram may have arguments of its own; the controller's features, where there are any, replace them.
  const std::string& line = self.node_.setup.config.reboot_program;
  ScriptCall call{.kind = "reboot", .program = line.substr(0, line.find(' ')), .timeout_ms = kRebootMs};
  call.argv.push_back(call.program);
  for (std::size_t at = line.find(' '); features.empty() && at != std::string::npos;) {
    const std::size_t next = line.find(' ', at + 1);
    if (const std::string word = line.substr(at + 1, next - at - 1); !word.empty()) call.argv.push_back(word);
    at = next;
  }
  if (!features.empty()) call.argv.push_back(features);
  call.env.set("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
  auto running = run_script(self.node_.loop, self.node_.children, std::move(call));
  (void)co_await running;
  if (conf::Config::has_option(self.node_.setup.config.slurmd_params, "shutdown_on_reboot")) self.actions_.shut_down();
}

io::Task<Reply> NodeService::gather_update(Request request) {
  wire::AcctGatherNodeResponse answer;
  answer.node_name = node_.setup.facts.node_name;
  answer.energy.emplace_back();
  co_return with_credential(Reply::of(MsgType::RESPONSE_ACCT_GATHER_UPDATE, answer, request.version()));
}

io::Task<Reply> NodeService::daemon_status(Request request) {
  wire::SlurmdStatus status;
  const Hardware& hardware = node_.setup.hardware;
  status.booted = registration_.started_at();
  status.last_slurmctld_msg = controller_heard_at_;
  status.slurmd_debug = node_.setup.config.slurmd_debug;
  status.actual_cpus = hardware.cpus;
  status.actual_boards = hardware.boards;
  status.actual_sockets = hardware.sockets;
  status.actual_cores = hardware.cores_per_socket;
  status.actual_threads = hardware.threads_per_core;
  status.actual_real_mem = hardware.memory_mib;
  status.actual_tmp_disk = disk_mib(node_.setup.config.tmp_fs);
  status.pid = static_cast<std::uint32_t>(getpid());
  status.hostname = node_.setup.facts.node_name;
  status.slurmd_logfile = node_.setup.settings.log_file;
  status.version = version_;
  for (const auto& [job_id, job] : node_.jobs.all()) {
    for (const auto& [step_id, link] : job->steps) {
      if (!status.step_list.empty()) status.step_list += ", ";
      status.step_list += std::to_string(job_id);
      if (step_id != kBatchStep) status.step_list += "." + std::to_string(step_id);
    }
  }
  if (status.step_list.empty()) status.step_list = "NONE";
  co_return with_credential(Reply::of(MsgType::RESPONSE_SLURMD_STATUS, status, request.version()));
}

// --- jobs ---------------------------------------------------------------------------------------------------------

io::Task<Reply> NodeService::launch_batch(Request request) {
  if (!request.is<wire::BatchJobLaunch>()) co_return Reply::rc(Errc::einval, request.version());
  auto launching = launcher_.launch_batch(request.as<wire::BatchJobLaunch>());
  const Errc rc = co_await launching;
  co_return Reply::rc(rc, request.version());
}

io::Task<Reply> NodeService::launch_prolog(Request request) {
  if (!request.is<wire::PrologLaunch>()) co_return Reply::rc(Errc::einval, request.version());
  auto launching = launcher_.launch_prolog(request.as<wire::PrologLaunch>(), request.version());
  const Errc rc = co_await launching;
  co_return Reply::rc(rc, request.version());
}

io::Task<Reply> NodeService::end_job(Request request) {
  if (!request.is<wire::KillJob>()) co_return Reply::rc(Errc::einval, request.version());
  if (request.type() == MsgType::REQUEST_TERMINATE_JOB) files_.forget(request.as<wire::KillJob>().step_id.job_id.v);
  auto ending = ender_.end_job(request.type(), request.as<wire::KillJob>());
  const Errc rc = co_await ending;
  co_return Reply::rc(rc, request.version());
}

io::Task<Reply> NodeService::signal_tasks(Request request) {
  if (!request.is<wire::CancelTasks>()) co_return Reply::rc(Errc::einval, request.version());
  auto signalling = ender_.signal(request.as<wire::CancelTasks>(), request.identity.uid);
  const Errc rc = co_await signalling;
  co_return Reply::rc(rc, request.version());
}

io::Task<Reply> NodeService::terminate_tasks(Request request) {
  if (!request.is<wire::CancelTasks>()) co_return Reply::rc(Errc::einval, request.version());
  auto killing = ender_.kill_step(request.as<wire::CancelTasks>().step_id, request.identity.uid);
  const Errc rc = co_await killing;
  co_return Reply::rc(rc, request.version());
}

io::Task<Reply> NodeService::suspend(Request request) {
  if (!request.is<wire::SuspendInt>()) co_return Reply::rc(Errc::einval, request.version());
  const wire::SuspendInt& order = request.as<wire::SuspendInt>();
  constexpr std::uint16_t kSuspend = 0, kResume = 1;
  if (order.op != kSuspend && order.op != kResume) co_return Reply::rc(Errc::not_supported, request.version());
  auto suspending = ender_.suspend(order.step_id.job_id.v, order.op == kResume);
  (void)co_await suspending;
  co_return Reply::rc(Errc::success, request.version());
}

io::Task<Reply> NodeService::notify(Request request) {
  if (!request.is<wire::JobNotify>()) co_return Reply::rc(Errc::einval, request.version());
  auto notifying = ender_.notify(request.as<wire::JobNotify>(), request.identity.uid);
  co_await notifying;
  co_return Reply::rc(Errc::success, request.version());
}

io::Task<Reply> NodeService::launch_tasks(Request request) {
  const std::uint16_t version = request.version();
  if (!request.is<wire::LaunchTasks>()) co_return Reply::rc(Errc::einval, version);
  auto launching = launcher_.launch_tasks(request.as<wire::LaunchTasks>(), version, request.identity.uid,
                                          rpc::numeric_host(rpc::origin(request)));
  const Result<void> launched = co_await launching;
  if (launched) co_return Reply::rc(Errc::success, version);
  const Error& error = launched.error();
  // Of bindings slurmd says more than the code does, and srun prints it.
  const bool explains = error.code == Errc::node_cpu_bind || error.code == Errc::node_cpu_layout;
  if (!explains) co_return Reply::rc(error.code, version);
  wire::ReturnCode2 explained;
  explained.return_code = static_cast<std::uint32_t>(error.code);
  explained.err_msg = error.text;
  co_return Reply::of(MsgType::RESPONSE_SLURM_RC_MSG, explained, version);
}

io::Task<Reply> NodeService::file_block(Request request) {
  if (!request.is<wire::FileBcast>()) co_return Reply::rc(Errc::einval, request.version());
  auto receiving = files_.receive(request.as<wire::FileBcast>(), request.identity.uid, request.identity.gid);
  const Errc rc = co_await receiving;
  co_return Reply::rc(rc, request.version());
}

/// For the process manager of a step, which Slurm names by its socket's path: "<spool>/sock.pmi2.<job>.<step>". Our own
/// nodes call PMIx's the same.
io::Task<Reply> NodeService::forward_data(Request request) {
  const std::uint16_t version = request.version();
  if (!request.is<wire::ForwardData>()) co_return Reply::rc(Errc::einval, version);
  const auto& message = request.as<wire::ForwardData>();
  unsigned job_id = 0, step_id = 0;
  const auto name = message.address.rfind("/sock.pmi2.");
  if (name == std::string::npos ||
      std::sscanf(message.address.c_str() + name, "/sock.pmi2.%u.%u", &job_id, &step_id) != 2) {
    co_return Reply::rc(Errc::einval, version);
  }
  NodeJobPtr job = node_.jobs.find(job_id);
  const auto it = job ? job->steps.find(step_id) : decltype(job->steps.end()){};
  if (!job || it == job->steps.end()) co_return Reply::rc(Errc::invalid_job_id, version);
  if (request.identity.uid != job->facts.uid && !node_.may_command(request.identity.uid)) {
    co_return Reply::rc(Errc::eperm, version);
  }
  StepLink::Ptr link = it->second;
  auto asking = link->ask(exec::StepFrame::pmi, exec::StepPmiData{message.data});
  const auto reply = co_await asking;
  co_return Reply::rc(reply ? static_cast<Errc>(reply->rc) : Errc::node_job_not_running, version);
}

/// From a supervisor of Slurm's, whose parent in the step's tree this node is. Ours tell the controller themselves, and
/// so it is done for those.
io::Task<Reply> NodeService::step_complete(Request request) {
  if (!request.is<wire::StepComplete>()) co_return Reply::rc(Errc::einval, request.version());
  const auto& report = request.as<wire::StepComplete>();
  const NodeJobPtr job = node_.jobs.find(report.step_id.job_id.v);
  // What is passed on has to arrive before a later run of the job can begin: with us cleaned up, nobody waits for it.
  if (!job) {
    const bool done = node_.ended.carried_out(report.step_id.job_id.v);
    co_return Reply::rc(done ? Errc::already_done : Errc::invalid_job_id, request.version());
  }
  auto passing = reporter_.pass_on(job, report);
  const auto code = co_await passing;
  // Whatever the controller thinks of the step, it has been told.
  co_return Reply::rc(code ? Errc::success : Errc::communications_connection, request.version());
}

io::Task<Reply> NodeService::reattach_tasks(Request request) {
  if (!request.is<wire::ReattachTasks>()) co_return Reply::rc(Errc::einval, request.version());
  const auto& order = request.as<wire::ReattachTasks>();
  wire::ReattachTasksResponse answer;
  answer.node_name = node_.setup.facts.node_name;
  auto attaching = attach(order, request.version(), request.identity.uid, rpc::numeric_host(rpc::origin(request)));
  const auto state = co_await attaching;
  if (state) {
    for (const exec::TaskState& task : state->tasks) {
      answer.gtids.push_back(task.global_id);
      answer.local_pids.push_back(task.pid);
      answer.executable_names.push_back(task.program);
    }
  } else {
    answer.return_code = static_cast<std::uint32_t>(state.error().code);
  }
  co_return with_credential(Reply::of(MsgType::RESPONSE_REATTACH_TASKS, answer, request.version()));
}

io::Task<Result<exec::StepState>> NodeService::attach(wire::ReattachTasks order, std::uint16_t version,
                                                      std::uint32_t uid, std::string host) {
  NodeJobPtr job = node_.jobs.find(order.step_id.job_id.v);
  const auto it = job ? job->steps.find(order.step_id.step_id) : decltype(job->steps.end()){};
  if (!job || it == job->steps.end()) co_return fail(Errc::invalid_job_id);
  if (uid != job->facts.uid && !node_.may_command(uid)) co_return fail(Errc::eperm);
  StepLink::Ptr link = it->second;
  const std::uint32_t rank = link->state().node_rank;
  const auto port = [&](const std::vector<std::uint16_t>& ports) {
    return ports.empty() ? std::uint16_t{0} : ports[rank % ports.size()];
  };
  exec::StepAttach attach;
  attach.client = {.host = std::move(host),
                   .io_port = port(order.io_port),
                   .message_port = port(order.resp_port),
                   .version = version,
                   .io_key = version >= wire::v23_11 ? order.io_key : order.cred.signature};
  auto asking = link->ask(exec::StepFrame::attach, std::move(attach));
  auto reply = co_await asking;
  if (!reply) co_return fail(Errc::node_job_not_running);
  if (reply->rc != 0 || !reply->state) co_return fail(static_cast<Errc>(reply->rc));
  co_return std::move(*reply->state);
}

io::Task<Result<exec::StepState>> NodeService::query(wire::StepId step, std::uint32_t uid) {
  NodeJobPtr job = node_.jobs.find(step.job_id.v);
  if (!job) co_return fail(Errc::invalid_job_id);
  if (uid != job->facts.uid && !node_.may_command(uid)) co_return fail(Errc::user_id_missing);
  const auto it = job->steps.find(step.step_id);
  if (it == job->steps.end()) co_return fail(Errc::invalid_job_id);
  StepLink::Ptr link = it->second;
  auto asking = link->ask(exec::StepFrame::query);
  auto answer = co_await asking;
  if (!answer || !answer->state) co_return fail(Errc::node_job_not_running);
  co_return std::move(*answer->state);
}

io::Task<Reply> NodeService::step_stat(Request request) {
  if (!request.is<wire::StepId>()) co_return Reply::rc(Errc::einval, request.version());
  auto querying = query(request.as<wire::StepId>(), request.identity.uid);
  auto state = co_await querying;
  if (!state) co_return Reply::rc(state.error().code, request.version());
  wire::JobStepStat answer;
  answer.num_tasks = static_cast<std::uint32_t>(state->tasks.size());
  answer.jobacct = step_accounting(*state);
  answer.jobacct->tres_list = accounted_tres();
  answer.step_pids.node_name = node_.setup.facts.node_name;
  answer.step_pids.pid = state->pids;
  co_return with_credential(Reply::of(MsgType::RESPONSE_JOB_STEP_STAT, answer, request.version()));
}

io::Task<Reply> NodeService::step_pids(Request request) {
  if (!request.is<wire::StepId>()) co_return Reply::rc(Errc::einval, request.version());
  auto querying = query(request.as<wire::StepId>(), request.identity.uid);
  auto state = co_await querying;
  if (!state) co_return Reply::rc(state.error().code, request.version());
  wire::JobStepPids answer;
  answer.node_name = node_.setup.facts.node_name;
  answer.pid = state->pids;
  co_return with_credential(Reply::of(MsgType::RESPONSE_JOB_STEP_PIDS, answer, request.version()));
}

}  // namespace flurm::noded
