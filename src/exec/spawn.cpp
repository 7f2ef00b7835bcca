// exec/spawn.cpp — see spawn.hpp.
#include "exec/spawn.hpp"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <spawn.h>
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
  std::vector<std::string> argv = spec.argv, env = spec.env;
  if (argv.empty()) argv.push_back(spec.program);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, spec.program.c_str(), &with.actions, &with.attributes, pointers_to(argv).data(),
                                pointers_to(env).data());
  if (error != 0) return fail(Errc::node_execve_failed, "{}: {}", spec.program, std::strerror(error));
  return pid;
}

Result<StartedScript> start_script(SpawnSpec spec) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::node_execve_failed, "pipe: {}", std::strerror(errno));
  Fd reading(ends[0]), writing(ends[1]);
  fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  spec.stdin_fd = -1;
  spec.stdout_fd = spec.stderr_fd = writing.get();
  FLURM_TRY(const pid_t pid, spawn(spec));
  return StartedScript{pid, std::move(reading)};
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
