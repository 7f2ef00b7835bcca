// cli/recover.hpp — by hand, on a controller's machine while it is stopped: `flurm cluster recover` goes on with it
// when the others are lost for good, `flurm cluster rebuild` lets it get everything from the others.
#pragma once
#include <string>

#include "base/result.hpp"

namespace flurm::cli {

struct RecoverOptions {
  std::string data_dir;  ///< of the controller that is left
  bool yes = false;      ///< the warning was read
};

/// Says what may be lost, and with `yes` makes the log in the directory that of one controller. Errors: einval, io,
/// corrupt.
Result<void> recover_cluster(const RecoverOptions& options);

struct RebuildOptions {
  std::string data_dir;   ///< of the controller whose disk is bad
  std::string local_dir;  ///< a local cluster's folder; empty: as slurm_conf_path() says
};

/// Puts the files in the directory away, so that the controller begins with an empty one. Errors: einval (a controller
/// runs there, the others are no majority), io.
Result<void> rebuild_controller(const RebuildOptions& options);

}  // namespace flurm::cli
