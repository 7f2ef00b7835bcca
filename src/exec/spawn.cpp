// exec/spawn.cpp — see spawn.hpp.
#include "exec/spawn.hpp"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace flurm::exec {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& each : strings) pointers.push_back(each.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Attributes {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  Attributes() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  Attributes(const Attributes&) = delete;
  ~Attributes() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  void connect(int fd, int target, int flags) {
    if (fd < 0) {
      posix_spawn_file_actions_addopen(&actions, target, "/dev/null", flags, 0);
    } else {
      posix_spawn_file_actions_adddup2(&actions, fd, target);
    }
  }
};

}  // namespace

Result<pid_t> spawn(const SpawnSpec& spec) {
  Attributes with;
  with.connect(spec.stdin_fd, 0, O_RDONLY);
  with.connect(spec.stdout_fd, 1, O_WRONLY);
  with.connect(spec.stderr_fd, 2, O_WRONLY);
  posix_spawn_file_actions_addclosefrom_np(&with.actions, 3);  // libraries open files without close-on-exec
  std::vector<std::string> argv = spec.argv, env = spec.env;
  if (argv.empty()) argv.push_back(spec.program);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, spec.program.c_str(), &with.actions, &with.attributes, pointers_to(argv).data(),
                                pointers_to(env).data());
  if (error != 0) return fail(Errc::node_execve_failed, "{}: {}", spec.program, std::strerror(error));
  return pid;
}

Result<pid_t> spawn_as(const SpawnSpec& spec, const Identity& user) {
  std::vector<std::string> argv = spec.argv, env = spec.env;
  if (argv.empty()) argv.push_back(spec.program);
  const std::vector<char*> words = pointers_to(argv), variables = pointers_to(env);
  const std::vector<gid_t> groups(user.gids.begin(), user.gids.end());
  const pid_t pid = fork();
  if (pid < 0) return fail(Errc::node_execve_failed, "fork: {}", std::strerror(errno));
  if (pid > 0) return pid;
  // Of a process with threads: nothing but system calls from here on.
  setsid();
  if (spec.mount_namespace >= 0 && setns(spec.mount_namespace, CLONE_NEWNS) != 0) _exit(127);
  const int null = open("/dev/null", O_RDWR);
  const auto connect = [&](int fd, int target) { dup2(fd < 0 ? null : fd, target); };
  connect(spec.stdin_fd, 0);
  connect(spec.stdout_fd, 1);
  connect(spec.stderr_fd, 2);
  close_range(3, ~0u, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal_number = 1; signal_number < NSIG; ++signal_number) signal(signal_number, SIG_DFL);
  if (setgroups(groups.size(), groups.data()) != 0 || setresgid(user.gid, user.gid, user.gid) != 0 ||
      setresuid(user.uid, user.uid, user.uid) != 0)
    _exit(127);
  execve(spec.program.c_str(), words.data(), variables.data());
  _exit(127);
}

Result<StartedScript> start_script(SpawnSpec spec) {
  Fd output(memfd_create("output", MFD_CLOEXEC));
  if (!output) return fail(Errc::node_execve_failed, "memfd: {}", std::strerror(errno));
  fcntl(output.get(), F_SETFL, O_APPEND);
  spec.stdout_fd = spec.stderr_fd = output.get();
  FLURM_TRY(const pid_t pid, spawn(spec));
  return StartedScript{pid, std::move(output)};
}

std::string script_output(const Fd& output, std::size_t bytes_max) {
  const off_t end = lseek(output.get(), 0, SEEK_END);
  if (end <= 0) return {};
  const off_t start = end > static_cast<off_t>(bytes_max) ? end - static_cast<off_t>(bytes_max) : 0;
  std::string text(static_cast<std::size_t>(end - start), '\0');
  const ssize_t n = pread(output.get(), text.data(), text.size(), start);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

std::vector<std::string> matching_paths(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  if (glob(pattern.c_str(), GLOB_NOCHECK, nullptr, &found) == 0)
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return paths;
}

}  // namespace flurm::exec
