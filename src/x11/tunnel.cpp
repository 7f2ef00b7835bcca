// x11/tunnel.cpp — see tunnel.hpp.
#include "x11/tunnel.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "codec/pack.hpp"
#include "fmt/format.h"
#include "rpc/frames.hpp"
#include "wire/header.hpp"
#include "wire/msg/return_code.hpp"
#include "wire/msg/srun.hpp"

namespace flurm::x11 {
namespace {

constexpr int kPatienceS = 10;
constexpr std::uint32_t kAnswerMax = 64 * 1024;

Result<exec::Fd> connect_to(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int rc = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); rc != 0)
    return fail(Errc::communications_connection, "{}: {}", host, gai_strerror(rc));
  exec::Fd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = kPatienceS, .tv_usec = 0};  // connect() heeds that of sending
  const int yes = 1;
  const bool connected = socket && setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
                         setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
                         connect(socket.get(), found->ai_addr, found->ai_addrlen) == 0;
  const int error = errno;
  freeaddrinfo(found);
  if (!connected) return fail(Errc::communications_connection, "{}:{}: {}", host, port, std::strerror(error));
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return socket;
}

bool read_exactly(int fd, char* bytes, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = read(fd, bytes + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

/// Not a byte more than the answer: what follows is the display's.
Result<std::string> read_answer(int fd) {
  unsigned char head[4];
  if (!read_exactly(fd, reinterpret_cast<char*>(head), sizeof head))
    return fail(Errc::communications_receive, "no answer");
  const std::uint32_t length =
      std::uint32_t{head[0]} << 24 | std::uint32_t{head[1]} << 16 | std::uint32_t{head[2]} << 8 | head[3];
  if (length > kAnswerMax) return fail(Errc::communications_receive, "an answer of {} bytes", length);
  std::string frame(length, '\0');
  if (!read_exactly(fd, frame.data(), frame.size())) return fail(Errc::communications_receive, "half an answer");
  return frame;
}

/// One direction. False when it has come to its end, of which the other side is told.
bool pump(int from, int to) {
  std::array<char, 16 * 1024> buffer;
  ssize_t n = read(from, buffer.data(), buffer.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n > 0 && exec::write_all(to, {buffer.data(), static_cast<std::size_t>(n)})) return true;
  shutdown(from, SHUT_RD);
  shutdown(to, SHUT_WR);
  return false;
}

}  // namespace

Result<exec::Fd> open_route(const Route& route, const auth::Munge& munge) {
  FLURM_TRY(exec::Fd socket, connect_to(route.client_host, route.client_port));
  const wire::NetForward request{.job_id = route.job_id, .flags = 0, .port = route.target_port, .target = route.target};
  wire::Header header;
  header.version = route.version;
  header.msg_type = wire::MsgType::SRUN_NET_FORWARD;
  FLURM_TRY(const std::string frame,
            rpc::seal_frame(std::move(header), codec::pack(request, route.version), munge, getuid()));
  if (!exec::write_all(socket.get(), frame)) return fail(Errc::communications_connection, "the client is gone");
  FLURM_TRY(std::string bytes, read_answer(socket.get()));
  auto answer = rpc::open_frame(std::move(bytes), munge, {.accept_replayed = true, .is_answer = true});
  if (!answer) return std::unexpected(answer.error().error);
  if (!answer->is<wire::ReturnCode>()) return fail(Errc::communications_receive, "an answer of another kind");
  if (const std::uint32_t rc = answer->as<wire::ReturnCode>().return_code; rc != 0)
    return fail(static_cast<Errc>(rc), "the client does not reach the display");
  const timeval forever{};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever);
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof forever);
  return socket;
}

void pass_on(int one, int other) {
  std::array<pollfd, 2> sides{{{one, POLLIN, 0}, {other, POLLIN, 0}}};
  while (sides[0].fd >= 0 || sides[1].fd >= 0) {
    if (poll(sides.data(), sides.size(), -1) < 0 && errno != EINTR) return;
    for (pollfd& side : sides)
      if (side.fd >= 0 && side.revents != 0 && !pump(side.fd, side.fd == one ? other : one)) side.fd = -1;
  }
}

}  // namespace flurm::x11
