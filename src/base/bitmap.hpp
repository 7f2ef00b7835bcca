// base/bitmap.hpp — a set of small numbers (nodes, cores, array tasks) as bits, with Slurm's text forms.
// Binary operations need operands of equal size(); that is a precondition of ours, not of input.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace flurm {

class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::size_t size) : size_(size), words_((size + 63) / 64) {}

  std::size_t size() const { return size_; }
  bool test(std::size_t bit) const { return bit < size_ && (words_[bit / 64] >> (bit % 64) & 1) != 0; }
  void set(std::size_t bit) { word(bit) |= std::uint64_t{1} << (bit % 64); }
  void clear(std::size_t bit) { word(bit) &= ~(std::uint64_t{1} << (bit % 64)); }
  void set_range(std::size_t first, std::size_t last);  ///< both ends included
  void set_all();
  void clear_all() { words_.assign(words_.size(), 0); }
  /// Grows (new bits clear) or cuts.
  void resize(std::size_t size);

  std::size_t count() const;
  bool any() const;
  bool none() const { return !any(); }
  /// Lowest set bit ≥ `from`, or size() when there is none.
  std::size_t first(std::size_t from = 0) const;
  std::size_t last() const;  ///< highest set bit, or size()

  Bitmap& operator|=(const Bitmap& other);
  Bitmap& operator&=(const Bitmap& other);
  Bitmap& and_not(const Bitmap& other);  ///< removes other's bits
  friend Bitmap operator|(Bitmap a, const Bitmap& b) { return a |= b; }
  friend Bitmap operator&(Bitmap a, const Bitmap& b) { return a &= b; }
  std::size_t count_and(const Bitmap& other) const;  ///< count of the intersection, without making it
  bool intersects(const Bitmap& other) const;
  bool subset_of(const Bitmap& other) const;
  auto operator<=>(const Bitmap&) const = default;
  bool operator==(const Bitmap&) const = default;

  /// Calls `f(bit)` for each set bit, ascending.
  template <class F>
  void for_each(F f) const {
    for (std::size_t w = 0; w < words_.size(); ++w)
      for (std::uint64_t rest = words_[w]; rest != 0; rest &= rest - 1)
        f(w * 64 + static_cast<std::size_t>(std::countr_zero(rest)));
  }

  /// "0-3,7"; empty for no bits (Slurm's bit_fmt).
  std::string list() const;
  /// Reads list(); "" is the empty set, "N:S" steps are not accepted. Errors: einval for text out of form or
  /// numbers ≥ size.
  static Result<Bitmap> from_list(std::string_view text, std::size_t size);
  /// "0x201": most significant digit first, ceil(size/4) digits (Slurm's bit_fmt_hexmask).
  std::string hex() const;
  /// Reads hex(); "0x" and leading zeros may lack. Errors: einval when not hexadecimal, or a bit ≥ size.
  static Result<Bitmap> from_hex(std::string_view text, std::size_t size);

  const std::vector<std::uint64_t>& words() const { return words_; }

 private:
  std::uint64_t& word(std::size_t bit) {
    FLURM_CHECK(bit < size_, "bit {} of {}", bit, size_);
    return words_[bit / 64];
  }
  void trim();

  std::size_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace flurm
