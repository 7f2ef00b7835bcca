// stepd/supervisor_tasks.cpp — the tasks of a step: their streams, start, end and epilogs.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fmt/format.h"
#include "stepd/supervisor.hpp"

namespace flurm::stepd {
namespace {

using exec::StepStage;
using exec::StreamKind;

constexpr unsigned kUserEpilogLimitS = 5;  // as slurmstepd gives --task-epilog
constexpr int kClientConnectMs = 10'000, kWindowConnectMs = 2'000, kAbortConnectMs = 2'000;
/// Ends of tasks that come close together are told together.
constexpr std::uint64_t kExitsPauseMs = 100;

struct Pipe {
  exec::Fd read, write;
};

/// owner: who may open it again, as /dev/stdout; containers' runtimes also want it to be their user's.
Result<Pipe> make_pipe(std::uint32_t owner) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::node_io_error, "pipe: {}", std::strerror(errno));
  if (geteuid() == 0) (void)!fchown(ends[0], owner, static_cast<gid_t>(-1));
  return Pipe{exec::Fd(ends[0]), exec::Fd(ends[1])};
}

void do_not_block(const exec::Fd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

}  // namespace

// --- start --------------------------------------------------------------------------------------------------------

Result<void> Supervisor::begin_plugins() {
  if (!plugins_) return {};
  using Tone = StepPlugins::Tone;
  FLURM_TRY_VOID(plugins_->begin(launch_, [this](Tone tone, const std::string& text) {
    if (tone == Tone::error && plugins_begun_) return tell_user(text);
    log_line(text);
    if (tone == Tone::plain && plugins_begun_) write_to_user(text);
  }));
  plugins_begun_ = true;  // before that nobody listens to them but the log, as in slurmstepd
  return {};
}

/// Without it the job goes on, as in Slurm; its tasks find out by themselves.
void Supervisor::show_display() {
  auto helper = X11Helper::start(launch_, space_.get());
  launch_.x11.reset();  // the key is not kept
  if (!helper) return log_line("X11: " + helper.error().text);
  x11_.emplace(std::move(*helper));
  tracker_->leave_out(x11_->pid());
  log_line(fmt::format("X11: display {}, {}", x11_->display(), x11_->xauthority()));
}

Result<void> Supervisor::start_tasks() {
  // Everything is connected before the first task runs: what it writes must find its way.
  std::vector<exec::TaskSpec> specs(tasks_.size());
  std::vector<exec::Fd> theirs;  // the tasks' ends, which only they keep
  if (launch_.pmix) {
    FLURM_TRY(PmixHelper helper, PmixHelper::start(launch_));
    pmix_.emplace(std::move(helper));
    tracker_->leave_out(pmix_->pid());
  }
  if (launch_.pmi && launch_.client) pmi_.emplace(*launch_.pmi, launch_.client->host, launch_.node_name);
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const exec::TaskLaunch& plan = launch_.tasks[i];
    exec::TaskSpec& spec = specs[i];
    spec.user = launch_.user;
    spec.argv = plan.argv;
    spec.work_dir = launch_.work_dir;
    spec.append = launch_.append;
    spec.umask = launch_.umask;
    spec.nice = launch_.nice;
    spec.rlimit_mask = launch_.rlimit_mask;
    spec.memory_mib = launch_.memory_mib;
    spec.admin_prolog = launch_.admin_prolog;
    spec.user_prolog = launch_.user_prolog;
    spec.cpus = plan.cpus;
    spec.memory_nodes = plan.memory_nodes;
    spec.memory_preferred = plan.memory_preferred;
    spec.denied_devices = plan.denied_devices;
    spec.for_debugger = launch_.for_debugger;
    spec.makes_tmpdir = i == 0;
    spec.local_id = i;
    spec.mount_namespace = space_.get();
    FLURM_TRY_VOID(connect_streams(i, spec, theirs));
    if (pmi_) {
      FLURM_TRY(exec::Fd socket, pmi_->add_task(plan.global_id));
      spec.kept_fd = socket.get();
      spec.env.set("PMI_FD", std::to_string(socket.get()));
      theirs.push_back(std::move(socket));
    }
  }
  connect_client();
  if (plugins_ && !is_extern() && !plugins_->before_tasks(launch_)) {
    tell_user("spank_user failed.");
    return fail(Errc::node_execve_failed, "a SPANK plugin refused the step");
  }
  for (std::size_t i = 0; i < tasks_.size(); ++i) {  // what is said of all comes before what is said of one
    exec::Environment env(launch_.env);
    env.merge(launch_.tasks[i].env);
    if (pmix_) env.merge(pmix_->env(i));
    env.merge(specs[i].env.entries());
    specs[i].env = std::move(env);
  }
  return fork_tasks(std::move(specs));
}

