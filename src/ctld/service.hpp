// ctld/service.hpp — the controller as a whole: configuration, log, state, server, scheduler, effects, monitor.
#pragma once
#include <string>

#include "base/result.hpp"

namespace flurm::ctld {

struct ServiceOptions {
  std::string config_file = "/etc/slurm/slurm.conf";
  bool foreground = false;   // -D
  bool clear_state = false;  // -c: begin with no jobs and the nodes as configured
  int verbose = 0;           // -v, each one level more
  std::string restore_file;  // -R: only make the data directory, from this backup
};

/// Reads the configuration as run_service() does, and no more. Returns a line about this program.
/// Errors: as run_service() gives for a configuration that cannot be used.
Result<std::string> check_service(const ServiceOptions& options);

/// Runs the controller until it is told to stop; or restores a backup and prints what it held. Errors: what stopped the start, with the file, key or port at fault.
Result<void> run_service(const ServiceOptions& options);

}  // namespace flurm::ctld
