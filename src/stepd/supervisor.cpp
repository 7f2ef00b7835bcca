// stepd/supervisor.cpp — lifecycle and main loop; see supervisor.hpp.
#include "stepd/supervisor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "exec/job_space.hpp"
#include "exec/process_table.hpp"
#include "fmt/format.h"
#include "stepd/announcement.hpp"

namespace flurm::stepd {
namespace {

using exec::StepStage;

constexpr std::uint64_t kKillPauseFirstMs = 20, kKillPauseMaxMs = 1000;
/// How long clients may take to get what the tasks wrote last (slurm 22.05 slurmstepd/mgr.c, _wait_for_io).
constexpr std::uint64_t kDrainMs = 300'000;
constexpr std::uint64_t kDrainPauseMaxMs = 50;

TimeS wall_clock() { return TimeS{std::time(nullptr)}; }

}  // namespace

std::uint64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

int run_supervisor(StepPlugins* plugins) {
  exec::Fd daemon(fcntl(0, F_DUPFD_CLOEXEC, 3));
  exec::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!daemon || !null || dup2(null.get(), 0) < 0) return 1;
  if (!die_with_daemon(daemon.get())) return 1;
  auto launch = read_launch(daemon.get());
  if (!launch) {
    (void)exec::write_all(2, fmt::format("flurmstepd: {}\n", launch.error().text));
    return 1;
  }
  return Supervisor(std::move(*launch), std::move(daemon), plugins).run();
}

bool die_with_daemon(int socket) {
  ucred daemon{};
  socklen_t length = sizeof daemon;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &daemon, &length) != 0)
    return false;
  return getppid() == daemon.pid;  // else it died before the kernel was told
}

Result<exec::StepLaunch> read_launch(int fd) {
  exec::StepFrameReader reader(exec::kLaunchFrameMax);
  char buffer[64 * 1024];
  while (true) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(Errc::closed, "no launch request on standard input");
    reader.add({buffer, static_cast<std::size_t>(n)});
    FLURM_TRY(auto frame, reader.next());
    if (!frame) continue;
    if (frame->type != exec::StepFrame::launch) return fail(Errc::corrupt, "not a launch request");
    return exec::unpack_launch(frame->body);
  }
}

Supervisor::Supervisor(exec::StepLaunch launch, exec::Fd daemon, StepPlugins* plugins)
    : launch_(std::move(launch)),
      plugins_(launch_.spank ? plugins : nullptr),
      io_(launch_.line_buffered),
      started_at_(wall_clock()) {
  connections_.emplace_back(std::move(daemon), launch_.protocol);
  if (launch_.client) {
    clients_.push_back(*launch_.client);
    clients_.back().io_key.clear();
  }
  tasks_.resize(launch_.tasks.size());
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    tasks_[i].state.global_id = launch_.tasks[i].global_id;
    if (!launch_.tasks[i].argv.empty()) tasks_[i].state.program = launch_.tasks[i].argv.front();
  }
}

Supervisor::~Supervisor() = default;

int Supervisor::run() {
  if (auto ready = set_up(); !ready) {
    log_line(ready.error().text);
    finish(static_cast<std::int32_t>(ready.error().code));
  } else if (auto started = start(); !started) {
    log_line(started.error().text);
    fail_launch(static_cast<std::int32_t>(started.error().code));
  }
  loop();
  return 0;
}

Result<void> Supervisor::set_up() {
  for (const int ignored : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU})
    signal(ignored, SIG_IGN);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  children_ = exec::Fd(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!children_) return fail(Errc::node_setup_environment, "signalfd: {}", std::strerror(errno));
  // The step may be killed for its memory, its supervisor must not be.
  if (geteuid() == 0) (void)exec::write_kernel_file("/proc/self/oom_score_adj", "-1000");

  FLURM_TRY(directory_, StepDirectory::open(launch_));
  FLURM_TRY(listener_, directory_->listen());
  open_api();
  return {};
}

