// exec/identity.hpp — who a task runs as.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace flurm::exec {

struct Identity {
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> gids;  ///< supplementary groups
  std::string name;                 ///< login name
};

/// Makes this process the user for good: groups, then gid, then uid, real, effective and saved. Call it in a
/// single-threaded child. Not being root is fine where `identity` already is who we are; groups then stay.
/// Errors: eperm.
Result<void> become(const Identity& identity);

}  // namespace flurm::exec
