// replog/founding.hpp — a log that does not begin with nothing but with a state: what a restored backup becomes.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "replog/raft_log.hpp"

namespace flurm::replog {

/// Makes the directory of one member, as if it had taken a snapshot of `state` after entry `index` and dropped everything
/// before. Uses options.directory, self and members. Every member of the cluster must be founded with the same state: logs that begin
/// with different ones do not go together, which they find out with the first entry (the checksums' chain begins with
/// that of the state). Nothing is left behind when it fails. Errors: einval (the directory is not empty), io.
Result<void> found_log(const RaftOptions& options, std::uint64_t index, std::string_view state);

}  // namespace flurm::replog
