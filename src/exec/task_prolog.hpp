// exec/task_prolog.hpp — a prolog whose output changes the task's environment.
#pragma once
#include <string>
#include <string_view>

#include "exec/environment.hpp"

namespace flurm::exec {

/// Runs `program` (in this process's identity, standard error and directory) and acts on the lines it prints:
/// `export NAME=value`, `unset NAME`, `print text` (goes to standard output). Other lines are dropped.
/// Returns its exit code, 1 when a signal ended it. (slurm.conf(5), TaskProlog)
int run_task_prolog(const std::string& program, Environment& env);

/// The part that reads the lines: returns what is to be printed.
std::string apply_prolog_output(std::string_view output, Environment& env);

}  // namespace flurm::exec