Result<void> Supervisor::start() {
  if (!launch_.script.empty()) FLURM_TRY_VOID(directory_->write_script(launch_));
  std::string note;
  const std::uint64_t of_step = launch_.limit_memory ? launch_.memory_mib << 20 : 0;
  const std::uint64_t of_job = launch_.limit_memory ? launch_.job_memory_mib << 20 : 0;
  FLURM_TRY(tracker_, exec::make_tracker({.kind = launch_.tracker,
                                          .cgroup_root = launch_.cgroup_root,
                                          .job_path = launch_.cgroup_path,
                                          .step_name = exec::step_file_name(launch_.key.step_id),
                                          .memory_limit_bytes = of_job != 0 ? of_job : of_step,
                                          .step_limit_bytes = of_step < of_job ? of_step : 0,
                                          .denied_devices = launch_.denied_devices},
                                         &note));
  if (!note.empty()) log_line(note);
  FLURM_TRY_VOID(begin());
  if (launch_.space && geteuid() == 0) {
    FLURM_TRY(space_, exec::open_job_space(*launch_.space, launch_.key.job_id, launch_.user));
  }
  FLURM_TRY_VOID(begin_plugins());
  if (launch_.x11) show_display();
  FLURM_TRY_VOID(start_tasks());
  launch_.script.clear();
  launch_.script.shrink_to_fit();
  if (launch_.sample_interval_s != 0) sample_at_ms_ = monotonic_ms() + launch_.sample_interval_s * 1000;
  tell_daemons();
  return {};
}

/// From here on the task may have run: the order is taken, and this process outlives the daemon.
Result<void> Supervisor::begin() {
  prctl(PR_SET_PDEATHSIG, 0);
  // The order for any other step is srun's, which sees by itself that it came to nothing.
  if (is_batch()) FLURM_TRY_VOID(directory_->begin(launch_.key));
  begun_ = true;
  return {};
}

// --- the end ------------------------------------------------------------------------------------------------------

void Supervisor::reap() {
  signalfd_siginfo drained;
  while (read(children_.get(), &drained, sizeof drained) > 0) {
  }
  while (true) {
    siginfo_t next{};
    // The subreaper without children has no descendants.
    everyone_gone_ = waitid(P_ALL, 0, &next, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
    if (next.si_pid == 0 && !launch_.for_debugger) break;
    const auto ended = std::ranges::find(tasks_, next.si_pid, &Task::pid);
    if (next.si_pid != 0 && ended != tasks_.end()) measure_zombie(*ended);
    int status = 0;
    rusage used{};
    const pid_t pid = wait4(next.si_pid != 0 ? next.si_pid : -1, &status, WNOHANG, &used);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) break;
    if (WIFSTOPPED(status)) {  // of children only what is traced is told of
      exec::wait_for_debugger(pid, status);
      continue;
    }
    if ((pmix_ && pid == pmix_->pid()) || (x11_ && pid == x11_->pid())) tracker_->leave_out(0);
    if (x11_ && pid == x11_->pid()) x11_.reset();
    for (Task& task : tasks_) {
      if (task.pid != pid) continue;
      measure_ended(task, used);
      task_ended(task, status);
    }
    if (pid == epilog_pid_) {
      epilog_pid_ = 0;
      epilog_kill_at_ms_ = 0;
      if (status != 0) tell_user(fmt::format("TaskEpilog failed status={}", status));
      next_epilog();
    }
  }
}

/// The tasks have ended: kills what they left behind, then waits for the streams.
void Supervisor::clean_up() {
  if (epilog_pid_ != 0 || end_) return;
  if (!everyone_gone_ || (adopted_ && !tracker_->empty())) {  // what was adopted is nobody's child here
    if (kill_pause_ms_ == 0) kill_everything();  // first attempt; the timer repeats it
    return;
  }
  if (!std::exchange(wound_up_, true)) {
    for (std::size_t i = 0; i < tasks_.size(); ++i) tell_plugins_of_end(i);  // of those whose epilogs were not run
    if (tracker_ && tracker_->out_of_memory()) {
      tell_user(
          fmt::format("Detected oom-kill event(s) in StepId={}. Some of your processes may have been killed by the "
                      "cgroup out-of-memory handler.",
                      step_text()));
      over_memory_ = true;
    }
    io_.end_lines();
    kill_at_ms_ = 0;
    if (drained_by_ms_ == 0) drained_by_ms_ = monotonic_ms() + kDrainMs;
  }
  bool asks_again = false;
  const std::uint64_t now = monotonic_ms();
  const bool others_wait = pmix_ && !pmix_->waiting().empty();  // for what this node has to say
  if ((io_.drained(asks_again) && !others_wait) || drained_by_ms_ <= now) return finish(launch_rc_);
  drain_pause_ms_ = std::min(drain_pause_ms_ * 2, kDrainPauseMaxMs);
  look_again_at_ms_ = asks_again ? now + drain_pause_ms_ : 0;
}

