// stepd/io_frames.cpp — see io_frames.hpp.
#include "stepd/io_frames.hpp"

#include <algorithm>

namespace flurm::stepd {
namespace {

/// Clients send what they read, 1024 bytes at a time.
constexpr std::uint32_t kIncomingMax = 64 * 1024;

void put16(std::string& out, std::uint32_t v) {
  out.push_back(static_cast<char>(v >> 8));
  out.push_back(static_cast<char>(v));
}

void put32(std::string& out, std::uint32_t v) {
  put16(out, v >> 16);
  put16(out, v);
}

}  // namespace

void append_io_frame(std::string& out, IoType type, std::uint32_t global_task, std::uint32_t local_task,
                     std::string_view payload) {
  put16(out, static_cast<std::uint32_t>(type));
  put16(out, global_task);
  put16(out, local_task);
  put32(out, static_cast<std::uint32_t>(payload.size()));
  out.append(payload);
}

std::string io_init_message(const IoInit& init) {
  std::string body;
  put16(body, init.version);
  put32(body, init.node_rank);
  put32(body, init.stdout_streams);
  put32(body, init.stderr_streams);
  put32(body, static_cast<std::uint32_t>(init.key.size()) + 1);  // with its NUL
  body.append(init.key);
  body.push_back('\0');
  std::string message;
  put32(message, static_cast<std::uint32_t>(body.size()));
  return message + body;
}

Result<std::optional<IoFrameReader::Frame>> IoFrameReader::next() {
  if (buffer_.size() < kIoHeaderBytes) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(buffer_[i])); };
  const auto at16 = [&](std::size_t i) { return static_cast<std::uint16_t>(byte(i) << 8 | byte(i + 1)); };
  Frame frame;
  frame.header = {.type = static_cast<IoType>(at16(0)),
                  .global_task = at16(2),
                  .local_task = at16(4),
                  .length = std::uint32_t{at16(6)} << 16 | at16(8)};
  const IoHeader& header = frame.header;
  const bool known = header.type == IoType::stdin_one || header.type == IoType::stdin_all ||
                     (header.type == IoType::connection_test && header.length == 0);
  if (!known || header.length > kIncomingMax) {
    return fail(Errc::corrupt, "I/O frame of type {}, {} bytes", at16(0), header.length);
  }
  if (buffer_.size() < kIoHeaderBytes + header.length) return std::nullopt;
  frame.payload = buffer_.substr(kIoHeaderBytes, header.length);
  buffer_.erase(0, kIoHeaderBytes + header.length);
  return frame;
}

bool frame_output(std::string& text, bool line_buffered, bool at_end, IoType type, std::uint32_t global_task,
                  std::uint32_t local_task, std::string& out) {
  std::string_view left = text;
  while (!left.empty()) {
    std::size_t take = std::min(left.size(), kIoPayloadMax);
    if (line_buffered) {
      const std::size_t newline = left.substr(0, take).rfind('\n');
      if (newline != std::string_view::npos) {
        take = newline + 1;
      } else if (take < kIoPayloadMax && !at_end) {
        break;
      }
    }
    append_io_frame(out, type, global_task, local_task, left.substr(0, take));
    left.remove_prefix(take);
  }
  const bool any = left.size() != text.size();
  text.erase(0, text.size() - left.size());
  return any;
}

}  // namespace flurm::stepd
