// cluster/frames.hpp — what travels on a connection for calls.
//
//   frame: u32 length of what follows, u8 type, u8 kind of call, u16 zero, u64 number of the call, body
//   a failure's body: i32 code, text; a greeting's: the software's version
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace flurm::cluster {

enum class FrameType : std::uint8_t { greeting = 1, ping = 2, pong = 3, request = 4, answer = 5, failure = 6 };

struct Frame {
  FrameType type{};
  std::uint8_t kind = 0;
  std::uint64_t call = 0;
  std::string_view body;
};

constexpr std::size_t kFrameHeadBytes = 16;

/// Adds the frame to `out`.
void put_frame(std::string& out, FrameType type, std::uint8_t kind, std::uint64_t call, std::string_view body);
std::string failure_body(const Error& error);
Error failure_of(std::string_view body);

/// Cuts what was received into frames.
class FrameReader {
 public:
  explicit FrameReader(std::size_t body_max) : body_max_(body_max) {}
  /// Where received bytes are appended.
  std::string& buffer() { return buffer_; }
  /// The next whole frame; its body is good until the next call. nullopt: more bytes are needed. Errors: corrupt.
  Result<std::optional<Frame>> next();

 private:
  std::size_t body_max_;
  std::string buffer_;
  std::size_t used_ = 0;
};

}  // namespace flurm::cluster
