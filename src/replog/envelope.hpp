// replog/envelope.hpp — what surrounds an entry and a snapshot on disk, so that nothing is ever lost in silence.
//
// Each entry carries its index, a checksum, and the checksum of the entry before it. A lost, doubled, reordered or
// altered entry breaks the chain, whatever the storage below says. All numbers are little-endian.
//
//   entry:    u32 magic "FLE1", u32 crc, u64 index, u32 crc of the entry before, u32 length, bytes, 0 up to 8 bytes
//   snapshot: u32 magic "FLS1", u32 crc, u64 index, u32 crc of entry `index`, u32 zero, u64 length, bytes
//
// A crc covers everything after itself (padding excepted).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace flurm::replog {

/// The end of a chain: the last index and its entry's checksum.
struct Link {
  std::uint64_t index = 0;
  std::uint32_t crc = 0;
  bool operator==(const Link&) const = default;
};

/// Bytes that an entry of `length` bytes takes in its envelope: a multiple of eight, as libraft wants it.
std::size_t sealed_size(std::size_t length);
/// Writes the sealed entry to `out` (sealed_size bytes) and moves `link` on to it.
void seal_entry(std::string_view entry, Link& link, char* out);
/// The entry inside; `link` must be the one before it and moves on. Errors: corrupt.
Result<std::string_view> open_entry(std::string_view sealed, Link& link);

/// What must come before the sealed entry. Not checked further than its own format. Errors: corrupt.
Result<Link> link_before(std::string_view sealed);

std::string seal_snapshot(std::string_view state, Link link);
/// The state inside; sets `link`. Errors: corrupt.
Result<std::string_view> open_snapshot(std::string_view sealed, Link& link);

}  // namespace flurm::replog
