// cli/backup.hpp — `flurm backup`: the whole state in one file, taken from a running cluster, given to a stopped one.
#pragma once
#include <string>

#include "base/result.hpp"

namespace flurm::cli {

struct BackupOptions {
  std::string local_dir;  ///< a local cluster's folder; empty: as slurm_conf_path() says
  std::string file;
};

/// Asks the first controller that can be reached for everything that is acknowledged by now, checks what came and puts it
/// into the file, which is its owner's alone; an older file stays until the new one is whole. Errors: as order(); corrupt; io.
Result<void> backup_create(const BackupOptions& options);
/// Reads the file as a restore would and prints what it holds. Errors: io, corrupt.
Result<void> backup_verify(const BackupOptions& options);
/// Makes the data directory of this machine's controller (flurmctld -R), or of all of a local cluster, which must be
/// stopped. Errors: io, and what flurmctld refuses.
Result<void> backup_restore(const BackupOptions& options);

}  // namespace flurm::cli
