// exec/task.cpp — see task.hpp. Everything from `Child` on runs in the forked child; the parent has one thread, so
// the child may use the heap.
#include "exec/task.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "exec/rlimits.hpp"
#include "exec/task_prolog.hpp"
#include "fmt/format.h"

namespace flurm::exec {
namespace {

constexpr std::size_t kReportTextMax = 4096;
constexpr int kOpenPatienceMs = 10'000;

/// One datagram: a code, then text. Code 0 carries the descriptor of standard error.
void send_report(int fd, Errc code, std::string_view text, int stderr_fd) {
  auto number = static_cast<std::int32_t>(code);
  std::array<iovec, 2> parts{{{&number, sizeof number}, {const_cast<char*>(text.data()), text.size()}}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  if (stderr_fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &stderr_fd, sizeof(int));
  }
  (void)sendmsg(fd, &message, MSG_NOSIGNAL);
}

void set_default_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    // The system call itself: posix_spawn() leaves the two signals ignored that the C library keeps from us.
    struct {
      void* handler = nullptr;  // SIG_DFL
      unsigned long flags = 0;
      void* restorer = nullptr;
      std::uint64_t mask = 0;
    } action;
    syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// The child's way from fork to exec.
class Child {
 public:
  Child(const TaskSpec& spec, int report_fd) : spec_(spec), env_(spec.env), report_fd_(report_fd) {}

  [[noreturn]] void run(ProcessTracker& tracker) {
    set_default_signals();  // at once: a signal to end the step must end it, also while a file is being opened
    take_place();
    (void)tracker_join(tracker);
    if (spec_.nice) (void)setpriority(PRIO_PROCESS, 0, *spec_.nice);
    if (geteuid() == 0) (void)write_kernel_file("/proc/self/oom_score_adj", "0");
    if (spec_.gate_write >= 0) close(spec_.gate_write);
    if (spec_.umask) umask(static_cast<mode_t>(*spec_.umask));
    if (spec_.mount_namespace >= 0) enter_mount_namespace();
    if (spec_.hooks) prepare_as_root();
    if (auto done = become(spec_.user); !done) give_up(done.error());
    if (spec_.mount_namespace < 0) open_streams();
    enter_work_dir();
    env_.set("SLURM_TASK_PID", std::to_string(getpid()));
    bind();
    wait_at_gate();
    if (spec_.hooks && !spec_.hooks->task_as_user(spec_.local_id, env_)) {
      complain("Failed to invoke spank plugin stack");
      _exit(1);
    }
    run_prolog("TaskProlog", spec_.admin_prolog);
    run_prolog("--task-prolog", spec_.user_prolog);
    if (spec_.makes_tmpdir) make_temporary_directory();
    execute();
  }

 private:
  Result<void> tracker_join(ProcessTracker& tracker) {
    auto joined = tracker.join();
    if (joined && !spec_.denied_devices.empty()) joined = tracker.deny_to_task(spec_.local_id, spec_.denied_devices);
    if (!joined) give_up(joined.error());
    return joined;
  }

  void take_place() {
    if (!spec_.group) {
      setsid();
      if (spec_.terminal) (void)ioctl(spec_.stdin_fd, TIOCSCTTY, 0);
    } else if (setpgid(0, *spec_.group) != 0) {
      setpgid(0, 0);  // who made the group is gone already
    }
  }

  void bind() {
    if (!spec_.cpus.empty() &&
        syscall(SYS_sched_setaffinity, 0, spec_.cpus.size() * sizeof(std::uint64_t), spec_.cpus.data()) < 0) {
      complain(fmt::format("sched_setaffinity: {}", std::strerror(errno)));
    }
    // The kernel counts one bit less than it is told.
    if (!spec_.memory_nodes.empty() &&
        syscall(SYS_set_mempolicy, spec_.memory_preferred ? MPOL_PREFERRED : MPOL_BIND, spec_.memory_nodes.data(),
                spec_.memory_nodes.size() * 64 + 1) < 0) {
      complain(fmt::format("set_mempolicy: {}", std::strerror(errno)));
    }
  }

  /// What users name as output they mean outside: the streams are opened first, in their name, by a process that can
  /// still come back to being root.
  void enter_mount_namespace() {
    const std::vector<gid_t> groups(spec_.user.gids.begin(), spec_.user.gids.end());
    if (setgroups(groups.size(), groups.data()) != 0 || setegid(spec_.user.gid) != 0 ||
        seteuid(spec_.user.uid) != 0)
      give_up({Errc::node_set_uid_or_gid, std::strerror(errno)});
    open_streams();
    if (seteuid(0) != 0 || setegid(0) != 0 || setns(spec_.mount_namespace, CLONE_NEWNS) != 0) {
      complain(fmt::format("cannot enter the job's own directories: {}", std::strerror(errno)));
      _exit(1);
    }
  }