void Supervisor::finish(std::int32_t slurm_rc) {
  if (end_) return;
  if (directory_ && !begun_ && !begin()) {  // what was given up meanwhile has been reported
    released_ = true;
    return;
  }
  if (std::exchange(plugins_begun_, false)) plugins_->end();
  end_.emplace();
  end_->slurm_rc = slurm_rc;
  end_->ended_at = wall_clock();
  end_->aborted = aborted_;
  end_->usage = usage_now();
  end_->usage.rss_total_bytes = 0;
  end_->wait_status = over_memory_ ? std::uint32_t{exec::kSignalOutOfMemory} : step_status();
  if (tracker_) tracker_->remove();
  for (Task& task : tasks_) task.stderr_fd.reset();
  x11_.reset();
  io_.close();
  window_.close();
  stage_ = StepStage::ended;
  kill_at_ms_ = stop_at_ms_ = sample_at_ms_ = exits_told_at_ms_ = drained_by_ms_ = look_again_at_ms_ = 0;
  if (directory_ && is_batch()) directory_->remove_script();
  write_state();
  for (Connection& connection : connections_) connection.send(exec::StepFrame::ended, state());
}

// --- telling ------------------------------------------------------------------------------------------------------

exec::StepState Supervisor::state() const {
  exec::StepState state;
  state.key = launch_.key;
  state.uid = launch_.user.uid;
  state.gid = launch_.user.gid;
  state.supervisor_pid = static_cast<std::uint32_t>(getpid());
  static const auto self = exec::process_info(getpid());
  state.supervisor_start_ticks = self ? self->start_ticks : 0;
  for (const Task& task : tasks_) state.tasks.push_back(task.state);
  state.node_rank = launch_.node_rank;
  state.node_count = launch_.node_count;
  state.node_above = launch_.node_above;
  state.profile_interval_s = launch_.profile_interval_s;
  state.clients = clients_;
  state.launch_told = launch_told_;
  state.kill_wanted = kill_wanted_;
  state.x11_display = x11_ ? x11_->display() : std::uint16_t{0};
  state.xauthority = x11_ ? x11_->xauthority() : "";
  state.started_at = started_at_;
  state.stage = stage_;
  state.suspended = suspended_;
  state.usage = peak_;
  state.end = end_;
  return state;
}

void Supervisor::write_state() {
  if (!directory_) return;
  if (auto written = directory_->write_state(state()); !written) log_line(written.error().text);
}

