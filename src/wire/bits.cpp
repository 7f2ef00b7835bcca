// wire/bits.cpp — bit strings as hexadecimal text, in both directions.
#include "wire/bits.hpp"

#include <bit>
#include <string>

namespace flurm::wire {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::uint32_t Bits::count() const {
  std::uint32_t n = 0;
  for (std::uint64_t word : words_) n += static_cast<std::uint32_t>(std::popcount(word));
  return n;
}

void fields(codec::Archive& ar, Bits& m) {
  if (ar.kind() == codec::Kind::fuzz) {
    m = {};
    if (ar.choose(4) == 0) return;
    m = Bits(static_cast<std::uint32_t>(1 + ar.choose(200)));
    for (std::uint32_t i = 0; i < m.size_; ++i) {
      if (ar.choose(3) == 0) m.set(i);
    }
    return;
  }
  std::uint32_t size = m.present_ ? m.size_ : kNoVal32;
  ar("size", size);
  if (size == kNoVal32 && ar.kind() != codec::Kind::layout) {
    if (ar.fills()) m = {};
    return;
  }
  std::string mask;
  if (ar.kind() != codec::Kind::unpack) {
    std::uint32_t digits = (m.size_ + 3) / 4;
    mask.resize(2 + digits);
    mask[0] = '0';
    mask[1] = 'x';
    for (std::uint32_t d = 0; d < digits; ++d) {
      mask[2 + digits - 1 - d] = "0123456789ABCDEF"[m.words_[d / 16] >> (d % 16 * 4) & 15];
    }
    return ar("mask", mask);
  }
  ar("mask", mask);
  if (!ar.ok()) return;
  // The mask bounds the allocation: a size without its digits is refused before memory is asked for.
  std::size_t start = mask.starts_with("0x") ? 2 : 0, digits = mask.size() - start;
  if (digits != (static_cast<std::size_t>(size) + 3) / 4) return ar.reject("bit mask and its size disagree");
  m = Bits(size);
  for (std::size_t d = 0; d < digits; ++d) {
    int value = hex_value(mask[mask.size() - 1 - d]);
    if (value < 0) return ar.reject("bit mask is not hexadecimal");
    m.words_[d / 16] |= static_cast<std::uint64_t>(value) << (d % 16 * 4);
  }
  if (size % 64 != 0 && m.words_.back() >> (size % 64) != 0) ar.reject("bits beyond the size are set");
}

}  // namespace flurm::wire
