// stepd/connection.cpp — see connection.hpp.
#include "stepd/connection.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace flurm::stepd {

bool Connection::read_available() {
  char buffer[4096];
  while (fd_) {
    const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0) {
      reader_.add({buffer, static_cast<std::size_t>(n)});
      if (static_cast<std::size_t>(n) < sizeof buffer) return true;
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else if (n < 0 && errno == EAGAIN) {
      return true;
    } else {
      fd_.reset();
    }
  }
  return false;
}

std::optional<exec::StepFrameReader::Frame> Connection::next() {
  auto frame = reader_.next();
  if (frame) return std::move(*frame);
  fd_.reset();
  return std::nullopt;
}

void Connection::send_bytes(std::string_view bytes) {
  while (fd_ && !bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      fd_.reset();
    } else {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
}

}  // namespace flurm::stepd