  void prepare_as_root() {
    if (spec_.stderr_fd >= 0) (void)dup2(spec_.stderr_fd, 2);  // where refusals go; a file is opened as the user later
    if (spec_.hooks->task_as_root(spec_.local_id, env_)) return;
    complain("spank_task_init_privileged failed");
    _exit(1);
  }

  void wait_at_gate() {
    char nothing;
    while (spec_.gate_read >= 0 && read(spec_.gate_read, &nothing, 1) < 0 && errno == EINTR) {
    }
  }

  [[noreturn]] void give_up(const Error& error) {
    send_report(report_fd_, error.code, error.text, -1);
    _exit(1);
  }

  void open_streams() {
    // Which may block. While it does, nothing but its parent says whose process this is. (A change of user undoes this.)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int in = spec_.stdin_fd >= 0 ? spec_.stdin_fd : open(spec_.stdin_path.c_str(), O_RDONLY | O_CLOEXEC);
    if (in < 0) give_up_stream("stdin", spec_.stdin_path);
    const int flags = O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | (spec_.append ? 0 : O_TRUNC);
    const int out = spec_.stdout_fd >= 0 ? spec_.stdout_fd : open(spec_.stdout_path.c_str(), flags, 0666);
    if (out < 0) give_up_stream("stdout", spec_.stdout_path);
    const bool same = spec_.stdout_fd < 0 && spec_.stderr_path == spec_.stdout_path;
    const int err = spec_.stderr_fd >= 0 ? spec_.stderr_fd : same ? out : open(spec_.stderr_path.c_str(), flags, 0666);
    if (err < 0) give_up_stream("stderr", spec_.stderr_path);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) give_up({Errc::node_io_error, std::strerror(errno)});
    // A descriptor of the caller's is not sent back: it would be held open there, and its reader never see the end.
    send_report(report_fd_, Errc::success, {}, spec_.stderr_fd >= 0 ? -1 : 2);
  }

  [[noreturn]] void give_up_stream(std::string_view stream, const std::string& path) {
    give_up({Errc::node_io_error, fmt::format("Could not open {} file {}: {}", stream, path, std::strerror(errno))});
  }

  void enter_work_dir() {
    if (chdir(spec_.work_dir.c_str()) == 0) return;
    complain(fmt::format("couldn't chdir to `{}': {}: going to /tmp instead", spec_.work_dir, std::strerror(errno)));
    if (chdir("/tmp") == 0) return;
    complain("couldn't chdir to /tmp either. dying.");
    _exit(1);
  }

  void run_prolog(std::string_view kind, const std::string& program) {
    if (program.empty()) return;
    const int status = run_task_prolog(program, env_);
    if (status == 0) return;
    complain(fmt::format("{} failed status={}", kind, status));
    _exit(status);
  }

  void make_temporary_directory() {
    const auto named = env_.get("TMPDIR");
    if (!named) return env_.set("TMPDIR", "/tmp");
    const std::string path(*named);
    if (mkdir(path.c_str(), 0700) == 0) return;
    const int error = errno;
    struct stat about {};
    if (stat(path.c_str(), &about) != 0) {
      complain(fmt::format("Unable to create TMPDIR [{}]: {}", path, std::strerror(error)));
    } else if (!S_ISDIR(about.st_mode)) {
      complain(fmt::format("TMPDIR [{}] is not a directory", path));
    } else if (access(path.c_str(), W_OK | X_OK) != 0) {
      complain(fmt::format("TMPDIR [{}] is not writeable", path));
    } else {
      return;
    }
    complain("Setting TMPDIR to /tmp");
    env_.set("TMPDIR", "/tmp");
  }

  std::string find_program(const std::string& name) const {
    if (name.starts_with('/')) return name;
    if (name.starts_with('.')) return name;  // relative to the working directory, where we are
    std::string_view path = env_.get("PATH").value_or("");
    while (!path.empty()) {
      const auto colon = path.find(':');
      const std::string candidate = fmt::format("{}/{}", path.substr(0, colon), name);
      struct stat about {};
      if (stat(candidate.c_str(), &about) == 0 && !S_ISDIR(about.st_mode)) return candidate;
      path = colon == std::string_view::npos ? std::string_view{} : path.substr(colon + 1);
    }
    return name;
  }

  [[noreturn]] void execute() {
    if (spec_.argv.empty()) {
      complain("No executable program specified for this task");
      _exit(2);
    }
    std::vector<std::string> argv = spec_.argv;
    argv[0] = find_program(argv[0]);
    std::vector<char*> pointers;
    for (std::string& argument : argv) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);  // whatever was not opened by us
    if (spec_.kept_fd >= 0) fcntl(spec_.kept_fd, F_SETFD, 0);
    apply_rlimits(env_, spec_.rlimit_mask, spec_.memory_mib, [](std::string text) { complain(std::move(text)); });
    // A traced process stops when it has exec'd. Who watches it lets go of it so that it stays so.
    if (spec_.for_debugger) ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    prctl(PR_SET_PDEATHSIG, 0);
    execve(argv[0].c_str(), pointers.data(), env_.pointers().data());
    const int error = errno;
    explain_failed_exec(argv[0], error);
    _exit(error);
  }

