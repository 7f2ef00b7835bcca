// codec/unpack.hpp — bytes from outside to a message, or to the first reason why not.
#pragma once
#include <array>
#include <string_view>

#include "base/result.hpp"
#include "codec/archive.hpp"

namespace flurm::codec {

/// Reads `bytes`, which must outlive it. Keeps the first error and does nothing after it. Lengths and counts are
/// compared with the bytes left before anything is allocated; nesting is bounded.
class Unpacker final : public Archive {
 public:
  Unpacker(std::string_view bytes, std::uint16_t version) : Archive(Kind::unpack, version), in_(bytes) {}

  void u8(std::uint8_t& v) override { get(v); }
  void u16(std::uint16_t& v) override { get(v); }
  void u32(std::uint32_t& v) override { get(v); }
  void u64(std::uint64_t& v) override { get(v); }
  void boolean(bool& v) override;
  void f64(double& v) override;
  void f32(float& v) override;
  void f64_text(double& v) override;
  void time(TimeS& v) override;
  void str(std::string& v) override;
  void opt_str(std::optional<std::string>& v) override;
  void bytes(std::string& v) override;
  void raw(std::string& v) override;
  void count(std::uint32_t& v) override;
  void begin_list(ListForm form, std::uint32_t& n) override;
  void next_item() override;
  void end_list() override;
  void begin_optional(bool& present, std::uint8_t mark) override;
  void begin_struct(std::string_view type) override;
  void end_struct() override;

  bool ok() const override { return !failed_; }
  void reject(std::string_view why) override;
  std::size_t position() const override { return at_; }
  std::string consumed_since(std::size_t start) const override { return std::string(in_.substr(start, at_ - start)); }

  std::size_t left() const { return in_.size() - at_; }
  /// The error kept, or one for bytes left over, or nothing. Errc::corrupt; the text names field, offset and reason.
  Result<void> finish();
  /// The error kept, or nothing: for a message with other bytes behind it.
  Result<void> status() const;

 private:
  static constexpr int kDepthMax = 32;  // deeper than any message; stops recursive ones
  struct Level {
    const char* name;
    std::int64_t index;  // of a list's item; -1: not a list, or before its first
  };

  template <class T>
  void get(T& v);
  std::string_view take(std::size_t n);
  bool take_text(std::string_view& text);  // false: NULL
  void push();
  void pop();
  void check_count(std::uint32_t& n);
  std::string path() const;

  std::string_view in_;
  std::size_t at_ = 0;
  bool failed_ = false;
  int depth_ = 0;
  int depth_lost_ = 0;  // levels beyond kDepthMax, already refused
  std::array<Level, kDepthMax> levels_{};
  Error error_;
};

/// Reads all of `bytes` as one M.
template <class M>
Result<M> unpack(std::string_view bytes, std::uint16_t version) {
  Unpacker unpacker(bytes, version);
  M message{};
  unpacker.item(message);
  if (auto done = unpacker.finish(); !done) return std::unexpected(std::move(done.error()));
  return message;
}

}  // namespace flurm::codec
