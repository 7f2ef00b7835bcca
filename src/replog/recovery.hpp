// replog/recovery.hpp — by hand: a log whose majority is gone for good becomes that of one member again, at a price; a
// damaged one is put away.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "replog/log.hpp"

namespace flurm::replog {

/// What a log's directory says about itself.
struct Survivor {
  std::uint64_t self = 0;
  std::vector<Member> members;  ///< as the log has them
  std::uint64_t last = 0;       ///< its last entry, which may never have been acknowledged
};

/// Errors: einval (no log, in use, of a member that never counted), corrupt (names the file), io.
Result<Survivor> look_at_survivor(const std::string& directory);

/// Makes the member that the log belongs to its only one. Everything in it counts as committed from now on. Files keep
/// the directory's owner. Errors: as above; einval when it is the only one already.
Result<void> recover_alone(const std::string& directory);

/// The directory of a member that is to get everything from the others: what is there is kept in a folder below, whose
/// path this returns. Errors: einval (no log, in use), io.
Result<std::string> begin_anew(const std::string& directory);

}  // namespace flurm::replog
