// codec/fuzz.hpp — fills a message with values that are random but repeatable, and that the wire can carry.
#pragma once
#include <string>

#include "codec/archive.hpp"

namespace flurm::codec {

/// One seed, one message. Numbers lean towards the edges of their range and the "no value" marks; strings are
/// printable, empty at times; lists are short, shorter when nested. Fractions survive Slurm's encodings exactly.
class Fuzzer final : public Archive {
 public:
  Fuzzer(std::uint64_t seed, std::uint16_t version) : Archive(Kind::fuzz, version), state_(seed) {}

  void u8(std::uint8_t& v) override { v = static_cast<std::uint8_t>(number(8)); }
  void u16(std::uint16_t& v) override { v = static_cast<std::uint16_t>(number(16)); }
  void u32(std::uint32_t& v) override { v = static_cast<std::uint32_t>(number(32)); }
  void u64(std::uint64_t& v) override { v = number(64); }
  void boolean(bool& v) override { v = choose(2) == 1; }
  void f64(double& v) override;
  void f32(float& v) override;
  void f64_text(double& v) override;
  void time(TimeS& v) override { v.v = choose(4) == 0 ? 0 : static_cast<std::int64_t>(choose(1ull << 33)); }
  void str(std::string& v) override;
  void opt_str(std::optional<std::string>& v) override;
  void bytes(std::string& v) override;
  void raw(std::string& v) override { bytes(v); }
  void count(std::uint32_t& v) override { v = static_cast<std::uint32_t>(choose(4)); }
  void begin_list(ListForm form, std::uint32_t& n) override;
  void end_list() override { --depth_; }
  void begin_optional(bool& present, std::uint8_t) override { present = choose(2) == 1; }

  std::uint64_t choose(std::uint64_t n) override { return next() % n; }

 private:
  std::uint64_t next();
  std::uint64_t number(int bits);
  std::uint64_t state_;
  std::uint64_t depth_ = 0;
};

template <class M>
M fuzz(std::uint64_t seed, std::uint16_t version) {
  M message{};
  Fuzzer fuzzer(seed, version);
  fuzzer.item(message);
  return message;
}

}  // namespace flurm::codec