/// Plugins see all tasks as processes before the first runs its program.
Result<void> Supervisor::fork_tasks(std::vector<exec::TaskSpec> specs) {
  const bool has_plugins = plugins_ && !is_extern();
  Pipe gate;
  if (has_plugins) {
    FLURM_TRY(gate, make_pipe(0));
  }
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    specs[i].hooks = has_plugins ? plugins_ : nullptr;
    specs[i].gate_read = gate.read.get();
    specs[i].gate_write = gate.write.get();
    // The tasks are one process group, which is the first one's; so the step has one, as a shell's job has.
    if (!is_batch() && !specs[i].terminal) specs[i].group = i == 0 || launch_.terminal ? 0 : tasks_.front().pid;
    FLURM_TRY(exec::StartingTask starting, exec::start_task(specs[i], *tracker_));
    tasks_[i].pid = starting.pid;
    tasks_[i].state.pid = static_cast<std::uint32_t>(starting.pid);
    tasks_[i].report = std::move(starting.report);
  }
  for (std::size_t i = 0; has_plugins && i < tasks_.size(); ++i) {
    if (plugins_->task_forked(static_cast<int>(i), tasks_[i].pid)) continue;
    for (const Task& task : tasks_) kill(task.pid, SIGKILL);  // before the gate opens
    tell_user(fmt::format("spank task {} post-fork failed", i));
    return fail(Errc::node_execve_failed, "a SPANK plugin refused the step");
  }
  if (plugins_ && is_extern()) (void)plugins_->task_forked(-1, 0);
  return {};
}

Result<void> Supervisor::connect_streams(std::size_t at, exec::TaskSpec& spec, std::vector<exec::Fd>& theirs) {
  const exec::TaskLaunch& plan = launch_.tasks[at];
  const auto local = static_cast<std::uint32_t>(at);
  if (launch_.terminal) return connect_terminal(spec, plan, theirs);

  if (plan.in.kind == StreamKind::file) {
    spec.stdin_path = plan.in.path;
  } else {
    FLURM_TRY(Pipe pipe, make_pipe(launch_.user.uid));
    do_not_block(pipe.write);
    io_.add_input(plan.global_id, std::move(pipe.write));
    spec.stdin_fd = pipe.read.get();
    theirs.push_back(std::move(pipe.read));
  }
  const auto output = [&](const exec::TaskStream& stream, IoType type, std::string& path, int& fd) -> Result<void> {
    if (stream.kind == StreamKind::file) {
      path = stream.path;
      return {};
    }
    int file = -1;
    if (stream.kind == StreamKind::labelled) {
      FLURM_TRY(file, labelled_file(stream.path));
    }
    Pipe pipe;
    if (type == IoType::stdout_data && !launch_.line_buffered) {
      // A terminal, so that programs write as they go rather than when a buffer is full.
      FLURM_TRY(TerminalPair terminal, open_terminal(launch_.user.uid, true));
      pipe = {std::move(terminal.master), std::move(terminal.slave)};
    } else {
      FLURM_TRY(pipe, make_pipe(launch_.user.uid));
    }
    do_not_block(pipe.read);
    io_.add_output(type, plan.global_id, local, std::move(pipe.read), file);
    fd = pipe.write.get();
    theirs.push_back(std::move(pipe.write));
    return {};
  };
  FLURM_TRY_VOID(output(plan.out, IoType::stdout_data, spec.stdout_path, spec.stdout_fd));
  return output(plan.err, IoType::stderr_data, spec.stderr_path, spec.stderr_fd);
}

/// The number of the file; several streams may go into one.
Result<int> Supervisor::labelled_file(const std::string& path) {
  const auto known = std::ranges::find(labelled_files_, path, &std::pair<std::string, int>::first);
  if (known != labelled_files_.end()) return known->second;
  FLURM_TRY(exec::Fd file, exec::open_as_user(launch_.user, path, launch_.append, launch_.umask));
  unsigned width = 1;
  for (std::size_t rest = tasks_.size() - 1; (rest /= 10) > 0;) ++width;
  const int number = static_cast<int>(io_.add_file(std::move(file), width, launch_.label_offset));
  labelled_files_.emplace_back(path, number);
  return number;
}

