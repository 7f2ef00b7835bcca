// stepd/supervisor_requests.cpp — what the node daemon asks of a supervisor.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "codec/unpack.hpp"
#include "stepd/announcement.hpp"
#include "stepd/supervisor.hpp"

namespace flurm::stepd {
namespace {

using exec::StepFrame;
using exec::StepStage;

constexpr std::size_t kConnectionsMax = 8, kClientsMax = 64;
constexpr std::uint64_t kDrainWhenKilledMs = 5'000;
constexpr int kAttachConnectMs = 2'000;
constexpr std::uint64_t kStopDelayMs = 2000;  // MPI daemons stop their tasks on SIGTSTP before the rest is stopped

/// Signals that only say why; nothing is delivered for them.
bool only_announces(std::uint16_t signal) {
  switch (signal) {
    case exec::kSignalTimeLimit:
    case exec::kSignalNodeFail:
    case exec::kSignalPreempted:
    case exec::kSignalFailure:
    case exec::kSignalRequeued:
    case exec::kSignalUncorrectableMemory:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Supervisor::accept_connection() {
  exec::Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || (peer.uid != 0 && peer.uid != geteuid())) {
    log_line("connection from uid " + std::to_string(peer.uid) + " refused");
    return;
  }
  if (connections_.size() >= kConnectionsMax) connections_.pop_front();
  connections_.emplace_back(std::move(fd));
  connections_.back().send(StepFrame::state, state());
  if (end_) connections_.back().send(StepFrame::ended, state());
  if (!pmix_) return;
  for (const exec::StepParcel& parcel : pmix_->waiting()) connections_.back().send(StepFrame::parcel, parcel);
}

/// In the spool, above the job's directory, where Slurm's tools look.
void Supervisor::open_api() {
  const std::string spool = launch_.directory.substr(0, launch_.directory.rfind('/'));
  std::string path = spool + "/" + launch_.node_name + "_" + std::to_string(launch_.key.job_id) + "." +
                     std::to_string(launch_.key.step_id);
  if (launch_.key.het_component != kNoVal32) path += "." + std::to_string(launch_.key.het_component);
  auto api = StepApi::listen(std::move(path), [this](StepQuestion question, std::int32_t argument, std::uint32_t uid) {
    return answer(question, argument, uid);
  });
  if (!api) return log_line(api.error().text);  // the step needs it for nothing
  api_.emplace(std::move(*api));
}

std::optional<std::string> Supervisor::answer(StepQuestion question, std::int32_t argument, std::uint32_t uid) {
  std::string answer;
  const auto processes = [&] { return tracker_ ? tracker_->pids() : std::vector<pid_t>{}; };
  switch (question) {
    case StepQuestion::state:  // as slurmstepd_state_t
      append_value(answer, stage_ == StepStage::starting ? 1 : stage_ == StepStage::running ? 2 : 3);
      return answer;
    case StepQuestion::has_process:
      append_value(answer, static_cast<bool>(std::ranges::count(processes(), argument)));
      return answer;
    case StepQuestion::daemon_pid:
      append_value(answer, getpid());
      return answer;
    case StepQuestion::tasks:
      append_value(answer, static_cast<std::uint32_t>(tasks_.size()));
      for (std::size_t i = 0; i < tasks_.size(); ++i) {
        const exec::TaskState& task = tasks_[i].state;
        append_value(answer, static_cast<std::int32_t>(i));
        append_value(answer, task.global_id);
        append_value(answer, static_cast<pid_t>(task.pid));
        append_value(answer, task.exited);
        append_value(answer, static_cast<std::int32_t>(task.wait_status));
      }
      return answer;
    case StepQuestion::processes: {
      const std::vector<pid_t> pids = processes();
      append_value(answer, static_cast<std::uint32_t>(pids.size()));
      for (const pid_t pid : pids) append_value(answer, pid);
      return answer;
    }
    case StepQuestion::memory_limits:
      append_value(answer, launch_.job_memory_mib != 0 ? launch_.job_memory_mib : launch_.memory_mib);
      append_value(answer, launch_.memory_mib);
      return answer;
    case StepQuestion::uid:
      append_value(answer, launch_.user.uid);
      return answer;
    case StepQuestion::node_rank:
      append_value(answer, launch_.node_rank);
      return answer;
    case StepQuestion::adopt: {
      // pam_slurm_adopt: a login of the user's, which ends with the job.
      const bool may = uid == 0 || uid == geteuid();
      const bool lives = stage_ == StepStage::starting || stage_ == StepStage::running;
      const bool done = may && tracker_ && launch_.key.step_id == kExternStep && lives && tracker_->adopt(argument);
      adopted_ = adopted_ || done;
      log_line("process " + std::to_string(argument) + (done ? " adopted" : " not adopted"));
      append_value(answer, done ? 0 : -1);
      return answer;
    }
    case StepQuestion::x11_display:
      append_value(answer, std::int32_t{x11_ ? x11_->display() : std::uint16_t{0}});
      append_value(answer, x11_ ? static_cast<std::int32_t>(x11_->xauthority().size() + 1) : std::int32_t{0});
      if (x11_) answer.append(x11_->xauthority().c_str(), x11_->xauthority().size() + 1);
      return answer;
    case StepQuestion::name_space:
      append_value(answer, std::int32_t{0});  // the machine's
      return answer;
  }
  return std::nullopt;
}

void Supervisor::handle_frames(Connection& connection) {
  connection.read_available();
  while (auto frame = connection.next()) connection.send(StepFrame::reply, handle(connection, *frame));
}

exec::StepReply Supervisor::handle(const Connection& connection, const exec::StepFrameReader::Frame& frame) {
  Errc rc = Errc::einval;
  const auto decode = [&]<class M>(Errc (*act)(Supervisor&, const M&)) {
    auto decoded = codec::unpack<M>(frame.body, connection.version());
    if (decoded) rc = act(*this, *decoded);
  };
  switch (frame.type) {
    case StepFrame::signal:
      decode(+[](Supervisor& self, const exec::StepSignal& request) { return self.signal_step(request); });
      break;
    case StepFrame::terminate:
      decode(+[](Supervisor& self, const exec::StepTerminate& request) { return self.terminate(request); });
      break;
    case StepFrame::notify:
      decode(+[](Supervisor& self, const exec::StepNotify& request) {
        self.tell_user(request.text);
        return Errc::success;
      });
      break;
    case StepFrame::attach: {
      decode(+[](Supervisor& self, const exec::StepAttach& request) { return self.attach(request); });
      return {.rc = static_cast<std::int32_t>(rc), .state = state()};
    }
    case StepFrame::told:
      decode(+[](Supervisor& self, const exec::StepTold& request) { return self.told(request); });
      break;
    case StepFrame::parcel_sent:
      decode(+[](Supervisor& self, const exec::StepParcelSent& which) {
        if (self.pmix_) self.pmix_->sent(which);
        return Errc::success;
      });
      break;
    case StepFrame::pmi:
      decode(+[](Supervisor& self, const exec::StepPmiData& request) { return self.take_pmi(request); });
      break;
    case StepFrame::suspend:
      rc = suspend();
      break;
    case StepFrame::resume:
      rc = resume();
      break;
    case StepFrame::release:
      rc = release();
      break;
    case StepFrame::query: {
      if (!end_) measure_tasks();
      exec::StepReply reply{.rc = 0, .state = state()};
      if (!end_) reply.state->usage = usage_now();
      if (!end_ && tracker_) {
        for (const pid_t pid : tracker_->pids()) reply.state->pids.push_back(static_cast<std::uint32_t>(pid));
      }
      return reply;
    }
    default:
      break;
  }
  return {.rc = static_cast<std::int32_t>(rc), .state = std::nullopt};
}

void Supervisor::announce(std::uint16_t signal, const std::string& details) {
  // Of several nodes one tells.
  const bool tells = launch_.key.step_id != kExternStep && launch_.node_rank == 0;
  if (tells && !announced_ && (stage_ == StepStage::running || stage_ == StepStage::starting)) {
    const std::string time = local_time_text(TimeS{std::time(nullptr)});
    if (auto text = announcement(signal, {.job_id = launch_.key.job_id,
                                          .step_id = launch_.key.step_id,
                                          .node = launch_.node_name,
                                          .local_time = time})) {
      tell_user(*text);
      announced_ = signal != exec::kSignalUncorrectableMemory;
    }
    if (!details.empty()) tell_user("*** REASON: " + details + " ***");
  }
}

int Supervisor::deliver(int signal) {
  const int sent = tracker_->signal(signal);
  if (sent > 0) return sent;
  return static_cast<int>(std::ranges::count_if(tasks_, [&](const Task& task) {
    return task.pid > 0 && kill(task.pid, signal) == 0;  // still on its way into the tracker
  }));
}

Errc Supervisor::signal_step(const exec::StepSignal& request) {
  if (stage_ == StepStage::ended) return Errc::node_job_not_running;
  announce(request.signal, request.details);
  if (only_announces(request.signal)) return Errc::success;
  if (request.signal == exec::kSignalDebugWake) {  // the debugger has attached: let them run
    if (launch_.for_debugger) deliver(SIGCONT);
    return Errc::success;
  }
  if (request.signal == exec::kSignalAbort) {
    aborted_ = true;
    begin_termination(0);
    return Errc::success;
  }
  if (request.signal == exec::kSignalTermKill) {
    begin_termination(request.grace_s);
    return Errc::success;
  }
  if (request.signal >= NSIG) return Errc::einval;
  if (suspended_ && request.signal != SIGKILL) return Errc::node_step_suspended;
  if (request.signal == 0) return Errc::success;
  if (request.signal == SIGTERM) {
    for (Task& task : tasks_) task.killed_by_request = task.killed_by_request || task.pid > 0;
  }
  if (request.signal == SIGKILL && request.scope == exec::SignalScope::all) {
    begin_termination(0);
    return Errc::success;
  }
  int sent = 0;
  const pid_t shell = tasks_.empty() ? 0 : tasks_.front().pid;
  switch (request.scope) {
    case exec::SignalScope::all:
      sent = deliver(request.signal);
      break;
    case exec::SignalScope::batch_process:
      sent = shell > 0 && kill(shell, request.signal) == 0;
      break;
    case exec::SignalScope::process_group:
      sent = shell > 0 && kill(-shell, request.signal) == 0;
      break;
  }
  return sent > 0 ? Errc::success : Errc::node_job_not_running;
}

Errc Supervisor::terminate(const exec::StepTerminate& request) {
  if (stage_ == StepStage::ended) return Errc::node_job_not_running;
  announce(request.why != 0 ? request.why : static_cast<std::uint16_t>(SIGTERM), request.details);
  if (request.why == exec::kSignalAbort) aborted_ = true;
  begin_termination(request.grace_s);
  return Errc::success;
}

void Supervisor::begin_termination(std::uint32_t grace_s) {
  if (stage_ == StepStage::ended) return;
  for (Task& task : tasks_) {
    if (task.pid > 0) task.killed_by_request = true;
  }
  // Whoever wants the step gone does not wait for a client that takes nothing.
  drained_by_ms_ = monotonic_ms() + grace_s * 1000 + kDrainWhenKilledMs;
  if (grace_s == 0 || suspended_) return kill_everything();
  // What waits for a debugger finds its end when it wakes up, and does nothing before.
  if (launch_.for_debugger) deliver(SIGTERM);
  deliver(SIGCONT);
  if (!launch_.for_debugger) deliver(SIGTERM);
  const std::uint64_t at = monotonic_ms() + grace_s * 1000;
  if (kill_at_ms_ == 0 || at < kill_at_ms_) kill_at_ms_ = at;
}

Errc Supervisor::suspend() {
  if (stage_ != StepStage::running && stage_ != StepStage::starting) return Errc::node_job_not_running;
  if (suspended_) return Errc::node_step_suspended;
  suspended_ = true;
  deliver(SIGTSTP);
  stop_at_ms_ = monotonic_ms() + kStopDelayMs;
  return Errc::success;
}

Errc Supervisor::resume() {
  if (!suspended_) return Errc::node_step_not_suspended;
  suspended_ = false;
  stop_at_ms_ = 0;
  tracker_->thaw();
  deliver(SIGCONT);
  return Errc::success;
}

Errc Supervisor::attach(const exec::StepAttach& request) {
  if (stage_ != StepStage::running) return Errc::node_job_not_running;
  if (clients_.size() >= kClientsMax) return Errc::access_denied;
  const exec::StepClient& client = request.client;
  if (client.io_port != 0) {
    auto socket = connect_to(client.host, client.io_port, kAttachConnectMs);
    if (!socket) {
      log_line(socket.error().text);
      return Errc::node_io_error;
    }
    io_.add_client(std::move(*socket), client.version, launch_.node_rank, client.io_key, true);
  }
  clients_.push_back(client);
  clients_.back().io_key.clear();
  return Errc::success;
}

Errc Supervisor::told(const exec::StepTold& request) {
  launch_told_ = launch_told_ || request.launch;
  for (Task& task : tasks_) {
    if (std::ranges::find(request.exits, task.state.global_id) != request.exits.end()) task.state.told = true;
  }
  write_state();
  return Errc::success;
}

Errc Supervisor::take_pmi(const exec::StepPmiData& request) {
  if (pmix_) return pmix_->take(request.data);
  if (!pmi_) return Errc::node_job_not_running;
  const auto taken = pmi_->take(request.data);
  if (taken) return Errc::success;
  log_line(taken.error().text);
  return Errc::einval;
}

Errc Supervisor::release() {
  if (stage_ != StepStage::ended) return Errc::einval;
  if (directory_) directory_->remove();
  api_.reset();
  released_ = true;
  return Errc::success;
}

}  // namespace flurm::stepd
