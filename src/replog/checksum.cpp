// replog/checksum.cpp — table-driven CRCs.
#include "replog/checksum.hpp"

#include <array>
#include <cstring>

namespace flurm::replog {
namespace {

using Table = std::array<std::uint32_t, 256>;

/// Eight tables, so that eight bytes are folded in at once.
constexpr std::array<Table, 8> castagnoli_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0);
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (int t = 1; t < 8; ++t) {
      std::uint32_t before = tables[t - 1][i];
      tables[t][i] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Table segment_table() {
  Table table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i << 24;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ (crc & 0x80000000u ? 0x04C11DB7u : 0);
    table[i] = crc;
  }
  return table;
}

constexpr auto kCastagnoli = castagnoli_tables();
constexpr auto kSegment = segment_table();

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
  crc = ~crc;
  const char* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    word ^= crc;
    crc = 0;
    for (int t = 0; t < 8; ++t) crc ^= kCastagnoli[7 - t][(word >> (8 * t)) & 0xff];
  }
  for (; left; --left, ++p) crc = (crc >> 8) ^ kCastagnoli[0][(crc ^ static_cast<unsigned char>(*p)) & 0xff];
  return ~crc;
}

std::uint32_t segment_crc(std::string_view bytes, std::uint32_t crc) {
  for (unsigned char byte : bytes) crc = (crc << 8) ^ kSegment[(crc >> 24) ^ byte];
  return crc;
}

}  // namespace flurm::replog
