// io/listener.cpp — accepting and making connections.
#include <arpa/inet.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/log.hpp"
#include "io/event.hpp"
#include "io/stream_impl.hpp"
#include "io/successor.hpp"

namespace flurm::io {
namespace {

constexpr int kBacklog = 4096;

/// A numeric address; false when `host` is a name.
bool parse_address(const std::string& host, std::uint16_t port, sockaddr_storage& out) {
  out = {};
  return uv_ip4_addr(host.c_str(), port, reinterpret_cast<sockaddr_in*>(&out)) == 0 ||
         uv_ip6_addr(host.c_str(), port, reinterpret_cast<sockaddr_in6*>(&out)) == 0;
}

}  // namespace

struct Listener::Impl {
  Loop& loop;
  bool is_unix;
  OnConnection on_connection;
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle;
  bool paused = false;
  bool waiting = false;  // libuv holds a connection that was not taken
  bool closed = false;
  int noted = -1;  // the socket, as io/successor.hpp knows it

  Impl(Loop& the_loop, bool unix_socket, OnConnection fn)
      : loop(the_loop), is_unix(unix_socket), on_connection(std::move(fn)) {
    if (is_unix) {
      check_uv(uv_pipe_init(loop.raw(), &handle.pipe, 0), "uv_pipe_init");
    } else {
      check_uv(uv_tcp_init(loop.raw(), &handle.tcp), "uv_tcp_init");
    }
    handle.any.data = this;
  }

  int listen() {
    return uv_listen(&handle.stream, kBacklog, [](uv_stream_t* server, int status) {
      auto* self = static_cast<Impl*>(server->data);
      if (status != 0) {
        log(Level::error, "io.accept", {{"error", uv_strerror(status)}});
        return;
      }
      self->waiting = true;
      if (!self->paused) self->take();
    });
  }

  void take() {
    waiting = false;
    auto stream = Stream::Impl::make(loop, is_unix);
    if (int status = uv_accept(&handle.stream, &stream->handle.stream); status != 0) {
      log(Level::error, "io.accept", {{"error", uv_strerror(status)}});
      stream->close();
      return;
    }
    stream->connected();
    on_connection(Stream(stream));
  }

