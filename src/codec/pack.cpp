// codec/pack.cpp — Slurm's primitive encodings, outward.
#include "codec/pack.hpp"

#include <algorithm>
#include <bit>

#include "base/result.hpp"
#include "fmt/format.h"

namespace flurm::codec {
namespace {
constexpr double kFloatUnit = 1'000'000;
}

void Packer::grow(std::size_t n) {
  std::size_t used = static_cast<std::size_t>(at_ - out_.data());
  std::size_t size = std::max(used + n, std::max(out_.capacity(), 2 * used + 64));
  out_.resize_and_overwrite(size, [](char*, std::size_t all) { return all; });
  at_ = out_.data() + used;
  end_ = out_.data() + size;
}

void Packer::f64(double& v) { put(std::bit_cast<std::uint64_t>(v * kFloatUnit)); }
void Packer::f32(float& v) { put(std::bit_cast<std::uint32_t>(v * static_cast<float>(kFloatUnit))); }
void Packer::f64_text(double& v) { put_text(fmt::format("{:.6f}", v)); }

void Packer::put_text(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  FLURM_CHECK(text.size() < kAbsentList, "string of {} bytes", text.size());
  put(static_cast<std::uint32_t>(text.size() + 1));
  char* at = room(text.size() + 1);
  std::memcpy(at, text.data(), text.size());
  at[text.size()] = '\0';
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
  raw(v);
}

void Packer::raw(std::string& v) { std::memcpy(room(v.size()), v.data(), v.size()); }

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
