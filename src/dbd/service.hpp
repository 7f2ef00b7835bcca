// dbd/service.hpp — flurmdbd as a process: configuration, signals, the parts put together.
#pragma once
#include <string>

#include "base/result.hpp"

namespace flurm::dbd {

struct ServiceOptions {
  std::string config_file = "/etc/slurm/slurmdbd.conf";
  bool foreground = false;
  int verbose = 0;
};

/// Until SIGTERM or SIGINT, or until an administrator asks for the end.
/// Errors: einval (configuration), io (port, files), db_connection (the database cannot be opened).
Result<void> run_service(const ServiceOptions& options);

}  // namespace flurm::dbd