/// --pty: the first task of the step has the terminal, the others have nothing.
Result<void> Supervisor::connect_terminal(exec::TaskSpec& spec, const exec::TaskLaunch& plan,
                                          std::vector<exec::Fd>& theirs) {
  if (plan.global_id != 0) {
    spec.stdin_path = spec.stdout_path = spec.stderr_path = "/dev/null";
    return {};
  }
  FLURM_TRY(TerminalPair terminal, open_terminal(launch_.user.uid, false));
  set_terminal_size(terminal.master.get(), launch_.terminal->rows, launch_.terminal->columns);
  spec.terminal = true;
  spec.stdin_fd = spec.stdout_fd = spec.stderr_fd = terminal.slave.get();
  theirs.push_back(std::move(terminal.slave));
  const auto copy = [&] { return exec::Fd(fcntl(terminal.master.get(), F_DUPFD_CLOEXEC, 3)); };
  io_.add_input(plan.global_id, copy());
  if (launch_.client && launch_.terminal->port != 0) {
    auto socket = connect_to(launch_.client->host, launch_.terminal->port, kWindowConnectMs);
    if (socket)
      window_ = WindowWatch(std::move(*socket), copy());
    else
      log_line(socket.error().text);
  }
  io_.add_output(IoType::stdout_data, plan.global_id, 0, std::move(terminal.master), -1);
  return {};
}

/// Srun may be gone already. Then nobody gets the output; that is for the controller to notice and to decide about.
void Supervisor::connect_client() {
  if (!launch_.client) return;
  const exec::StepClient& client = *launch_.client;
  if (client.io_port == 0) return;
  auto socket = connect_to(client.host, client.io_port, kClientConnectMs);
  if (!socket) return log_line(socket.error().text);
  io_.add_client(std::move(*socket), client.version, launch_.node_rank, client.io_key, false);
}

void Supervisor::handle_pmix() {
  for (const exec::StepParcel& parcel : pmix_->handle()) {
    for (Connection& connection : connections_) connection.send(exec::StepFrame::parcel, parcel);
  }
  const auto abort = pmix_->take_abort();
  if (!abort) return;
  log_line(fmt::format("task {} aborts the step: status {}: {}", abort->task, abort->status, abort->text));
  tell_abort(*abort);
  kill_wanted_ = true;
  tell_daemons();
}

/// Srun ends with this status. (slurm 22.05 plugins/mpi/pmix/pmixp_server.c, pmixp_abort_propagate)
void Supervisor::tell_abort(const exec::PmixAbort& abort) {
  if (!launch_.client || launch_.pmix->abort_port == 0) return;
  auto socket = connect_to(launch_.client->host, launch_.pmix->abort_port, kAbortConnectMs);
  if (!socket) return log_line(socket.error().text);
  const std::uint32_t status = htonl(static_cast<std::uint32_t>(abort.status));
  char bytes[sizeof status];
  std::memcpy(bytes, &status, sizeof status);
  if (!exec::write_all(socket->get(), {bytes, sizeof bytes})) return;
  pollfd answer{socket->get(), POLLIN, 0};  // it gives the status back, and complains when nobody takes it
  if (poll(&answer, 1, kAbortConnectMs) > 0) (void)!read(socket->get(), bytes, sizeof bytes);
}

void Supervisor::fail_launch(std::int32_t rc) {
  if (launch_rc_ == 0) launch_rc_ = rc;
  if (std::ranges::all_of(tasks_, [](const Task& task) { return task.pid == 0; })) return finish(rc);
  begin_termination(0);
}

void Supervisor::handle_report(Task& task) {
  auto report = exec::read_report(task.report.get());
  if (!report) return;
  if (report->stderr_fd) task.stderr_fd = std::move(report->stderr_fd);
  if (report->opened) streams_are_open(task);
  if (report->error) {
    log_line(report->error->text);
    const auto code = static_cast<std::int32_t>(report->error->code);
    if (is_batch()) {
      // The controller learns of streams that cannot be opened through the exit status, as from slurmstepd.
      stream_error_ = static_cast<std::uint32_t>(code);
    } else {
      tell_user(report->error->text);
      fail_launch(code);
    }
  }
  if (report->ended) task.report.reset();
}

