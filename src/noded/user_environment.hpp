// noded/user_environment.hpp — the environment of a user's login shell, for sbatch --get-user-env and --export=NONE.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "exec/identity.hpp"
#include "io/process.hpp"
#include "io/task.hpp"

namespace flurm::noded {

/// Runs a login shell as the user (su as root; otherwise our own, which is the same user) and reads what it exports.
/// DISPLAY, ENVIRONMENT and HOSTNAME are left out. Errors: timed_out, node_setup_environment.
io::Task<Result<std::vector<std::string>>> user_environment(io::Loop& loop, io::ChildWatch& children,
                                                            exec::Identity user);

/// The entries between the two marks in the shell's output, which may hold whatever profile files print around them.
Result<std::vector<std::string>> parse_user_environment(std::string_view output);

}  // namespace flurm::noded
