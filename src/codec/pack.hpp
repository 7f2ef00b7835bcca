// codec/pack.hpp — a message to bytes.
#pragma once
#include <bit>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "codec/archive.hpp"

namespace flurm::codec {

/// Appends to a string. Never fails. The string is whole when the packer is gone, not before: it is written into
/// ahead of its size, because a message is a hundred small writes.
class Packer final : public Archive {
 public:
  Packer(std::string& out, std::uint16_t version)
      : Archive(Kind::pack, version), out_(out), at_(out.data() + out.size()), end_(at_) {}
  ~Packer() override { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }

  void u8(std::uint8_t& v) override { *room(1) = static_cast<char>(v); }
  void u16(std::uint16_t& v) override { put(v); }
  void u32(std::uint32_t& v) override { put(v); }
  void u64(std::uint64_t& v) override { put(v); }
  void boolean(bool& v) override { *room(1) = v ? 1 : 0; }
  void f64(double& v) override;
  void f32(float& v) override;
  void f64_text(double& v) override;
  void time(TimeS& v) override { put(static_cast<std::uint64_t>(v.v)); }
  void str(std::string& v) override;
  void str_item(std::string& v) override { put_text(v); }
  void opt_str(std::optional<std::string>& v) override;
  void bytes(std::string& v) override;
  void raw(std::string& v) override;
  void count(std::uint32_t& v) override { put(v); }
  void begin_list(ListForm form, std::uint32_t& n) override;
  void begin_optional(bool& present, std::uint8_t mark) override { *room(1) = present ? static_cast<char>(mark) : 0; }

 private:
  /// The next `n` bytes, to be written.
  char* room(std::size_t n) {
    if (static_cast<std::size_t>(end_ - at_) < n) grow(n);
    return std::exchange(at_, at_ + n);
  }
  void grow(std::size_t n);
  template <class T>
  void put(T v) {
    if constexpr (std::endian::native == std::endian::little) {
      if constexpr (sizeof(T) == 2) v = __builtin_bswap16(v);
      if constexpr (sizeof(T) == 4) v = __builtin_bswap32(v);
      if constexpr (sizeof(T) == 8) v = __builtin_bswap64(v);
    }
    std::memcpy(room(sizeof(T)), &v, sizeof(T));
  }
  void put_text(std::string_view text);

  std::string& out_;
  char *at_, *end_;  // next byte to write, and the end of out_
};

/// Appends `message` in `version` to `out`.
template <class M>
void pack_to(std::string& out, const M& message, std::uint16_t version) {
  Packer packer(out, version);
  packer.item(const_cast<M&>(message));  // a description changes the message only for archives that fill
}

template <class M>
std::string pack(const M& message, std::uint16_t version) {
  std::string out;
  pack_to(out, message, version);
  return out;
}

}  // namespace flurm::codec
