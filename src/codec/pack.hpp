// codec/pack.hpp — a message to bytes.
#pragma once
#include <string>

#include "codec/archive.hpp"

namespace flurm::codec {

/// Appends to a string. Never fails.
class Packer final : public Archive {
 public:
  Packer(std::string& out, std::uint16_t version) : Archive(Kind::pack, version), out_(out) {}

  void u8(std::uint8_t& v) override { out_.push_back(static_cast<char>(v)); }
  void u16(std::uint16_t& v) override { put(v); }
  void u32(std::uint32_t& v) override { put(v); }
  void u64(std::uint64_t& v) override { put(v); }
  void boolean(bool& v) override { out_.push_back(v ? 1 : 0); }
  void f64(double& v) override;
  void f32(float& v) override;
  void f64_text(double& v) override;
  void time(TimeS& v) override { put(static_cast<std::uint64_t>(v.v)); }
  void str(std::string& v) override;
  void str_item(std::string& v) override { put_text(v); }
  void opt_str(std::optional<std::string>& v) override;
  void bytes(std::string& v) override;
  void raw(std::string& v) override { out_.append(v); }
  void count(std::uint32_t& v) override { put(v); }
  void begin_list(ListForm form, std::uint32_t& n) override;
  void begin_optional(bool& present, std::uint8_t mark) override {
    out_.push_back(present ? static_cast<char>(mark) : 0);
  }

 private:
  template <class T>
  void put(T v);
  void put_text(std::string_view text);
  std::string& out_;
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