void Supervisor::streams_are_open(Task& task) {
  task.streams_open = true;
  // A launch that failed meanwhile never runs: who asked for the step is told that, once, and nothing of its tasks.
  if (launch_rc_ != 0 || stage_ != StepStage::starting || !std::ranges::all_of(tasks_, &Task::streams_open)) return;
  stage_ = StepStage::running;
  if (!launch_.opening.empty()) write_to_user(launch_.opening);
  for (const std::string& line : std::exchange(early_lines_, {})) write_to_user(line);
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    std::string report = launch_.tasks[i].cpu_bind_report;
    if (report.empty()) continue;
    for (auto mark = report.find("{}"); mark != std::string::npos; mark = report.find("{}"))
      report.replace(mark, 2, std::to_string(tasks_[i].state.pid));
    write_to_user(report);
  }
  if (!is_batch()) tell_daemons();
}

// --- end ----------------------------------------------------------------------------------------------------------

void Supervisor::task_ended(Task& task, int wait_status) {
  while (task.report) {  // what the task said before it ended
    const int fd = task.report.get();
    handle_report(task);
    if (task.report && task.report.get() == fd) {
      pollfd more{fd, POLLIN, 0};
      if (poll(&more, 1, 0) <= 0) task.report.reset();
    }
  }
  task.pid = 0;
  task.state.exited = true;
  task.state.wait_status = static_cast<std::uint32_t>(wait_status);
  if (end_) return;
  epilogs_due_.push_back(static_cast<std::size_t>(&task - tasks_.data()));
  if (epilog_pid_ == 0) next_epilog();
  const bool last = std::ranges::all_of(tasks_, [](const Task& each) { return each.pid == 0; });
  if (last) {
    stage_ = StepStage::ending;
  } else if (exits_told_at_ms_ == 0) {
    exits_told_at_ms_ = monotonic_ms() + kExitsPauseMs;
  }
}

void Supervisor::tell_plugins_of_end(std::size_t at) {
  Task& task = tasks_[at];
  if (!plugins_begun_ || is_extern() || !task.state.exited || std::exchange(task.plugins_told, true)) return;
  plugins_->task_ended(static_cast<int>(at), static_cast<int>(task.state.wait_status));
}

void Supervisor::next_epilog() {
  // A step that is being ended by force gets no further programs of its own started.
  for (; !epilogs_due_.empty() && kill_at_ms_ == 0; epilogs_due_.pop_front(), epilogs_done_ = 0) {
    while (epilogs_done_ < 2) {
      const bool by_user = epilogs_done_ == 0;
      const std::string& program = by_user ? launch_.user_epilog : launch_.admin_epilog;
      ++epilogs_done_;
      if (program.empty()) continue;
      const std::size_t at = epilogs_due_.front();
      exec::Environment env(launch_.env);
      env.merge(launch_.tasks[at].env);
      env.set("SLURM_SCRIPT_CONTEXT", "epilog_task");
      auto pid = exec::start_as_user(launch_.user, program, std::move(env), launch_.work_dir, *tracker_,
                                     tasks_[at].stderr_fd.get());
      if (!pid) {
        log_line(pid.error().text);
        continue;
      }
      epilog_pid_ = *pid;
      if (by_user) epilog_kill_at_ms_ = monotonic_ms() + kUserEpilogLimitS * 1000;
      return;
    }
    tell_plugins_of_end(epilogs_due_.front());
  }
}

/// How the step ended here, from how its tasks did. (slurm 22.05 slurmstepd/mgr.c, _get_exit_code)
std::uint32_t Supervisor::step_status() const {
  if (stream_error_ != 0) return stream_error_;
  if (is_extern()) return 0;
  std::optional<std::uint32_t> status;
  for (const Task& task : tasks_) {
    if (task.killed_by_request) continue;
    const std::uint32_t of_task = task.state.wait_status;
    if (WIFSIGNALED(static_cast<int>(of_task))) return of_task;
    status = std::max(status.value_or(0), of_task);
  }
  if (!status && !tasks_.empty()) return tasks_.front().state.wait_status;
  return status.value_or(0);
}

}  // namespace flurm::stepd