void Supervisor::log_line(const std::string& text) const {
  const std::string line = fmt::format("{} flurmstepd[{}] {}\n", local_time_text(wall_clock()), step_text(), text);
  if (launch_.log_file.empty()) {
    (void)exec::write_all(2, line);
    return;
  }
  exec::Fd file(open(launch_.log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (file) (void)exec::write_all(file.get(), line);
}

void Supervisor::tell_user(const std::string& text) {
  log_line(text);
  write_to_user("slurmstepd: error: " + text);
}

/// A line of ours in the first task's standard error.
void Supervisor::write_to_user(const std::string& line) {
  constexpr std::size_t kEarlyLinesMax = 1000;
  if (io_.write_line(line)) return;
  if (!tasks_.empty() && tasks_.front().stderr_fd)
    (void)exec::write_all(tasks_.front().stderr_fd.get(), line + "\n");
  else if (stage_ == StepStage::starting && early_lines_.size() < kEarlyLinesMax)
    early_lines_.push_back(line);
}

void Supervisor::tell_daemons() {
  exits_told_at_ms_ = 0;
  write_state();
  for (Connection& connection : connections_) connection.send(exec::StepFrame::state, state());
}

/// "12.batch", "12.0"
std::string Supervisor::step_text() const {
  return fmt::format("{}.{}", launch_.key.job_id, exec::step_file_name(launch_.key.step_id).substr(5));
}

// --- the loop -----------------------------------------------------------------------------------------------------

int Supervisor::poll_timeout_ms() const {
  std::uint64_t next = ~std::uint64_t{0};
  for (const std::uint64_t at : {kill_at_ms_, stop_at_ms_, sample_at_ms_, epilog_kill_at_ms_, exits_told_at_ms_,
                                 wound_up_ ? drained_by_ms_ : 0, look_again_at_ms_}) {
    if (at != 0) next = std::min(next, at);
  }
  if (next == ~std::uint64_t{0}) return -1;
  const std::uint64_t now = monotonic_ms();
  return next > now ? static_cast<int>(std::min<std::uint64_t>(next - now, 60'000)) : 0;
}

void Supervisor::handle_timers() {
  const std::uint64_t now = monotonic_ms();
  if (kill_at_ms_ != 0 && kill_at_ms_ <= now) kill_everything();
  if (epilog_kill_at_ms_ != 0 && epilog_kill_at_ms_ <= now) {
    epilog_kill_at_ms_ = 0;
    if (epilog_pid_ > 0) kill(-epilog_pid_, SIGKILL);
  }
  if (stop_at_ms_ != 0 && stop_at_ms_ <= now) {
    stop_at_ms_ = 0;
    if (suspended_) tracker_->freeze();
  }
  if (exits_told_at_ms_ != 0 && exits_told_at_ms_ <= now) tell_daemons();
  if (sample_at_ms_ != 0 && sample_at_ms_ <= now) {
    sample_at_ms_ = now + launch_.sample_interval_s * 1000;
    sample();
  }
}

void Supervisor::kill_everything() {
  kill_pause_ms_ = kill_pause_ms_ == 0 ? kKillPauseFirstMs : std::min(kill_pause_ms_ * 2, kKillPauseMaxMs);
  kill_at_ms_ = monotonic_ms() + kill_pause_ms_;
  if (suspended_) tracker_->thaw();
  suspended_ = false;
  for (const Task& task : tasks_) {
    if (task.pid > 0) kill(task.pid, SIGKILL);  // it may not have joined the tracker yet
  }
  if (pmix_) pmix_->end(monotonic_ms());
  if (x11_) x11_->end(monotonic_ms());
  tracker_->kill_all();
}

void Supervisor::loop() {
  while (!released_) {
    std::vector<pollfd> waiting{{children_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}, {window_.fd(), POLLIN, 0}};
    for (const Task& task : tasks_) waiting.push_back({task.report.get(), POLLIN, 0});
    for (const Connection& connection : connections_) waiting.push_back({connection.fd(), POLLIN, 0});
    io_.add_waits(waiting);
    if (pmi_) pmi_->add_waits(waiting);
    if (api_) api_->add_waits(waiting);
    if (pmix_) waiting.push_back(pmix_->wait());
    // Without a socket nobody could come back to release us.
    if (!listener_ && connections_.empty()) return;
    if (poll(waiting.data(), waiting.size(), poll_timeout_ms()) < 0) {
      if (errno != EINTR) return;
      continue;
    }
    std::size_t i = 3;
    for (Task& task : tasks_) {  // before what it writes: our own lines about its start come first
      if (waiting[i++].revents != 0 && task.report) handle_report(task);
    }
    io_.handle(waiting);
    if (pmi_) pmi_->handle(waiting);
    if (pmi_ && pmi_->wants_step_killed() && !std::exchange(kill_wanted_, true)) tell_daemons();
    for (Connection& connection : connections_) {
      if (waiting[i++].revents != 0) handle_frames(connection);
    }
    if (api_) api_->handle(waiting);
    if (pmix_ && waiting.back().revents != 0) handle_pmix();
    if (waiting[2].revents != 0 && window_.read_available() && tasks_.front().pid > 0) {
      kill(tasks_.front().pid, SIGWINCH);
    }
    if (waiting[0].revents != 0) reap();
    if (waiting[1].revents != 0) accept_connection();
    handle_timers();
    if (stage_ == StepStage::ending) clean_up();
    std::erase_if(connections_, [](const Connection& connection) { return !connection.is_open(); });
  }
}

}  // namespace flurm::stepd
