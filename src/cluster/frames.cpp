// cluster/frames.cpp — see frames.hpp.
#include "cluster/frames.hpp"

#include "cluster/bytes.hpp"

namespace flurm::cluster {

void put_frame(std::string& out, FrameType type, std::uint8_t kind, std::uint64_t call, std::string_view body) {
  put(out, static_cast<std::uint32_t>(kFrameHeadBytes - 4 + body.size()));
  put(out, static_cast<std::uint8_t>(type));
  put(out, kind);
  put<std::uint16_t>(out, 0);
  put(out, call);
  out += body;
}

std::string failure_body(const Error& error) {
  // The caller would take it as "never arrived".
  const Errc code = error.code == Errc::communications_connection ? Errc::error : error.code;
  std::string out;
  put(out, static_cast<std::uint32_t>(code));
  return out + error.text;
}

Error failure_of(std::string_view body) {
  if (body.size() < 4) return {Errc::error, "a failure without a code"};
  return {static_cast<Errc>(get<std::uint32_t>(body, 0)), std::string(body.substr(4))};
}

Result<std::optional<Frame>> FrameReader::next() {
  if (buffer_.size() - used_ < kFrameHeadBytes) {
    // Only an incomplete head is left to move.
    buffer_.erase(0, used_);
    used_ = 0;
    return std::nullopt;
  }
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  const std::size_t length = get<std::uint32_t>(rest, 0);
  if (length < kFrameHeadBytes - 4 || length - (kFrameHeadBytes - 4) > body_max_)
    return fail(Errc::corrupt, "a frame of {} bytes", length);
  const Frame frame{static_cast<FrameType>(get<std::uint8_t>(rest, 4)), get<std::uint8_t>(rest, 5),
                    get<std::uint64_t>(rest, 8), rest.substr(kFrameHeadBytes).substr(0, length + 4 - kFrameHeadBytes)};
  if (frame.type < FrameType::greeting || frame.type > FrameType::failure)
    return fail(Errc::corrupt, "a frame of unknown type {}", static_cast<unsigned>(frame.type));
  if (rest.size() < length + 4) {
    if (used_ > 0) {
      buffer_.erase(0, used_);
      used_ = 0;
    }
    return std::nullopt;
  }
  used_ += length + 4;
  return frame;
}

}  // namespace flurm::cluster
