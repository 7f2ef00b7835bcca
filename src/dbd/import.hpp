// dbd/import.hpp — the database of a slurmdbd (22.05 or later, on MariaDB or MySQL) copied into a store of ours.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace flurm::dbd {

struct ImportOptions {
  std::string from;         ///< slurmdbd's slurmdbd.conf, for its Storage… keys
  std::string config_file;  ///< ours
};

/// How many of each were copied, in the order in which they were.
using ImportReport = std::vector<std::pair<std::string, std::uint64_t>>;

/// Blocks. Nothing must change the source meanwhile: slurmdbd is stopped. The source is only read. Each part is copied
/// in a transaction with a mark, so that an import that was interrupted goes on where it was.
/// Errors: einval (a configuration; a store that holds something else; no such database), db_connection.
Result<ImportReport> import_from_slurmdbd(const ImportOptions& options);

}  // namespace flurm::dbd
