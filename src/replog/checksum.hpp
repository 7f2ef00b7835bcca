// replog/checksum.hpp — the two CRCs of the log's files: ours over entries and snapshots, libraft's over its batches.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flurm::replog {

/// CRC-32C (Castagnoli); pass the former result as `crc` to go on over a further piece.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

/// The CRC of libraft's segment files: polynomial 0x04C11DB7, most significant bit first, no inversion.
std::uint32_t segment_crc(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace flurm::replog
