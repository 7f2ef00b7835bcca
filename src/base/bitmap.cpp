// base/bitmap.cpp — set operations word by word, and the text forms.
#include "base/bitmap.hpp"

#include <algorithm>
#include <charconv>

namespace flurm {

void Bitmap::trim() {
  if (size_ % 64 != 0) words_.back() &= (std::uint64_t{1} << (size_ % 64)) - 1;
}

void Bitmap::set_range(std::size_t first_bit, std::size_t last_bit) {
  for (std::size_t bit = first_bit; bit <= last_bit; ++bit) {
    if (bit % 64 == 0 && bit + 63 <= last_bit) {
      word(bit + 63);  // checks the bound
      words_[bit / 64] = ~std::uint64_t{0};
      bit += 63;
    } else {
      set(bit);
    }
  }
}

void Bitmap::set_all() {
  words_.assign(words_.size(), ~std::uint64_t{0});
  trim();
}

void Bitmap::resize(std::size_t size) {
  size_ = size;
  words_.resize((size + 63) / 64);
  trim();
}

std::size_t Bitmap::count() const {
  std::size_t sum = 0;
  for (auto w : words_) sum += static_cast<std::size_t>(std::popcount(w));
  return sum;
}

bool Bitmap::any() const {
  return std::ranges::any_of(words_, [](auto w) { return w != 0; });
}

std::size_t Bitmap::first(std::size_t from) const {
  if (from >= size_) return size_;
  std::size_t w = from / 64;
  std::uint64_t rest = words_[w] & (~std::uint64_t{0} << (from % 64));
  while (rest == 0) {
    if (++w == words_.size()) return size_;
    rest = words_[w];
  }
  return w * 64 + static_cast<std::size_t>(std::countr_zero(rest));
}

std::size_t Bitmap::last() const {
  for (std::size_t w = words_.size(); w-- > 0;)
    if (words_[w] != 0) return w * 64 + 63 - static_cast<std::size_t>(std::countl_zero(words_[w]));
  return size_;
}

Bitmap& Bitmap::operator|=(const Bitmap& other) {
  FLURM_CHECK(size_ == other.size_, "{} and {} bits", size_, other.size_);
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  return *this;
}

Bitmap& Bitmap::operator&=(const Bitmap& other) {
  FLURM_CHECK(size_ == other.size_, "{} and {} bits", size_, other.size_);
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  return *this;
}

Bitmap& Bitmap::and_not(const Bitmap& other) {
  FLURM_CHECK(size_ == other.size_, "{} and {} bits", size_, other.size_);
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  return *this;
}

std::size_t Bitmap::count_and(const Bitmap& other) const {
  FLURM_CHECK(size_ == other.size_, "{} and {} bits", size_, other.size_);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < words_.size(); ++i)
    sum += static_cast<std::size_t>(std::popcount(words_[i] & other.words_[i]));
  return sum;
}

bool Bitmap::intersects(const Bitmap& other) const {
  FLURM_CHECK(size_ == other.size_, "{} and {} bits", size_, other.size_);
  for (std::size_t i = 0; i < words_.size(); ++i)
    if ((words_[i] & other.words_[i]) != 0) return true;
  return false;
}

bool Bitmap::subset_of(const Bitmap& other) const {
  FLURM_CHECK(size_ == other.size_, "{} and {} bits", size_, other.size_);
  for (std::size_t i = 0; i < words_.size(); ++i)
    if ((words_[i] & ~other.words_[i]) != 0) return false;
  return true;
}

std::string Bitmap::list() const {
  std::string out;
  for (std::size_t lo = first(); lo < size_;) {
    std::size_t hi = lo;
    while (test(hi + 1)) ++hi;
    if (!out.empty()) out += ',';
    out += std::to_string(lo);
    if (hi > lo) out += "-" + std::to_string(hi);
    lo = first(hi + 1);
  }
  return out;
}

Result<Bitmap> Bitmap::from_list(std::string_view text, std::size_t size) {
  Bitmap out(size);
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    std::size_t lo = 0, hi = 0;
    auto [after, error] = std::from_chars(at, end, lo);
    if (error != std::errc{}) return fail(Errc::einval, "'{}' is not a list of numbers", text);
    hi = lo;
    if (after < end && *after == '-') {
      auto [after_hi, error_hi] = std::from_chars(after + 1, end, hi);
      if (error_hi != std::errc{}) return fail(Errc::einval, "'{}' is not a list of numbers", text);
      after = after_hi;
    }
    if (hi < lo || hi >= size) return fail(Errc::einval, "'{}': numbers must ascend and be below {}", text, size);
    out.set_range(lo, hi);
    if (after < end && (*after != ',' || after + 1 == end))
      return fail(Errc::einval, "'{}' is not a list of numbers", text);
    at = after < end ? after + 1 : end;
  }
  return out;
}

std::string Bitmap::hex() const {
  std::string out = "0x";
  for (std::size_t d = (size_ + 3) / 4; d-- > 0;) out += "0123456789ABCDEF"[words_[d / 16] >> (d % 16 * 4) & 0xf];
  return out;
}

Result<Bitmap> Bitmap::from_hex(std::string_view text, std::size_t size) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
  Bitmap out(size);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    unsigned value = 0;
    const char* at = digits.data() + digits.size() - 1 - i;
    if (std::from_chars(at, at + 1, value, 16).ptr != at + 1)
      return fail(Errc::einval, "'{}' is not hexadecimal", text);
    for (std::size_t b = 0; b < 4; ++b)
      if ((value >> b & 1) != 0) {
        if (i * 4 + b >= size) return fail(Errc::einval, "'{}' has a bit beyond {}", text, size);
        out.set(i * 4 + b);
      }
  }
  return out;
}

}  // namespace flurm
