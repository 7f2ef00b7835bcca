// replog/segment.hpp — reads libraft's open segments to tell an interrupted write from damage.
//
// A segment is: u64 format 1, then batches: u32 crc of the header, u32 crc of the data, header (u64 n; n times
// u64 term, u8 type, 3 unused, u32 length), data. The file is allocated in advance, so zeros follow. One write holds
// whole batches and is the last thing in the file until it is acknowledged.
//
// A disk writes whole sectors. After a power cut each sector of the last write is either new or still zero; so a
// batch that does not check is an interrupted write only if at least one of its sectors is missing. Otherwise bytes
// have changed that once were good, and perhaps acknowledged.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace flurm::replog {

struct SegmentState {
  bool used = false;        ///< holds at least one good batch or the torn one
  std::size_t batches = 0;  ///< good ones
  bool is_torn = false;
  std::uint64_t torn_at = 0;  ///< first byte of the interrupted write
};

/// Errors: corrupt (names file and offset), io.
Result<SegmentState> inspect_open_segment(const std::string& path);
/// Overwrites everything from `offset` with zeros, durably. Errors: io.
Result<void> wipe_segment_tail(const std::string& path, std::uint64_t offset);

/// The file's bytes. Errors: io.
Result<std::string> read_file(const std::string& path);

/// Calls `visit` with each entry of ours (libraft's own are passed over) in the batches of a segment. An open one may
/// be in the middle of a write, and ends where no good batch follows. A visit that returns false ends the reading.
/// Errors: io; corrupt for an unknown format, or damage to a closed one; and what `visit` returns.
Result<void> read_segment(const std::string& path, bool closed,
                          const std::function<Result<bool>(std::string_view sealed)>& visit);

}  // namespace flurm::replog
