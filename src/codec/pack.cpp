// codec/pack.cpp — Slurm's primitive encodings, outward.
#include "codec/pack.hpp"

#include <bit>
#include <cstring>

#include "base/result.hpp"
#include "fmt/format.h"

namespace flurm::codec {
namespace {
constexpr double kFloatUnit = 1'000'000;
}

template <class T>
void Packer::put(T v) {
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(T) == 2) v = __builtin_bswap16(v);
    if constexpr (sizeof(T) == 4) v = __builtin_bswap32(v);
    if constexpr (sizeof(T) == 8) v = __builtin_bswap64(v);
  }
  char image[sizeof(T)];
  std::memcpy(image, &v, sizeof(T));
  out_.append(image, sizeof(T));
}
template void Packer::put(std::uint16_t);
template void Packer::put(std::uint32_t);
template void Packer::put(std::uint64_t);

void Packer::f64(double& v) { put(std::bit_cast<std::uint64_t>(v * kFloatUnit)); }
void Packer::f32(float& v) { put(std::bit_cast<std::uint32_t>(v * static_cast<float>(kFloatUnit))); }
void Packer::f64_text(double& v) { put_text(fmt::format("{:.6f}", v)); }

void Packer::put_text(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  FLURM_CHECK(text.size() < kAbsentList, "string of {} bytes", text.size());
  put(static_cast<std::uint32_t>(text.size() + 1));
  out_.append(text);
  out_.push_back('\0');
}

void Packer::str(std::string& v) {
  if (v.empty()) {
    put(std::uint32_t{0});
  } else {
    put_text(v);
  }
}

void Packer::opt_str(std::optional<std::string>& v) {
  if (v) {
    put_text(*v);
  } else {
    put(std::uint32_t{0});
  }
}

void Packer::bytes(std::string& v) {
  FLURM_CHECK(v.size() < kAbsentList, "{} bytes", v.size());
  put(static_cast<std::uint32_t>(v.size()));
  out_.append(v);
}

void Packer::begin_list(ListForm form, std::uint32_t& n) {
  switch (form) {
    case ListForm::u32:
    case ListForm::u32_optional:
      return put(n);
    case ListForm::u16:
      FLURM_CHECK(n <= 0xffff, "list of {} items behind a 16-bit count", n);
      return put(static_cast<std::uint16_t>(n));
    case ListForm::bare:
      return;
  }
}

}  // namespace flurm::codec
