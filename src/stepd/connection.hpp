// stepd/connection.hpp — one daemon's connection to the supervisor: frames over a socket that never blocks us.
#pragma once
#include <string_view>

#include "codec/pack.hpp"
#include "exec/fd.hpp"
#include "exec/step_messages.hpp"

namespace flurm::stepd {

class Connection {
 public:
  /// version: of the frames, kStepProtocol or an older one.
  explicit Connection(exec::Fd fd, std::uint16_t version = exec::kStepProtocol)
      : fd_(std::move(fd)), version_(version), reader_(exec::kStepFrameMax) {}

  int fd() const { return fd_.get(); }
  std::uint16_t version() const { return version_; }
  /// Reads what is there; false when the connection is over.
  bool read_available();
  /// The next whole frame; nullopt when there is none. A corrupt stream closes the connection.
  std::optional<exec::StepFrameReader::Frame> next();

  /// Closes the connection when the peer does not take its frames: it can come back and ask again.
  template <class M>
  void send(exec::StepFrame type, const M& message) {
    send_bytes(exec::step_frame(type, codec::pack(message, version_)));
  }
  bool is_open() const { return static_cast<bool>(fd_); }

 private:
  void send_bytes(std::string_view bytes);
  exec::Fd fd_;
  std::uint16_t version_;
  exec::StepFrameReader reader_;
};

}  // namespace flurm::stepd
