// replog/raft_transport.cpp — hands streams over to libraft, which wants libuv handles in memory of its own.
#include "replog/raft_transport.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}

namespace flurm::replog {

struct RaftTransport::Impl : std::enable_shared_from_this<RaftTransport::Impl> {
  Impl(io::Loop& the_loop, Transport* the_transport) : loop(the_loop), transport(the_transport) {
    raw.impl = this;
    raw.init = [](raft_uv_transport*, raft_id, const char*) { return 0; };
    raw.listen = listen;
    raw.connect = connect;
    raw.close = close;
  }

  static Impl& of(raft_uv_transport* t) { return *static_cast<Impl*>(t->impl); }
  static int listen(raft_uv_transport* t, raft_uv_accept_cb accept);
  static int connect(raft_uv_transport* t, raft_uv_connect* request, raft_id id, const char* address,
                     raft_uv_connect_cb done);
  static void close(raft_uv_transport* t, raft_uv_transport_close_cb done);
  static io::Task<> open(std::shared_ptr<Impl> self, raft_uv_connect* request, std::uint64_t member);
  uv_stream_t* hand_over(io::Stream stream);

  /// Looks at a stream to a member, by a descriptor of its own.
  struct Watch {
    uv_poll_t poll;
    int fd;
    std::uint64_t member;
    Impl* self;
  };
  void watch(int fd, std::uint64_t member);
  void unwatch(std::uint64_t member);

  io::Loop& loop;
  Transport* transport;
  raft_uv_transport raw{};
  std::map<raft_uv_connect*, raft_uv_connect_cb> connecting;
  /// What libraft calls the members. It answers a message to the address it came from, and a second address
  /// for one member would make it connect anew each time.
  std::map<std::uint64_t, std::string> addresses;
  std::map<std::uint64_t, Watch*> watches;  // of the newest stream to each; freed by the loop
  std::function<void(std::uint64_t)> on_ended;
  bool closed = false;
};

/// The connection in a handle of its own; null when there is no descriptor left for it.
uv_stream_t* RaftTransport::Impl::hand_over(io::Stream stream) {
  const int fd = stream.is_open() ? fcntl(stream.fd(), F_DUPFD_CLOEXEC, 0) : -1;
  if (fd < 0) return nullptr;
  auto* tcp = static_cast<uv_tcp_t*>(raft_malloc(sizeof(uv_tcp_t)));
  FLURM_CHECK(tcp, "out of memory");
  FLURM_CHECK(uv_tcp_init(loop.raw(), tcp) == 0, "uv_tcp_init");
  if (uv_tcp_open(tcp, fd) == 0) return reinterpret_cast<uv_stream_t*>(tcp);
  ::close(fd);
  uv_close(reinterpret_cast<uv_handle_t*>(tcp), [](uv_handle_t* handle) { raft_free(handle); });
  return nullptr;
}

/// The far side says nothing on a stream of ours, so all that can be read is its end. Not with libuv's own reading: after
/// an error there libuv refuses to write, and libraft frees twice what it could not send.
void RaftTransport::Impl::watch(int fd, std::uint64_t member) {
  unwatch(member);
  auto* watch = new Watch{{}, fcntl(fd, F_DUPFD_CLOEXEC, 0), member, this};
  watch->poll.data = watch;
  if (watch->fd < 0 || uv_poll_init(loop.raw(), &watch->poll, watch->fd) != 0) {
    ::close(watch->fd);
    delete watch;
    return;
  }
  watches[member] = watch;
  uv_poll_start(&watch->poll, UV_READABLE | UV_DISCONNECT, [](uv_poll_t* poll, int, int) {
    const Watch at = *static_cast<Watch*>(poll->data);
    shutdown(at.fd, SHUT_RDWR);
    at.self->unwatch(at.member);
    if (at.self->on_ended) at.self->on_ended(at.member);
  });
}

void RaftTransport::Impl::unwatch(std::uint64_t member) {
  const auto found = watches.find(member);
  if (found == watches.end()) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&found->second->poll), [](uv_handle_t* handle) {
    const std::unique_ptr<Watch> own(static_cast<Watch*>(handle->data));
    ::close(own->fd);
  });
  watches.erase(found);
}

int RaftTransport::Impl::listen(raft_uv_transport* t, raft_uv_accept_cb accept) {
  Impl& self = of(t);
  if (!self.transport) return 0;
  self.transport->on_stream([&self, accept](std::uint64_t from, io::Stream stream) {
    uv_stream_t* raw_stream = self.hand_over(std::move(stream));
    if (!raw_stream) return;
    const auto known = self.addresses.find(from);
    const std::string address = known == self.addresses.end() ? std::to_string(from) : known->second;
    accept(&self.raw, from, address.c_str(), raw_stream);
  });
  return 0;
}

int RaftTransport::Impl::connect(raft_uv_transport* t, raft_uv_connect* request, raft_id id, const char* address,
                                 raft_uv_connect_cb done) {
  Impl& self = of(t);
  if (!self.transport) return RAFT_NOCONNECTION;
  self.addresses[id] = address;
  self.connecting[request] = done;
  // Never from inside this call: the answer may be known at once.
  self.loop.defer([shared = self.shared_from_this(), request, id] {
    if (!shared->closed) io::spawn(open(shared, request, id));
  });
  return 0;
}

io::Task<> RaftTransport::Impl::open(std::shared_ptr<Impl> self, raft_uv_connect* request, std::uint64_t member) {
  auto opening = self->transport->open_stream(member);
  Result<io::Stream> stream = co_await opening;
  const auto found = self->connecting.find(request);
  if (self->closed || found == self->connecting.end()) co_return;
  const raft_uv_connect_cb done = found->second;
  self->connecting.erase(found);
  uv_stream_t* raw_stream = nullptr;
  if (stream) {
    self->watch(stream->fd(), member);
    raw_stream = self->hand_over(std::move(*stream));
  }
  done(request, raw_stream, raw_stream ? 0 : RAFT_NOCONNECTION);
}

void RaftTransport::Impl::close(raft_uv_transport* t, raft_uv_transport_close_cb done) {
  Impl& self = of(t);
  self.closed = true;
  while (!self.watches.empty()) self.unwatch(self.watches.begin()->first);
  if (self.transport) self.transport->on_stream(nullptr);
  self.loop.defer([shared = self.shared_from_this(), done] {
    for (const auto& [request, connected] : std::exchange(shared->connecting, {}))
      connected(request, nullptr, RAFT_CANCELED);
    done(&shared->raw);
  });
}

RaftTransport::RaftTransport(io::Loop& loop, Transport* transport) : impl_(std::make_shared<Impl>(loop, transport)) {}
RaftTransport::~RaftTransport() = default;
raft_uv_transport* RaftTransport::raw() { return &impl_->raw; }
void RaftTransport::know(std::uint64_t member, std::string address) { impl_->addresses[member] = std::move(address); }
void RaftTransport::on_ended(std::function<void(std::uint64_t)> fn) {
  impl_->on_ended = std::move(fn);
}

}  // namespace flurm::replog
