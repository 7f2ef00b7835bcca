// noded/service.hpp — the node daemon as a whole: configuration, server, supervisors, controller.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"

namespace flurm::noded {

struct ServiceOptions {
  std::string conf_file;    ///< -f; empty with conf_server
  std::string conf_server;  ///< --conf-server: "host[:port],…"
  std::string node_name;    ///< -N; empty: found by the host's name
  std::string log_file;     ///< -L; empty: SlurmdLogFile
  std::string supervisor_program;
  bool foreground = false;   ///< -D
  bool clean_start = false;  ///< -c: forget which jobs ended here
  int verbose = 0;
  bool dynamic = false;      ///< -Z: a node that no file names
  std::string dynamic_conf;  ///< --conf: more about it, as on a NodeName line
  bool booted = false;       ///< -b: report the machine as booted now, for tests
  std::vector<std::string> arguments;  ///< that a program gets which takes this one's place, without its own name
};

/// Reads the configuration, where it is in a file, and no more. Returns a line about this program. Errors: as run_service() gives
/// for a configuration that cannot be used.
Result<std::string> check_service(const ServiceOptions& options);
/// Lines as `slurmd -G` prints them; what is wrong with the files goes to standard error. Errors: as load_node().
Result<std::string> print_gres(const ServiceOptions& options);

/// Runs until it is told to stop; steps go on without it. On SIGUSR1 the program that stands under the name of this one by
/// now takes its place. Errors: what stopped the start.
Result<void> run_service(const ServiceOptions& options);

/// --emulate: stands for all of `nodes` (a host list, or ALL) until it is told to stop; see emulation.hpp. Of `options`
/// conf_file, foreground, log_file and verbose count. Errors: as run_service(); einval (a port for two nodes, or too few file
/// descriptors).
Result<void> run_emulation(const ServiceOptions& options, const std::string& nodes);

/// -C: the hardware as `slurmd -C` prints it.
Result<std::string> print_hardware();

}  // namespace flurm::noded
