// sim/stream.cpp — io's connections, over the world's network.
//
// Each direction is a queue of pieces that arrive in order, each after a delay. What cannot pass a cut is sent again
// until it can. A process that is killed ends its connections; a machine without power tells nobody, and who writes to
// it hears so when it is back.
#include "io/stream.hpp"

#include <coroutine>
#include <deque>
#include <map>

#include "io/event.hpp"
#include "io/timer.hpp"
#include "sim/world.hpp"

namespace flurm::io {

using sim::World;

struct Stream::Impl : std::enable_shared_from_this<Stream::Impl> {
  enum class Piece : std::uint8_t { data, end, reset };
  struct Sent {
    Piece kind;
    std::string bytes;
  };

  Impl(Loop& the_loop, sim::Process* the_process, std::string peer_text)
      : loop(&the_loop), process(the_process), peer(std::move(peer_text)) {}

  Loop* loop;
  sim::Process* process;
  std::string peer;
  std::shared_ptr<Impl> other;
  bool open = true;

  // What came.
  std::string inbox;
  bool ended = false, was_reset = false;
  std::coroutine_handle<> reader;
  std::unique_ptr<Timer> read_timer;
  bool read_timed_out = false;

  // What is on its way to the other end.
  std::deque<Sent> sent;
  bool carrying = false;

  void send(Piece kind, std::string bytes = {}) {
    sent.push_back({kind, std::move(bytes)});
    carry(World::the().latency());
  }
  void carry(sim::Micros delay) {
    if (std::exchange(carrying, true)) return;
    World::the().at(World::the().now() + delay, nullptr, [me = shared_from_this()] { me->arrive(); });
  }
  void arrive() {
    carrying = false;
    if (sent.empty() || !other) return;
    if (!World::the().connected(*process->machine, *other->process->machine))
      return carry(World::the().random().between(50, 250) * sim::kMilli);
    Sent piece = std::move(sent.front());
    sent.pop_front();
    other->take(std::move(piece));
    if (!sent.empty()) carry(World::the().random().between(1, 30));
  }
  void take(Sent piece) {
    if (!open || !process->alive) {
      if (piece.kind == Piece::data && other->open) send(Piece::reset);
      return;
    }
    switch (piece.kind) {
      case Piece::data:
        inbox += piece.bytes;
        break;
      case Piece::end:
        ended = true;
        break;
      case Piece::reset:
        was_reset = true;
        inbox.clear();
        break;
    }
    World::the().at(World::the().now(), process, [me = shared_from_this()] {
      if (me->readable()) me->wake();
    });
  }