  /// ENOENT for a script that is there means its interpreter is not.
  static void explain_failed_exec(const std::string& program, int error) {
    if (error == ENOENT) {
      const std::string head = read_small_file(program);
      if (head.starts_with("#!")) {
        complain(fmt::format("execve(): bad interpreter({}): {}", head.substr(2, head.find('\n') - 2),
                             std::strerror(error)));
        return;
      }
    }
    complain(fmt::format("execve(): {}: {}", program, std::strerror(error)));
  }

  static void complain(std::string text) { write_error_line(2, text); }

  const TaskSpec& spec_;
  Environment env_;
  int report_fd_;
};

}  // namespace

void write_error_line(int fd, const std::string& text) {
  (void)write_all(fd, fmt::format("slurmstepd: error: {}\n", text));
}

Result<StartingTask> start_task(const TaskSpec& spec, ProcessTracker& tracker) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(Errc::node_fork_failed, "socketpair: {}", std::strerror(errno));
  }
  Fd ours(ends[0]), theirs(ends[1]);
  fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  const pid_t pid = fork();
  if (pid < 0) return fail(Errc::node_fork_failed, "fork: {}", std::strerror(errno));
  if (pid == 0) Child(spec, theirs.get()).run(tracker);
  // Here as well as there: whoever comes first, the group exists before the next task wants to join it.
  if (spec.group) setpgid(pid, *spec.group == 0 ? pid : *spec.group);
  return StartingTask{pid, std::move(ours)};
}

void wait_for_debugger(pid_t task, int wait_status) {
  const int signal_number = WSTOPSIG(wait_status) == SIGTRAP ? SIGSTOP : WSTOPSIG(wait_status);
  ptrace(PTRACE_DETACH, task, nullptr, reinterpret_cast<void*>(std::intptr_t{signal_number}));
}

std::optional<TaskReport> read_report(int report_fd) {
  std::int32_t number = 0;
  std::array<char, kReportTextMax> text{};
  std::array<iovec, 2> parts{{{&number, sizeof number}, {text.data(), text.size()}}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t n = recvmsg(report_fd, &message, MSG_CMSG_CLOEXEC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  TaskReport report;
  if (n < static_cast<ssize_t>(sizeof number)) {
    report.ended = true;
    return report;
  }
  if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header && header->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    report.stderr_fd = Fd(fd);
  }
  report.opened = number == 0;
  if (number != 0) {
    report.error =
        Error{static_cast<Errc>(number), std::string(text.data(), static_cast<std::size_t>(n) - sizeof number)};
  }
  return report;
}

Result<Fd> open_as_user(const Identity& user, const std::string& path, bool append, std::optional<std::uint32_t> mask) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(Errc::node_fork_failed, "socketpair: {}", std::strerror(errno));
  }
  Fd ours(ends[0]), theirs(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return fail(Errc::node_fork_failed, "fork: {}", std::strerror(errno));
  if (pid == 0) {
    set_default_signals();
    if (auto done = become(user); !done) {
      send_report(theirs.get(), done.error().code, done.error().text, -1);
      _exit(1);
    }
    if (mask) umask(static_cast<mode_t>(*mask));
    const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | (append ? 0 : O_TRUNC), 0666);
    if (fd < 0) {
      send_report(theirs.get(), Errc::node_io_error,
                  fmt::format("Could not open output file {}: {}", path, std::strerror(errno)), -1);
      _exit(1);
    }
    send_report(theirs.get(), Errc::success, {}, fd);
    _exit(0);
  }
  theirs.reset();
  pollfd answer{ours.get(), POLLIN, 0};
  (void)poll(&answer, 1, kOpenPatienceMs);
  kill(pid, SIGKILL);  // it has answered, or never will
  std::optional<TaskReport> report = answer.revents & POLLIN ? read_report(ours.get()) : std::nullopt;
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (report && report->stderr_fd) return std::move(report->stderr_fd);
  if (report && report->error) return fail(*report->error);
  return fail(Errc::node_io_error, "Could not open output file {}", path);
}

Result<pid_t> start_as_user(const Identity& user, const std::string& program, Environment env,
                            const std::string& work_dir, ProcessTracker& tracker, int stderr_fd) {
  const pid_t pid = fork();
  if (pid < 0) return fail(Errc::node_fork_failed, "fork: {}", std::strerror(errno));
  if (pid > 0) return pid;
  setsid();
  if (!tracker.join() || !become(user)) _exit(127);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(stderr_fd >= 0 ? stderr_fd : null, 1);
  dup2(stderr_fd >= 0 ? stderr_fd : null, 2);
  if (chdir(work_dir.c_str()) != 0) (void)!chdir("/tmp");
  set_default_signals();
  std::string path = program;
  char* argv[] = {path.data(), nullptr};
  execve(path.c_str(), argv, env.pointers().data());
  write_error_line(2, fmt::format("execve({}): {}", program, std::strerror(errno)));
  _exit(127);
}

}  // namespace flurm::exec
