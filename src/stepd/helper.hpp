// stepd/helper.hpp — a program beside ours that serves the step as the step's user, with whom the supervisor keeps a
// socket. When the supervisor dies, the socket's end tells the program to end.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "exec/fd.hpp"
#include "exec/step_messages.hpp"

namespace flurm::stepd {

struct Helper {
  exec::Fd socket;  ///< the program's standard input is the other end
  pid_t pid = 0;
};

/// name: of the program, in our directory. mount_namespace: where it is to live, -1: in ours.
/// Errors: node_fork_failed, node_execve_failed.
Result<Helper> start_helper(const char* name, const exec::Identity& user, int mount_namespace = -1);

/// Writes `setup` to it, and waits for a frame that begins its work. Errors: node_fork_failed.
Result<exec::StepFrameReader::Frame> first_answer(const Helper& helper, exec::StepFrameReader& reader,
                                                  const std::string& setup, const char* name);

}  // namespace flurm::stepd
