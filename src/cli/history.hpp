// cli/history.hpp — `flurm log list`, `flurm state`, `flurm replay`: the past, read from a controller's data directory.
//
// They read the files only, so they work on a copy as well as beside a running controller.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/types.hpp"

namespace flurm::cli {

struct HistoryOptions {
  std::string local_dir;  ///< of a local cluster; its flurm.conf says where the data is
  std::string data_dir;   ///< wins over it; both empty: as load_flurm_conf() says
  bool full = false;
  std::string at;  ///< a time; empty: not asked for
  std::optional<std::uint64_t> index;
};

/// "2026-11-21T10:00:00", in this machine's time zone.
std::string time_text(TimeS time);

/// One line an entry. Errors: io, corrupt (names the file).
Result<void> log_list(const HistoryOptions& options);
/// The state after entry `index`, or at time `at`, or as the log ends, as JSON. Errors: as above; einval when that
/// moment lies before what is kept, or the time does not parse.
Result<void> state_at(const HistoryOptions& options);
/// Applies everything that is kept to the oldest snapshot that is kept; prints index and hash there, at each later
/// snapshot and at the end. Errors: as above; corrupt when a snapshot is not what its entries give.
Result<void> replay_log(const HistoryOptions& options);

}  // namespace flurm::cli
