// codec/unpack.cpp — Slurm's primitive encodings, inward and distrustful.
#include "codec/unpack.hpp"

#include <bit>
#include <charconv>
#include <cstring>

#include "fmt/format.h"

namespace flurm::codec {
namespace {
constexpr double kFloatUnit = 1'000'000;
}

std::string Unpacker::path() const {
  std::string text;
  auto add = [&](const char* name) {
    if (!name) return;
    if (!text.empty()) text += '.';
    text += name;
  };
  for (int i = 0; i < depth_; ++i) {
    add(levels_[i].name);
    if (levels_[i].index >= 0) text += fmt::format("[{}]", levels_[i].index);
  }
  add(name_);
  return text;
}

void Unpacker::reject(std::string_view why) {
  if (failed_) return;
  failed_ = true;
  error_ = {Errc::corrupt, fmt::format("{} at byte {}: {}", path(), at_, why)};
}

std::string_view Unpacker::take(std::size_t n) {
  if (failed_) return {};
  if (n > left()) {
    reject(fmt::format("needs {} bytes, {} left", n, left()));
    return {};
  }
  std::string_view part = in_.substr(at_, n);
  at_ += n;
  return part;
}

template <class T>
void Unpacker::get(T& v) {
  std::string_view part = take(sizeof(T));
  if (part.empty()) {
    v = 0;
    return;
  }
  std::memcpy(&v, part.data(), sizeof(T));
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(T) == 2) v = __builtin_bswap16(v);
    if constexpr (sizeof(T) == 4) v = __builtin_bswap32(v);
    if constexpr (sizeof(T) == 8) v = __builtin_bswap64(v);
  }
}
template void Unpacker::get(std::uint8_t&);
template void Unpacker::get(std::uint16_t&);
template void Unpacker::get(std::uint32_t&);
template void Unpacker::get(std::uint64_t&);

void Unpacker::boolean(bool& v) {
  std::uint8_t byte = 0;
  get(byte);
  v = byte != 0;
}

void Unpacker::f64(double& v) {
  std::uint64_t image = 0;
  get(image);
  v = std::bit_cast<double>(image) / kFloatUnit;
}

void Unpacker::f32(float& v) {
  std::uint32_t image = 0;
  get(image);
  v = std::bit_cast<float>(image) / static_cast<float>(kFloatUnit);
}

void Unpacker::f64_text(double& v) {
  v = 0;
  std::string_view text;
  if (!take_text(text)) return;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size()) reject("not a number");
}

void Unpacker::time(TimeS& v) {
  std::uint64_t image = 0;
  get(image);
  v.v = static_cast<std::int64_t>(image);
}

bool Unpacker::take_text(std::string_view& text) {
  std::uint32_t n = 0;
  get(n);
  if (n == 0) return false;
  std::string_view part = take(n);
  if (part.empty()) return false;
  if (part.find('\0') != part.size() - 1) {
    reject("string does not end at its first NUL");
    return false;
  }
  text = part.substr(0, part.size() - 1);
  return true;
}

void Unpacker::str(std::string& v) {
  std::string_view text;
  take_text(text);
  v.assign(text);
}

void Unpacker::opt_str(std::optional<std::string>& v) {
  std::string_view text;
  if (take_text(text)) {
    v.emplace(text);
  } else {
    v.reset();
  }
}

void Unpacker::bytes(std::string& v) {
  std::uint32_t n = 0;
  get(n);
  v.assign(take(n));
}

void Unpacker::raw(std::string& v) { v.assign(take(left())); }

void Unpacker::check_count(std::uint32_t& n) {
  // An item takes at least one byte, so a larger count is a lie whatever the items are.
  if (n > left()) {
    reject(fmt::format("{} items announced, {} bytes left", n, left()));
    n = 0;
  }
  if (failed_) n = 0;
}

void Unpacker::count(std::uint32_t& v) {
  get(v);
  check_count(v);
}

void Unpacker::begin_list(ListForm form, std::uint32_t& n) {
  std::uint16_t narrow = 0;
  switch (form) {
    case ListForm::u32:
    case ListForm::u32_optional:
      get(n);
      break;
    case ListForm::u16:
      get(narrow);
      n = narrow;
      break;
    case ListForm::bare:
      break;
  }
  if (form != ListForm::u32_optional || n != kAbsentList) check_count(n);
  push();
}

void Unpacker::next_item() {
  if (depth_ > 0) ++levels_[depth_ - 1].index;
  name_ = nullptr;
}

void Unpacker::end_list() { pop(); }

void Unpacker::begin_optional(bool& present, std::uint8_t) { boolean(present); }

void Unpacker::begin_struct(std::string_view) { push(); }
void Unpacker::end_struct() { pop(); }

void Unpacker::push() {
  if (depth_ == kDepthMax) {
    reject("nested too deeply");
    ++depth_lost_;
    return;
  }
  levels_[depth_++] = {name_, -1};
  name_ = nullptr;
}

void Unpacker::pop() {
  if (depth_lost_ > 0) {
    --depth_lost_;
    return;
  }
  --depth_;
  name_ = nullptr;
}

Result<void> Unpacker::status() const {
  if (failed_) return std::unexpected(error_);
  return {};
}

Result<void> Unpacker::finish() {
  if (!failed_ && left() > 0) {
    name_ = "(end)";
    reject(fmt::format("{} bytes left over", left()));
  }
  return status();
}

}  // namespace flurm::codec
