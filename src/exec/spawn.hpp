// exec/spawn.hpp — programs that a daemon with threads starts in its own identity: supervisors, prologs, epilogs.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "exec/fd.hpp"
#include "exec/identity.hpp"

namespace flurm::exec {

struct SpawnSpec {
  std::string program;                 ///< absolute path
  std::vector<std::string> argv;       ///< empty: the program's path alone
  std::vector<std::string> env;        ///< NAME=VALUE, all that the program gets
  int stdin_fd = -1;                   ///< -1: /dev/null
  int stdout_fd = -1, stderr_fd = -1;  ///< -1: /dev/null
  int mount_namespace = -1;            ///< spawn_as() only: where the program is to live; -1: in ours
};

/// Starts the program as the leader of a session of its own, with default signals and no other descriptors than
/// 0, 1 and 2. Does not copy the caller's memory. Any thread.
/// Errors: node_execve_failed.
Result<pid_t> spawn(const SpawnSpec& spec);

/// As spawn(), and the program runs as that user. For rare use where we are root: it copies the caller's memory.
Result<pid_t> spawn_as(const SpawnSpec& spec, const Identity& user);

/// A started program and the memory file that both its outputs go to.
struct StartedScript {
  pid_t pid = 0;
  Fd output;
};
/// As spawn(); its outputs are not where the spec says. A file rather than a pipe: nobody has to read along.
Result<StartedScript> start_script(SpawnSpec spec);
/// The last `bytes_max` bytes that the script wrote.
std::string script_output(const Fd& output, std::size_t bytes_max);

/// The paths that a glob pattern names, sorted; the pattern itself where it is a plain path.
std::vector<std::string> matching_paths(const std::string& pattern);

}  // namespace flurm::exec
