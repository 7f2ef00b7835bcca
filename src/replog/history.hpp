// replog/history.hpp — what a log's directory tells to somebody who does not open the log: its snapshots and entries.
//
// For tools. Reads a copy as well as the directory of a running controller, changes nothing, takes no lock. The last
// entries of a member of several may not be committed yet.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "replog/envelope.hpp"

namespace flurm::replog {

struct StoredSnapshot {
  std::string file;  ///< its name in the directory
  Link link;         ///< the last entry that is in it
  std::string state;
};

/// The newest snapshot that has nothing after entry `last`; none when there is no such. Errors: corrupt (names the
/// file), io.
Result<std::optional<StoredSnapshot>> read_snapshot(const std::string& directory, std::uint64_t last);

/// Called with each entry's index and bytes, in order. False ends the reading.
using VisitEntry = std::function<Result<bool>(std::uint64_t index, std::string_view entry)>;

/// Entries after `after` (the link of a snapshot, or none for all that are kept), each checked to follow the one before
/// it. Errors: corrupt (names the file; a gap, too), io, and what `visit` returns.
Result<void> read_entries(const std::string& directory, const std::optional<Link>& after, const VisitEntry& visit);

}  // namespace flurm::replog
