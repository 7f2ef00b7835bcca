// wire/bits.hpp — bit strings: nodes of a partition, cores of a job.
#pragma once
#include <cstdint>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

/// A row of bits, or none at all (Slurm's NULL bitmap). On the wire: u32 size in bits, then a hexadecimal mask
/// "0x…", most significant digit first, ceil(size / 4) digits. Absent: u32 0xfffffffe alone.
class Bits {
 public:
  Bits() = default;  // absent
  explicit Bits(std::uint32_t size) : present_(true), size_(size), words_((size + 63) / 64) {}

  bool present() const { return present_; }
  std::uint32_t size() const { return size_; }
  /// False beyond the end.
  bool test(std::uint32_t bit) const { return bit < size_ && (words_[bit / 64] >> (bit % 64) & 1); }
  /// `bit` must be below size().
  void set(std::uint32_t bit) { words_[bit / 64] |= 1ull << (bit % 64); }
  std::uint32_t count() const;

  bool operator==(const Bits&) const = default;

 private:
  friend void fields(codec::Archive& ar, Bits& m);
  bool present_ = false;
  std::uint32_t size_ = 0;
  std::vector<std::uint64_t> words_;  // bits beyond size_ are 0
};

}  // namespace flurm::wire
