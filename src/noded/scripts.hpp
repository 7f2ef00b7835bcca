// noded/scripts.hpp — programs of the administrator that this daemon runs: prolog, epilog, health check, reboot.
#pragma once
#include <string>
#include <vector>

#include "exec/environment.hpp"
#include "io/process.hpp"
#include "io/task.hpp"

namespace flurm::noded {

struct ScriptResult {
  int wait_status = 0;  ///< as of wait(2)
  bool timed_out = false;
  std::string output;  ///< the end of what it wrote
};

struct ScriptCall {
  std::string kind;     ///< "prolog", for the log
  std::string program;  ///< absolute path
  std::vector<std::string> argv;
  exec::Environment env;
  std::uint64_t timeout_ms = 0;  ///< 0: no limit
  std::size_t output_max = 4096;
};

/// Runs one program to its end; kills it and its process group when the time is up. A program that cannot be started
/// counts as one that exited with 127.
io::Task<ScriptResult> run_script(io::Loop& loop, io::ChildWatch& children, ScriptCall call);

/// Runs all programs that the pattern names (slurm.conf Prolog and Epilog may be globs), in order; stops at none.
/// Returns the wait status of the last that failed, or 0.
io::Task<int> run_scripts(io::Loop& loop, io::ChildWatch& children, std::string pattern, ScriptCall call);

}  // namespace flurm::noded
