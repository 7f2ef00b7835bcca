// replog/backup.hpp — a state in a file of its own, which says what it is and tells when a byte of it is wrong.
//
//   FLURM backup 1
//   cluster: NAME
//   format: F            of the state
//   index: I             the last entry of the log that is in it
//   time: T              Unix seconds
//   length: L            of the state
//   crc32c: XXXXXXXX     of the lines above and the state
//   (an empty line, then L bytes)
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/types.hpp"

namespace flurm::replog {

struct Backup {
  std::string cluster;  ///< one line
  std::uint16_t format = 0;
  std::uint64_t index = 0;
  TimeS time;
  std::string state;
  bool operator==(const Backup&) const = default;
};

std::string seal_backup(const Backup& backup);
/// Errors: corrupt, whatever is wrong with it.
Result<Backup> open_backup(std::string_view bytes);

}  // namespace flurm::replog
