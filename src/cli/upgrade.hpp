// cli/upgrade.hpp — `flurm upgrade`: another program takes the place of running controllers, and no client notices.
#pragma once
#include <string>

#include "base/result.hpp"

namespace flurm::cli {

struct UpgradeOptions {
  std::string local_dir;   ///< a local cluster's folder; empty: as slurm_conf_path() says
  std::string program;     ///< empty: what stands under the name that each controller was started from
  std::string controller;  ///< only this one; empty: all, one after the other, each when the one before serves again
};

/// Prints a line for each. Stops at the first that does not take the program, or does not serve again. Errors: as order();
/// einval (no such controller), timed_out.
Result<void> upgrade_controllers(const UpgradeOptions& options);

}  // namespace flurm::cli