  /// The kernel has accepted these and would reset them when the socket closes.
  void take_waiting() {
    uv_os_fd_t fd = -1;
    if (is_unix || keeps_listening() || uv_fileno(&handle.any, &fd) != 0) return;
    if (waiting) take();
    for (int one; (one = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
      if (Result<Stream> stream = adopt_socket(loop, one)) on_connection(std::move(*stream));
  }

  void close() {
    take_waiting();
    closed = true;
    if (noted >= 0) forget_listening(noted);
    uv_close(&handle.any, [](uv_handle_t* h) { delete static_cast<Impl*>(h->data); });
  }
};

Listener::~Listener() { impl_->close(); }
void Listener::pause() { impl_->paused = true; }
void Listener::resume() {
  impl_->paused = false;
  if (impl_->waiting) impl_->take();
}

std::uint16_t Listener::port() const {
  sockaddr_storage address{};
  int size = sizeof address;
  if (impl_->is_unix || uv_tcp_getsockname(&impl_->handle.tcp, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return 0;
  }
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

Result<std::unique_ptr<Listener>> Listener::tcp(Loop& loop, const std::string& host, std::uint16_t port,
                                                OnConnection on_connection) {
  sockaddr_storage address{};
  if (!parse_address(host.empty() ? "::" : host, port, address)) {
    return fail(Errc::einval, "listen address {}: not a numeric address", host);
  }
  auto listener = std::make_unique<Listener>(new Impl(loop, false, std::move(on_connection)));
  uv_tcp_t* tcp = &listener->impl_->handle.tcp;
  const auto bind_or_take_over = [&] {
    if (const int fd = inherited_listener(address); fd >= 0) return uv_tcp_open(tcp, fd);
    return uv_tcp_bind(tcp, reinterpret_cast<sockaddr*>(&address), 0);
  };
  int status = bind_or_take_over();
  if (status != 0 && host.empty()) {  // a kernel without IPv6
    parse_address("0.0.0.0", port, address);
    status = bind_or_take_over();
  }
  if (status == 0) status = listener->impl_->listen();
  if (status != 0)
    return fail(Errc::io, "cannot listen on {}:{}: {}", host.empty() ? "*" : host, port, uv_strerror(status));
  if (uv_os_fd_t fd = -1; uv_fileno(&listener->impl_->handle.any, &fd) == 0) note_listening(listener->impl_->noted = fd);
  return listener;
}

Result<std::unique_ptr<Listener>> Listener::unix_path(Loop& loop, const std::string& path, mode_t mode,
                                                      OnConnection on_connection) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(Errc::einval, "socket path too long: {}", path);
  std::memcpy(address.sun_path, path.data(), path.size());

  // A socket file that nobody listens on is left over; connecting tells.
  int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return fail(Errc::io, "socket: {}", std::strerror(errno));
  bool refused = connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (refused) unlink(path.c_str());

  auto listener = std::make_unique<Listener>(new Impl(loop, true, std::move(on_connection)));
  int status = uv_pipe_bind(&listener->impl_->handle.pipe, path.c_str());
  // Nobody can connect before listen(), so the mode holds from the first moment.
  if (status == 0 && chmod(path.c_str(), mode) != 0) status = -errno;
  if (status == 0) status = listener->impl_->listen();
  if (status != 0) return fail(Errc::io, "cannot listen on {}: {}", path, uv_strerror(status));
  return listener;
}

namespace {

/// libuv keeps the request until its callback; the waiter may be gone by then.
struct ConnectRequest {
  uv_connect_t request;
  OneShot<int> done;
  std::shared_ptr<Stream::Impl> stream;

  static void finished(uv_connect_t* request, int status) {
    std::unique_ptr<ConnectRequest> self(static_cast<ConnectRequest*>(request->data));
    self->done.set(status);
  }
};

struct ResolveRequest {
  uv_getaddrinfo_t request;
  OneShot<Result<sockaddr_storage>> done;
};

Task<Result<sockaddr_storage>> resolve(Loop& loop, std::string host, std::uint16_t port, Deadline deadline) {
  sockaddr_storage numeric{};
  if (parse_address(host, port, numeric)) co_return numeric;
  OneShot<Result<sockaddr_storage>> done(loop);
  auto* resolve = new ResolveRequest{{}, done};
  resolve->request.data = resolve;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  std::string service = std::to_string(port);
  int status = uv_getaddrinfo(
      loop.raw(), &resolve->request,
      [](uv_getaddrinfo_t* request, int result, addrinfo* list) {
        std::unique_ptr<ResolveRequest> self(static_cast<ResolveRequest*>(request->data));
        if (result == 0 && list) {
          // IPv4 where there is one: Slurm's daemons listen there, and "localhost" often names both.
          const addrinfo* chosen = list;
          while (chosen && chosen->ai_family != AF_INET) chosen = chosen->ai_next;
          if (!chosen) chosen = list;
          sockaddr_storage address{};
          std::memcpy(&address, chosen->ai_addr, chosen->ai_addrlen);
          self->done.set(address);
        } else {
          self->done.set(fail(Errc::communications_connection, "{}", uv_strerror(result)));
        }
        uv_freeaddrinfo(list);
      },
      host.c_str(), service.c_str(), &hints);
  if (status != 0) {
    delete resolve;
    co_return fail(Errc::communications_connection, "{}: {}", host, uv_strerror(status));
  }
  auto waited = done.wait(deadline);
  Result<Result<sockaddr_storage>> result = co_await waited;
  if (!result) co_return fail(Errc::timed_out, "looking up {}", host);
  if (!*result) co_return fail(Errc::communications_connection, "looking up {}: {}", host, result->error().text);
  co_return **result;
}

/// Waits for a connection begun by `start(request)`; the stream is closed on every failure.
template <class Start>
Task<Result<Stream>> finish_connect(Loop& loop, std::shared_ptr<Stream::Impl> impl, std::string where,
                                    Deadline deadline, Start start) {
  Stream stream(impl);
  OneShot<int> done(loop);
  auto* connect = new ConnectRequest{{}, done, impl};
  connect->request.data = connect;
  if (int status = start(&connect->request); status != 0) {
    delete connect;
    co_return fail(Errc::communications_connection, "{}: {}", where, uv_strerror(status));
  }
  auto waited = done.wait(deadline);
  Result<int> status = co_await waited;
  if (!status) co_return fail(Errc::timed_out, "connecting to {}", where);
  if (*status != 0) co_return fail(Errc::communications_connection, "{}: {}", where, uv_strerror(*status));
  impl->connected();
  co_return std::move(stream);
}

}  // namespace

Task<Result<Stream>> connect_tcp(Loop& loop, std::string host, std::uint16_t port, Deadline deadline) {
  auto resolving = resolve(loop, host, port, deadline);
  Result<sockaddr_storage> address = co_await resolving;
  if (!address) co_return fail(address.error());
  auto impl = Stream::Impl::make(loop, false);
  uv_tcp_t* tcp = &impl->handle.tcp;
  auto start = [tcp, to = *address](uv_connect_t* request) {
    return uv_tcp_connect(request, tcp, reinterpret_cast<const sockaddr*>(&to), &ConnectRequest::finished);
  };
  auto connecting = finish_connect(loop, std::move(impl), fmt::format("{}:{}", host, port), deadline, start);
  co_return co_await connecting;
}

Task<Result<Stream>> connect_unix(Loop& loop, std::string path, Deadline deadline) {
  auto impl = Stream::Impl::make(loop, true);
  uv_pipe_t* pipe = &impl->handle.pipe;
  auto start = [pipe, path](uv_connect_t* request) {
    uv_pipe_connect(request, pipe, path.c_str(), &ConnectRequest::finished);
    return 0;
  };
  auto connecting = finish_connect(loop, std::move(impl), path, deadline, start);
  co_return co_await connecting;
}

}  // namespace flurm::io
