// exec/program.hpp — the program that this daemon runs, and another one that may take its place (io/successor.hpp).
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"

namespace flurm::exec {

/// The file that this process was started from; another one may be there under that name by now.
std::string own_program();

/// Our environment, NAME=VALUE each, and behind it `more`.
std::vector<std::string> environment_and(const std::vector<std::pair<std::string, std::string>>& more);

/// Runs the program with these arguments and environment (all that it gets), and returns the last line that it printed.
/// Blocks, ten seconds at most. Errors: einval, it ended with an error (the text has what it said); timed_out;
/// node_execve_failed.
Result<std::string> try_program(const std::string& program, const std::vector<std::string>& arguments,
                                const std::vector<std::string>& environment);

/// The processes that this one started and has not reaped yet, whoever ran in it then.
std::vector<int> own_children();

}  // namespace flurm::exec