  bool readable() const { return !open || !inbox.empty() || ended || was_reset; }
  void wake() {
    if (!reader) return;
    read_timer.reset();
    std::exchange(reader, nullptr).resume();
  }
  void close(Piece how) {
    if (!std::exchange(open, false)) return;
    if (how == Piece::reset) sent.clear();
    send(how);
    if (reader) {
      read_timer.reset();
      loop->defer([h = std::exchange(reader, nullptr)] { h.resume(); });
    }
  }
};

struct Listener::Impl {
  sim::Process* process;
  Loop* loop;
  std::string host;
  std::uint16_t port;
  OnConnection on_connection;
  bool paused = false;
  std::deque<std::shared_ptr<Stream::Impl>> waiting;
};

namespace {

using Impl = Stream::Impl;
using ImplPtr = std::shared_ptr<Impl>;

Error closed_by(const Impl& impl) { return {Errc::closed, fmt::format("{}: the connection is closed", impl.peer)}; }

/// Resumes when there is something to read or to know, or at the deadline.
struct Readable {
  ImplPtr impl;
  Deadline deadline;
  bool await_ready() const { return impl->readable(); }
  void await_suspend(std::coroutine_handle<> h) {
    FLURM_CHECK(!impl->reader, "two reads of one stream");
    impl->reader = h;
    impl->read_timed_out = false;
    if (deadline.is_never()) return;
    impl->read_timer = std::make_unique<Timer>(*impl->loop, [me = impl.get()] {
      me->read_timed_out = true;
      me->wake();
    });
    impl->read_timer->start(deadline.left_ms());
  }
  void await_resume() const {}
};

/// Takes at most `limit` bytes; none at the end.
Task<Result<std::string>> read(ImplPtr impl, std::size_t limit, Deadline deadline) {
  Readable readable{impl, deadline};
  co_await readable;
  if (!impl->open) co_return fail(closed_by(*impl));
  if (impl->inbox.empty() && impl->was_reset) co_return fail(closed_by(*impl));
  if (impl->inbox.empty() && !impl->ended) co_return fail(Errc::timed_out, "{}: nothing came", impl->peer);
  std::string out = impl->inbox.substr(0, limit);
  impl->inbox.erase(0, out.size());
  co_return out;
}

Task<Result<std::size_t>> read_into(ImplPtr impl, std::span<char> buffer, Deadline deadline) {
  auto reading = read(impl, buffer.size(), deadline);
  const Result<std::string> got = co_await reading;
  if (!got) co_return fail(got.error());
  got->copy(buffer.data(), got->size());
  co_return got->size();
}

Task<Result<std::size_t>> read_to(ImplPtr impl, std::string& out, Deadline deadline) {
  auto reading = read(impl, 64 * 1024, deadline);
  const Result<std::string> got = co_await reading;
  if (!got) co_return fail(got.error());
  out += *got;
  co_return got->size();
}

Task<Result<void>> read_all(ImplPtr impl, std::span<char> buffer, Deadline deadline) {
  while (!buffer.empty()) {
    auto reading = read_into(impl, buffer, deadline);
    const Result<std::size_t> got = co_await reading;
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(closed_by(*impl));
    buffer = buffer.subspan(*got);
  }
  co_return Result<void>{};
}

Task<Result<void>> write(ImplPtr impl, std::string bytes) {
  if (!impl->open || impl->was_reset) co_return fail(closed_by(*impl));
  if (!bytes.empty()) impl->send(Impl::Piece::data, std::move(bytes));
  co_return Result<void>{};
}

/// Who listens, by machine address and port.
using Listeners = std::map<std::pair<std::string, std::uint16_t>, Listener::Impl*>;
Listeners& listeners() {
  static Listeners all;
  return all;
}

void hand_over(Listener::Impl& listener, ImplPtr stream) {
  if (listener.paused)
    listener.waiting.push_back(std::move(stream));
  else
    listener.on_connection(Stream(std::move(stream)));
}

/// Connections of the process, for its end.
std::map<sim::Process*, std::vector<std::weak_ptr<Impl>>>& streams() {
  static std::map<sim::Process*, std::vector<std::weak_ptr<Impl>>> all;
  return all;
}

ImplPtr make_stream(Loop& loop, sim::Process* process, std::string peer) {
  auto impl = std::make_shared<Impl>(loop, process, std::move(peer));
  const auto [own, first] = streams().try_emplace(process);
  if (own->second.size() > 64) std::erase_if(own->second, [](const auto& weak) { return weak.expired(); });
  own->second.push_back(impl);
  if (first)
    process->on_kill.push_back([process](bool power) {
      if (power) return;
      for (const auto& weak : streams()[process])
        if (const ImplPtr stream = weak.lock(); stream && stream->open) {
          stream->open = false;
          stream->send(Impl::Piece::end);
        }
    });
  return impl;
}

Task<void> pass(Loop& loop, sim::Micros time) {
  const Event passed(loop);
  World::the().at(World::the().now() + time, World::the().current(), [passed] { passed.set({}); });
  auto waiting = passed.wait(Deadline::never());
  (void)co_await waiting;
}

}  // namespace

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}
Stream::~Stream() { close(); }

