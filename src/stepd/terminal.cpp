// stepd/terminal.cpp — see terminal.hpp.
#include "stepd/terminal.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace flurm::stepd {
namespace {

constexpr std::size_t kSizeBytes = 4;

/// Address of a numeric host; the length is 0 for none.
socklen_t socket_address(const std::string& host, std::uint16_t port, sockaddr_storage& out) {
  out = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(out);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return sizeof v6;
  }
  return 0;
}

}  // namespace

Result<TerminalPair> open_terminal(std::uint32_t uid, bool plain) {
  TerminalPair pair;
  pair.master = exec::Fd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  int slave = -1;
  if (pair.master && grantpt(pair.master.get()) == 0 && unlockpt(pair.master.get()) == 0) {
    slave = ioctl(pair.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  }
  pair.slave = exec::Fd(slave);
  if (!pair.slave || (geteuid() == 0 && fchown(slave, uid, static_cast<gid_t>(-1)) != 0)) {
    return fail(Errc::node_io_error, "terminal: {}", std::strerror(errno));
  }
  if (plain) {
    termios settings{};
    if (tcgetattr(slave, &settings) == 0) {
      settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);
      tcsetattr(slave, TCSANOW, &settings);
    }
  }
  fcntl(pair.master.get(), F_SETFL, O_NONBLOCK);
  return pair;
}

void set_terminal_size(int fd, std::uint16_t rows, std::uint16_t columns) {
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  (void)ioctl(fd, TIOCSWINSZ, &size);
}

Result<exec::Fd> connect_to(const std::string& host, std::uint16_t port, int timeout_ms) {
  sockaddr_storage address;
  const socklen_t length = socket_address(host, port, address);
  if (length == 0) return fail(Errc::communications_connection, "{} is no address", host);
  exec::Fd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(Errc::communications_connection, "socket: {}", std::strerror(errno));
  int error = 0;
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
    if (errno != EINPROGRESS)
      return fail(Errc::communications_connection, "{}:{}: {}", host, port, std::strerror(errno));
    pollfd connecting{socket.get(), POLLOUT, 0};
    error = poll(&connecting, 1, timeout_ms) > 0 ? 0 : ETIMEDOUT;
    socklen_t size = sizeof error;
    if (error == 0) getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) return fail(Errc::communications_connection, "{}:{}: {}", host, port, std::strerror(error));
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return socket;
}

bool WindowWatch::read_available() {
  char bytes[64];
  const ssize_t n = recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n <= 0) {
    close();
    return false;
  }
  buffer_.append(bytes, static_cast<std::size_t>(n));
  bool changed = false;
  while (buffer_.size() >= kSizeBytes) {
    const auto at16 = [&](std::size_t i) {
      return static_cast<std::uint16_t>(static_cast<unsigned char>(buffer_[i]) << 8 |
                                        static_cast<unsigned char>(buffer_[i + 1]));
    };
    set_terminal_size(master_.get(), at16(2), at16(0));
    buffer_.erase(0, kSizeBytes);
    changed = true;
  }
  return changed;
}

void WindowWatch::close() {
  socket_.reset();
  master_.reset();
}

}  // namespace flurm::stepd
