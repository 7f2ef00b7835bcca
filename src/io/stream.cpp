// io/stream.cpp — sockets over libuv. Reads and writes try the system call at once and wait only when it would block.
#include "io/stream.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <coroutine>
#include <cstring>

#include "io/stream_impl.hpp"
#include "io/timer.hpp"

namespace flurm::io {

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text);
      return fmt::format("{}:{}", text, ntohs(v6.sin6_port));
    }
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  return "unix";
}

Stream::Impl::Impl(Loop& the_loop, bool is_unix) : loop(the_loop) {
  if (is_unix) {
    check_uv(uv_pipe_init(loop.raw(), &handle.pipe, 0), "uv_pipe_init");
  } else {
    check_uv(uv_tcp_init(loop.raw(), &handle.tcp), "uv_tcp_init");
  }
  handle.any.data = this;
}

std::shared_ptr<Stream::Impl> Stream::Impl::make(Loop& loop, bool is_unix) {
  auto impl = std::make_shared<Impl>(loop, is_unix);
  impl->self = impl;
  return impl;
}

void Stream::Impl::connected() {
  uv_os_fd_t raw = -1;
  uv_fileno(&handle.any, &raw);
  fd = raw;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) address.ss_family = AF_UNSPEC;
  peer = address_text(address);
  if (handle.any.type == UV_TCP) uv_tcp_nodelay(&handle.tcp, 1);
}

void Stream::Impl::close() {
  if (!open) return;
  open = false;
  fd = -1;
  if (reader) {
    read_result = UV_ECANCELED;
    resume_later(reader, read_timer);
  }
  if (writer) {
    write_result = UV_ECANCELED;
    resume_later(writer, write_timer);
  }
  uv_close(&handle.any, [](uv_handle_t* h) { static_cast<Impl*>(h->data)->self.reset(); });
}

void Stream::Impl::resume_later(std::coroutine_handle<>& waiting, std::unique_ptr<Timer>& timer) {
  timer.reset();
  loop.defer([h = std::exchange(waiting, nullptr)] { h.resume(); });
}

void Stream::Impl::resume_now(std::coroutine_handle<>& waiting, std::unique_ptr<Timer>& timer) {
  if (timer) timer->stop();
  if (auto h = std::exchange(waiting, nullptr)) h.resume();
}

void Stream::Impl::start_timer(std::unique_ptr<Timer>& timer, Deadline deadline, void (Impl::*expire)()) {
  if (deadline.is_never()) return;
  if (!timer) timer = std::make_unique<Timer>(loop, [this, expire] { (this->*expire)(); });
  timer->start(deadline.left_ms());
}

namespace {

using Impl = Stream::Impl;
using ImplPtr = std::shared_ptr<Impl>;

Error error_of(int status, const Impl& impl) {
  return {errc_of(status), fmt::format("{}: {}", impl.peer, uv_strerror(status))};
}

/// One read. Resumes with read_result: bytes, 0 at the end of the stream, or a libuv error.
struct ReadOnce {
  Impl& impl;
  std::span<char> buffer;
  Deadline deadline;

  bool await_ready() {
    if (!impl.open) {
      impl.read_result = UV_ECANCELED;
      return true;
    }
    FLURM_CHECK(!impl.reader, "two reads of one stream");
    ssize_t n;
    do {
      n = recv(impl.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    impl.read_result = n < 0 ? -errno : n;
    return true;
  }

  bool await_suspend(std::coroutine_handle<> h) {
    impl.read_buffer = buffer;
    int status = uv_read_start(
        &impl.handle.stream,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
          auto* self = static_cast<Impl*>(handle->data);
          *out = uv_buf_init(self->read_buffer.data(), static_cast<unsigned>(self->read_buffer.size()));
        },
        [](uv_stream_t* stream, ssize_t n, const uv_buf_t*) {
          if (n == 0) return;  // would block after all
          auto* self = static_cast<Impl*>(stream->data);
          uv_read_stop(stream);
          self->read_result = n == UV_EOF ? 0 : n;
          self->resume_now(self->reader, self->read_timer);
        });
    if (status != 0) {
      impl.read_result = status;
      return false;
    }
    impl.reader = h;
    impl.start_timer(impl.read_timer, deadline, &Impl::read_expired);
    return true;
  }
  ssize_t await_resume() const { return impl.read_result; }
};

Task<Result<std::size_t>> read_some_task(ImplPtr impl, std::span<char> buffer, Deadline deadline) {
  ReadOnce once{*impl, buffer, deadline};
  ssize_t n = co_await once;
  if (n < 0) co_return fail(error_of(static_cast<int>(n), *impl));
  co_return static_cast<std::size_t>(n);
}

/// Where bytes lie between the system call and the string they are for; never across a suspension.
thread_local std::array<char, 64 * 1024> scratch;

Task<Result<std::size_t>> read_append_task(ImplPtr impl, std::string& out, Deadline deadline) {
  ReadOnce once{*impl, scratch, deadline};
  ssize_t n = co_await once;
  if (n < 0) co_return fail(error_of(static_cast<int>(n), *impl));
  out.append(scratch.data(), static_cast<std::size_t>(n));
  co_return static_cast<std::size_t>(n);
}

Task<Result<void>> read_exactly_task(ImplPtr impl, std::span<char> buffer, Deadline deadline) {
  while (!buffer.empty()) {
    ReadOnce once{*impl, buffer, deadline};
    ssize_t n = co_await once;
    if (n <= 0) co_return fail(error_of(n == 0 ? UV_EOF : static_cast<int>(n), *impl));
    buffer = buffer.subspan(static_cast<std::size_t>(n));
  }
  co_return Result<void>{};
}

/// A write that libuv finishes. It owns the bytes: after a timeout libuv still has it until the stream closes.
struct PendingWrite {
  uv_write_t request;
  std::vector<std::string> pieces;
  ImplPtr impl;
};

/// Waits until libuv has sent what a first attempt could not.
struct WriteRest {
  ImplPtr impl;
  std::vector<std::string> pieces;
  std::vector<uv_buf_t> rest;
  Deadline deadline;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> h) {
    auto* pending = new PendingWrite{{}, std::move(pieces), impl};
    pending->request.data = pending;
    int status = uv_write(&pending->request, &impl->handle.stream, rest.data(), static_cast<unsigned>(rest.size()),
                          [](uv_write_t* request, int result) {
                            std::unique_ptr<PendingWrite> done(static_cast<PendingWrite*>(request->data));
                            if (!done->impl->writer) return;  // timed out or closed before
                            done->impl->write_result = result;
                            done->impl->resume_now(done->impl->writer, done->impl->write_timer);
                          });
    if (status != 0) {
      delete pending;
      impl->write_result = status;
      return false;
    }
    impl->writer = h;
    impl->start_timer(impl->write_timer, deadline, &Impl::write_expired);
    return true;
  }
  void await_resume() const {}
};

Task<Result<void>> write_task(ImplPtr impl, std::vector<std::string> pieces, Deadline deadline) {
  if (!impl->open) co_return fail(error_of(UV_ECANCELED, *impl));
  FLURM_CHECK(!impl->writer, "two writes to one stream");
  std::vector<uv_buf_t> buffers;
  for (std::string& piece : pieces) {
    if (!piece.empty()) buffers.push_back(uv_buf_init(piece.data(), static_cast<unsigned>(piece.size())));
  }
  while (!buffers.empty()) {
    int n = uv_try_write(&impl->handle.stream, buffers.data(), static_cast<unsigned>(buffers.size()));
    if (n == UV_EAGAIN) {
      WriteRest rest{impl, std::move(pieces), std::move(buffers), deadline};
      co_await rest;
      if (impl->write_result < 0) co_return fail(error_of(impl->write_result, *impl));
      break;
    }
    if (n < 0) co_return fail(error_of(n, *impl));
    auto written = static_cast<std::size_t>(n);
    auto first = buffers.begin();
    while (first != buffers.end() && written >= first->len) written -= (first++)->len;
    buffers.erase(buffers.begin(), first);
    if (written) {
      buffers.front().base += written;
      buffers.front().len -= written;
    }
  }
  co_return Result<void>{};
}

}  // namespace

