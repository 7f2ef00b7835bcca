// stepd/io_frames.hpp — what travels between a step's supervisor and srun besides messages: the tasks' streams.
//
// The supervisor opens the connection, says who it is in an init message, and then both sides send frames: a header
// that names stream and task, and up to 1024 bytes. A frame without bytes is the end of its stream. (slurm 22.05
// common/io_hdr.c; the limit is the size of srun's buffers, which it does not check.)
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace flurm::stepd {

enum class IoType : std::uint16_t {
  stdin_one = 0,  ///< for one task
  stdout_data = 1,
  stderr_data = 2,
  stdin_all = 3,        ///< for all tasks
  connection_test = 4,  ///< to be sent back
};

inline constexpr std::size_t kIoHeaderBytes = 10, kIoPayloadMax = 1024;

struct IoHeader {
  IoType type{};
  std::uint16_t global_task = 0, local_task = 0;
  std::uint32_t length = 0;
};

/// Appends header and payload; payload at most kIoPayloadMax bytes.
void append_io_frame(std::string& out, IoType type, std::uint32_t global_task, std::uint32_t local_task,
                     std::string_view payload);

struct IoInit {
  std::uint16_t version = 0;  ///< Slurm's protocol, as the client speaks it
  std::uint32_t node_rank = 0;
  std::uint32_t stdout_streams = 0, stderr_streams = 0;  ///< that will send an end
  std::string_view key;
};
std::string io_init_message(const IoInit& init);

/// Cuts what a client sends into frames.
class IoFrameReader {
 public:
  void add(std::string_view bytes) { buffer_.append(bytes); }
  struct Frame {
    IoHeader header;
    std::string payload;
  };
  /// The next whole frame; nullopt when more bytes are needed. Errors: corrupt (a type that no client sends, too long).
  Result<std::optional<Frame>> next();

 private:
  std::string buffer_;
};

/// Cuts the beginning of `text` into frames and removes it there. line_buffered: a line that is not whole yet stays,
/// unless it is longer than a frame or `at_end`. Returns whether there were any.
bool frame_output(std::string& text, bool line_buffered, bool at_end, IoType type, std::uint32_t global_task,
                  std::uint32_t local_task, std::string& out);

}  // namespace flurm::stepd
