// cli/local.hpp — `flurm local`: a cluster of its own on this machine, for trying out, developing and testing.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace flurm::cli {

struct LocalOptions {
  std::string dir;  ///< empty: default_local_dir()
  std::optional<int> nodes, controllers;
  bool dbd = false;
  std::string conf_extra;  ///< a file; empty: what an earlier `up` was given
  std::string slurm_user;
};

/// $XDG_STATE_HOME/flurm/local or ~/.local/state/flurm/local; for root /var/lib/flurm/local, which other users can
/// enter.
std::string default_local_dir();

/// Starts what is not running and waits until all nodes are idle. Says on standard output what it did. A failure's text
/// has the last lines of the log that tells why, and what to do.
Result<void> local_up(const LocalOptions& options);
/// Prints shell commands that make Slurm's clients use the cluster.
Result<void> local_env(const LocalOptions& options);
/// Prints one line per process. Returns 0 when all run, 3 when not, 1 when there is no cluster in the folder.
int local_status(const LocalOptions& options);
/// Stops daemons, supervisors and jobs. Succeeds when nothing runs any more.
Result<void> local_down(const LocalOptions& options);

/// Variables and their values.
using Environment = std::vector<std::pair<std::string, std::string>>;
/// What the environment of each controller of a local cluster has beside ours. Errors: io, no cluster is there; einval, one of
/// them runs.
Result<std::vector<Environment>> stopped_controllers(const std::string& dir);

}  // namespace flurm::cli
