// exec/spawn.hpp — programs that a daemon with threads starts in its own identity: supervisors, prologs, epilogs.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "exec/fd.hpp"

namespace flurm::exec {

struct SpawnSpec {
  std::string program;                 ///< absolute path
  std::vector<std::string> argv;       ///< empty: the program's path alone
  std::vector<std::string> env;        ///< NAME=VALUE, all that the program gets
  int stdin_fd = -1;                   ///< -1: /dev/null
  int stdout_fd = -1, stderr_fd = -1;  ///< -1: /dev/null
};

/// Starts the program as the leader of a session of its own, with default signals and no other descriptors than
/// 0, 1 and 2 (all of ours are close-on-exec). Does not copy the caller's memory. Any thread.
/// Errors: node_execve_failed.
Result<pid_t> spawn(const SpawnSpec& spec);

/// A started program and the reading end of its standard output and error, which does not block.
struct StartedScript {
  pid_t pid = 0;
  Fd output;
};
/// As spawn(), with both outputs in one pipe. The `*_fd` of the spec are not used.
Result<StartedScript> start_script(SpawnSpec spec);

/// The paths that a glob pattern names, sorted; the pattern itself where it is a plain path.
std::vector<std::string> matching_paths(const std::string& pattern);

}  // namespace flurm::exec
