// cli/recover.hpp — `flurm cluster recover`: goes on with one controller when the others are lost for good.
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

}  // namespace flurm::cli
