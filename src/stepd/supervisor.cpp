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

#include "codec/unpack.hpp"
#include "exec/process_table.hpp"
#include "fmt/format.h"
#include "stepd/announcement.hpp"

namespace flurm::stepd {
namespace {

using exec::StepStage;

constexpr std::uint64_t kKillPauseFirstMs = 20, kKillPauseMaxMs = 1000;
constexpr unsigned kUserEpilogLimitS = 5;  // as slurmstepd gives --task-epilog

std::uint64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

TimeS wall_clock() { return TimeS{std::time(nullptr)}; }

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_usec);
}

}  // namespace

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
    return codec::unpack<exec::StepLaunch>(frame->body, exec::kStepProtocol);
  }
}

Supervisor::Supervisor(exec::StepLaunch launch, exec::Fd daemon)
    : launch_(std::move(launch)), started_at_(wall_clock()) {
  connections_.emplace_back(std::move(daemon));
}

Supervisor::~Supervisor() = default;

int Supervisor::run() {
  if (auto ready = set_up(); !ready) {
    log_line(ready.error().text);
    finish(static_cast<std::int32_t>(ready.error().code));
  } else if (auto started = start(); !started) {
    log_line(started.error().text);
    finish(static_cast<std::int32_t>(started.error().code));
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
  return {};
}

Result<void> Supervisor::start() {
  FLURM_TRY(const std::string script, directory_->write_script(launch_));
  std::string note;
  tracker_ = exec::make_tracker({.kind = launch_.tracker,
                                 .cgroup_root = launch_.cgroup_root,
                                 .job_path = launch_.cgroup_path,
                                 .step_name = exec::step_file_name(launch_.key.step_id),
                                 .memory_limit_bytes = launch_.limit_memory ? launch_.memory_mib << 20 : 0},
                                &note);
  if (!note.empty()) log_line(note);

  exec::TaskSpec task;
  task.user = launch_.user;
  task.argv.push_back(script);
  task.argv.insert(task.argv.end(), launch_.arguments.begin(), launch_.arguments.end());
  task.env = exec::Environment(launch_.env);
  task.work_dir = launch_.work_dir;
  task.stdin_path = launch_.stdin_path;
  task.stdout_path = launch_.stdout_path;
  task.stderr_path = launch_.stderr_path;
  task.append = launch_.append;
  task.umask = launch_.umask;
  task.nice = launch_.nice;
  task.rlimit_mask = launch_.rlimit_mask;
  task.memory_mib = launch_.memory_mib;
  task.admin_prolog = launch_.admin_prolog;
  task.user_prolog = launch_.user_prolog;
  FLURM_TRY_VOID(begin());
  FLURM_TRY(exec::StartingTask starting, exec::start_task(task, *tracker_));
  task_pid_ = starting.pid;
  report_ = std::move(starting.report);
  launch_.script.clear();
  launch_.script.shrink_to_fit();
  if (launch_.sample_interval_s != 0) sample_at_ms_ = monotonic_ms() + launch_.sample_interval_s * 1000;
  write_state();
  for (Connection& connection : connections_) connection.send(exec::StepFrame::state, state());
  return {};
}

/// From here on the task may have run: the order is taken, and this process outlives the daemon.
Result<void> Supervisor::begin() {
  prctl(PR_SET_PDEATHSIG, 0);
  FLURM_TRY_VOID(directory_->begin(launch_.key));
  begun_ = true;
  return {};
}

// --- the end ------------------------------------------------------------------------------------------------------

void Supervisor::handle_report() {
  auto report = exec::read_report(report_.get());
  if (!report) return;
  if (report->stderr_fd) {
    stderr_fd_ = std::move(report->stderr_fd);
    if (stage_ == StepStage::starting) stage_ = StepStage::running;
  }
  if (report->error) {
    log_line(report->error->text);
    // The controller learns of streams that cannot be opened through the exit status, as from slurmstepd.
    wait_status_ = static_cast<std::uint32_t>(report->error->code);
  }
  if (report->ended) report_.reset();
}

void Supervisor::reap() {
  signalfd_siginfo drained;
  while (read(children_.get(), &drained, sizeof drained) > 0) {
  }
  while (true) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    everyone_gone_ = pid < 0;  // the subreaper without children has no descendants
    if (pid <= 0) break;
    if (pid == task_pid_) task_ended(status);
    if (pid == epilog_pid_) {
      epilog_pid_ = 0;
      epilog_kill_at_ms_ = 0;
      if (status != 0) tell_user(fmt::format("TaskEpilog failed status={}", status));
      next_epilog();
    }
  }
  if (stage_ == StepStage::ending && epilog_pid_ == 0) clean_up();
}

void Supervisor::task_ended(int wait_status) {
  while (report_) {  // what the task said before it ended
    const int fd = report_.get();
    handle_report();
    if (report_ && report_.get() == fd) {
      pollfd more{fd, POLLIN, 0};
      if (poll(&more, 1, 0) <= 0) report_.reset();
    }
  }
  task_pid_ = 0;
  if (wait_status_ == 0) wait_status_ = static_cast<std::uint32_t>(wait_status);
  stage_ = StepStage::ending;
  if (!end_) next_epilog();
}

void Supervisor::next_epilog() {
  // A step that is being ended by force gets no further programs of its own started.
  while (epilogs_done_ < 2 && kill_at_ms_ == 0) {
    const bool by_user = epilogs_done_ == 0;
    const std::string& program = by_user ? launch_.user_epilog : launch_.admin_epilog;
    ++epilogs_done_;
    if (program.empty()) continue;
    exec::Environment env(launch_.env);
    env.set("SLURM_SCRIPT_CONTEXT", "epilog_task");
    auto pid =
        exec::start_as_user(launch_.user, program, std::move(env), launch_.work_dir, *tracker_, stderr_fd_.get());
    if (!pid) {
      log_line(pid.error().text);
      continue;
    }
    epilog_pid_ = *pid;
    if (by_user) epilog_kill_at_ms_ = monotonic_ms() + kUserEpilogLimitS * 1000;
    return;
  }
}