Task<Result<std::size_t>> Stream::read_some(std::span<char> buffer, Deadline deadline) {
  return read_into(impl_, buffer, deadline);
}
Task<Result<std::size_t>> Stream::read_append(std::string& out, Deadline deadline) {
  return read_to(impl_, out, deadline);
}
Task<Result<void>> Stream::read_exactly(std::span<char> buffer, Deadline deadline) {
  return read_all(impl_, buffer, deadline);
}
Task<Result<void>> Stream::write_all(std::string data, Deadline) { return write(impl_, std::move(data)); }
Task<Result<void>> Stream::write_pieces(std::vector<std::string> pieces, Deadline) {
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  return write(impl_, std::move(all));
}
void Stream::close() {
  if (impl_) impl_->close(Impl::Piece::end);
}
void Stream::abandon() {
  if (impl_) impl_->close(Impl::Piece::reset);
}
bool Stream::is_open() const { return impl_ && impl_->open; }
void Stream::keep_alive() {}
const std::string& Stream::peer() const { return impl_->peer; }
std::string Stream::peer_host() const { return impl_->peer.substr(0, impl_->peer.rfind(':')); }
std::optional<PeerCredentials> Stream::peer_credentials() const { return std::nullopt; }
int Stream::fd() const { return -1; }

Result<std::unique_ptr<Listener>> Listener::tcp(Loop& loop, const std::string& host, std::uint16_t port,
                                                OnConnection on_connection) {
  sim::Process* process = World::the().current();
  const std::pair key(host.empty() ? process->machine->address : host, port);
  if (const auto it = listeners().find(key); it != listeners().end() && it->second->process->alive)
    return fail(Errc::io, "{}:{} is taken", key.first, port);
  auto* impl = new Impl{process, &loop, key.first, port, std::move(on_connection), false, {}};
  listeners()[key] = impl;
  return std::make_unique<Listener>(impl);
}
Result<std::unique_ptr<Listener>> Listener::unix_path(Loop&, const std::string& path, mode_t, OnConnection) {
  return fail(Errc::io, "{}: no unix sockets here", path);
}
Listener::~Listener() {
  listeners().erase({impl_->host, impl_->port});
  delete impl_;
}
void Listener::pause() { impl_->paused = true; }
void Listener::resume() {
  impl_->paused = false;
  while (!impl_->waiting.empty() && !impl_->paused) {
    ImplPtr next = std::move(impl_->waiting.front());
    impl_->waiting.pop_front();
    impl_->on_connection(Stream(std::move(next)));
  }
}
std::uint16_t Listener::port() const { return impl_->port; }

Task<Result<Stream>> connect_tcp(Loop& loop, std::string host, std::uint16_t port, Deadline deadline) {
  World& world = World::the();
  sim::Process* process = world.current();
  sim::Machine* machine = world.machine(host);
  if (!machine) co_return fail(Errc::communications_connection, "{}: no such host", host);
  while (!world.connected(*process->machine, *machine)) {
    if (deadline.left_ms() == 0) co_return fail(Errc::timed_out, "{}:{}: no answer", host, port);
    auto again = sleep(loop, std::min<std::uint64_t>(1000, deadline.left_ms()));
    co_await again;
  }
  auto there_and_back = pass(loop, world.latency() + world.latency());
  co_await there_and_back;
  const auto found = listeners().find({machine->address, port});
  if (found == listeners().end() || !found->second->process->alive)
    co_return fail(Errc::communications_connection, "{}:{}: connection refused", host, port);
  Listener::Impl& listener = *found->second;
  const std::string own_port = std::to_string(world.random().between(32'768, 60'999));
  ImplPtr here = make_stream(loop, process, machine->address + ":" + std::to_string(port));
  ImplPtr there = make_stream(*listener.loop, listener.process, process->machine->address + ":" + own_port);
  here->other = there;
  there->other = here;
  world.at(world.now() + 10, listener.process, [there, key = found->first] {
    const auto still = listeners().find(key);
    if (still != listeners().end() && still->second->process == there->process) hand_over(*still->second, there);
  });
  co_return Stream(here);
}
Task<Result<Stream>> connect_unix(Loop&, std::string path, Deadline) {
  co_return fail(Errc::communications_connection, "{}: no unix sockets here", path);
}
Result<Stream> adopt_socket(Loop&, int fd, std::string) { return fail(Errc::io, "descriptor {}: no sockets here", fd); }

}  // namespace flurm::io