void Stream::Impl::read_expired() {
  uv_read_stop(&handle.stream);
  read_result = UV_ETIMEDOUT;
  resume_now(reader, read_timer);
}

void Stream::Impl::write_expired() {
  write_result = UV_ETIMEDOUT;
  resume_now(writer, write_timer);
}

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Stream::~Stream() {
  if (impl_) impl_->close();
}

Task<Result<std::size_t>> Stream::read_some(std::span<char> buffer, Deadline deadline) {
  return read_some_task(impl_, buffer, deadline);
}
Task<Result<std::size_t>> Stream::read_append(std::string& out, Deadline deadline) {
  return read_append_task(impl_, out, deadline);
}
Task<Result<void>> Stream::read_exactly(std::span<char> buffer, Deadline deadline) {
  return read_exactly_task(impl_, buffer, deadline);
}
Task<Result<void>> Stream::write_all(std::string data, Deadline deadline) {
  std::vector<std::string> pieces;
  pieces.push_back(std::move(data));
  return write_task(impl_, std::move(pieces), deadline);
}
Task<Result<void>> Stream::write_pieces(std::vector<std::string> pieces, Deadline deadline) {
  return write_task(impl_, std::move(pieces), deadline);
}

void Stream::close() {
  if (impl_) impl_->close();
}

void Stream::abandon() {
  if (!impl_ || !impl_->open) return;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(impl_->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  impl_->close();
}
void Stream::keep_alive() {
  if (!is_open() || impl_->handle.any.type != UV_TCP) return;
  uv_tcp_keepalive(&impl_->handle.tcp, 1, 60);
  int interval_s = 10, probes = 6;
  (void)setsockopt(impl_->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  (void)setsockopt(impl_->fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}
bool Stream::is_open() const { return impl_ && impl_->open; }
const std::string& Stream::peer() const { return impl_->peer; }
int Stream::fd() const { return impl_->fd; }

std::string Stream::peer_host() const {
  std::string_view text = impl_->peer;
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return "";
  text = text.substr(0, colon);
  if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
  return std::string(text);
}

std::optional<PeerCredentials> Stream::peer_credentials() const {
  ucred cred{};
  socklen_t size = sizeof cred;
  if (!is_open() || getsockopt(impl_->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0 || cred.pid == 0) {
    return std::nullopt;
  }
  return PeerCredentials{cred.pid, cred.uid, cred.gid};
}

Result<Stream> adopt_socket(Loop& loop, int fd, std::string peer) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return fail(Errc::io, "descriptor {} is no socket: {}", fd, std::strerror(errno));
  }
  bool is_unix = address.ss_family == AF_UNIX;
  auto impl = Stream::Impl::make(loop, is_unix);
  int status = is_unix ? uv_pipe_open(&impl->handle.pipe, fd) : uv_tcp_open(&impl->handle.tcp, fd);
  if (status != 0) {
    impl->close();
    return fail(Errc::io, "descriptor {}: {}", fd, uv_strerror(status));
  }
  impl->connected();
  if (!peer.empty()) impl->peer = std::move(peer);
  return Stream(impl);
}

}  // namespace flurm::io
