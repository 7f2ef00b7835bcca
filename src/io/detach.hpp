// io/detach.hpp — what a program does that becomes a daemon.
#pragma once
#include "base/result.hpp"

namespace flurm::io {

/// Goes on in a child that has no terminal and leads a session; the parent exits. Standard input and outputs lead
/// nowhere. Before there is a loop or a thread. Errors: io (cannot fork).
Result<void> detach();

}  // namespace flurm::io
