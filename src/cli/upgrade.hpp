// cli/upgrade.hpp — `flurm upgrade`: another program takes the place of running daemons, and no client notices.
#pragma once
#include <string>

#include "base/result.hpp"

namespace flurm::cli {

struct UpgradeOptions {
  std::string local_dir;   ///< a local cluster's folder; empty: as slurm_conf_path() says
  std::string program;     ///< empty: what stands under the name that each controller was started from
  std::string controller;  ///< only this one; empty: all, one after the other, each when the one before serves again
  std::string node;        ///< instead of controllers, the daemon of this node, which runs on this machine
};

/// Prints a line for each. Stops at the first that does not take the program, or does not serve again. Errors: as order();
/// einval (no such controller), timed_out.
Result<void> upgrade_controllers(const UpgradeOptions& options);
/// Has the node's daemon take up the program that stands under the name of its own by now: SIGUSR1 to the process of its pid file.
/// Errors: einval (no such node; a program was given), io (it does not run here), timed_out (it did not: its log says why).
Result<void> upgrade_node(const UpgradeOptions& options);

}  // namespace flurm::cli