void Supervisor::clean_up() {
  if (everyone_gone_) return finish(0);
  if (kill_pause_ms_ == 0) kill_everything();  // first attempt; the timer repeats it
}

void Supervisor::finish(std::int32_t slurm_rc) {
  if (end_) return;
  if (directory_ && !begun_ && !begin()) {  // what was given up meanwhile has been reported
    released_ = true;
    return;
  }
  end_.emplace();
  end_->slurm_rc = slurm_rc;
  end_->ended_at = wall_clock();
  end_->aborted = aborted_;
  end_->usage = usage_now();
  end_->usage.rss_total_bytes = 0;
  if (tracker_ && tracker_->out_of_memory()) {
    tell_user(
        fmt::format("Detected oom-kill event(s) in StepId={}.batch. Some of your processes may have been killed "
                    "by the cgroup out-of-memory handler.",
                    launch_.key.job_id));
    over_memory_ = true;
  }
  end_->wait_status = over_memory_ ? std::uint32_t{exec::kSignalOutOfMemory} : wait_status_;
  if (tracker_) tracker_->remove();
  stderr_fd_.reset();
  stage_ = StepStage::ended;
  kill_at_ms_ = stop_at_ms_ = sample_at_ms_ = 0;
  if (directory_) directory_->remove_script();
  write_state();
  for (Connection& connection : connections_) connection.send(exec::StepFrame::ended, state());
}

// --- measuring ----------------------------------------------------------------------------------------------------

exec::StepUsage Supervisor::usage_now() {
  exec::StepUsage usage = peak_;
  rusage ended{};
  getrusage(RUSAGE_CHILDREN, &ended);
  usage.user_us = microseconds(ended.ru_utime);
  usage.system_us = microseconds(ended.ru_stime);
  usage.rss_max_bytes = std::max(usage.rss_max_bytes, static_cast<std::uint64_t>(ended.ru_maxrss) * 1024);
  if (stage_ != StepStage::ended && !everyone_gone_ && tracker_) {
    const exec::ResourceUsage living = tracker_->usage();
    usage.user_us += living.user_us;
    usage.system_us += living.system_us;
    usage.rss_total_bytes = living.rss_bytes;
    usage.rss_max_bytes = std::max(usage.rss_max_bytes, living.rss_bytes);
    usage.virtual_max_bytes = std::max(usage.virtual_max_bytes, living.virtual_bytes);
  }
  return usage;
}

void Supervisor::sample() {
  peak_ = usage_now();
  const std::uint64_t limit = launch_.memory_mib << 20;
  if (!launch_.kill_over_memory || limit == 0 || peak_.rss_total_bytes <= limit || over_memory_) return;
  over_memory_ = true;
  tell_user(fmt::format("StepId={}.batch exceeded memory limit ({} > {}), being killed", launch_.key.job_id,
                        peak_.rss_total_bytes, limit));
  tell_user("Exceeded job memory limit");
  announced_ = true;
  begin_termination(0);
}

exec::StepState Supervisor::state() const {
  exec::StepState state;
  state.key = launch_.key;
  state.uid = launch_.user.uid;
  state.gid = launch_.user.gid;
  state.supervisor_pid = static_cast<std::uint32_t>(getpid());
  static const auto self = exec::process_info(getpid());
  state.supervisor_start_ticks = self ? self->start_ticks : 0;
  state.task_pid = static_cast<std::uint32_t>(task_pid_);
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
  const std::string line =
      fmt::format("{} flurmstepd[{}.{}] {}\n", local_time_text(wall_clock()), launch_.key.job_id,
                  launch_.key.step_id == kBatchStep ? "batch" : std::to_string(launch_.key.step_id), text);
  if (launch_.log_file.empty()) {
    (void)exec::write_all(2, line);
    return;
  }
  exec::Fd file(open(launch_.log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (file) (void)exec::write_all(file.get(), line);
}

void Supervisor::tell_user(const std::string& text) {
  log_line(text);
  if (stderr_fd_) exec::write_error_line(stderr_fd_.get(), text);
}

// --- the loop -----------------------------------------------------------------------------------------------------

int Supervisor::poll_timeout_ms() const {
  std::uint64_t next = ~std::uint64_t{0};
  for (const std::uint64_t at : {kill_at_ms_, stop_at_ms_, sample_at_ms_, epilog_kill_at_ms_}) {
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
  if (task_pid_ > 0) kill(task_pid_, SIGKILL);  // it may not have joined the tracker yet
  tracker_->kill_all();
}

void Supervisor::loop() {
  while (!released_) {
    std::vector<pollfd> waiting{{children_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}, {report_.get(), POLLIN, 0}};
    for (const Connection& connection : connections_) waiting.push_back({connection.fd(), POLLIN, 0});
    // Without a socket nobody could come back to release us.
    if (!listener_ && connections_.empty()) return;
    if (poll(waiting.data(), waiting.size(), poll_timeout_ms()) < 0 && errno != EINTR) return;
    std::size_t i = 3;
    for (Connection& connection : connections_) {
      if (waiting[i++].revents != 0) handle_frames(connection);
    }
    if (waiting[2].revents != 0 && report_) handle_report();
    if (waiting[0].revents != 0) reap();
    if (waiting[1].revents != 0) accept_connection();
    handle_timers();
    std::erase_if(connections_, [](const Connection& connection) { return !connection.is_open(); });
  }
}

}  // namespace flurm::stepd
