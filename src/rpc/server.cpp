// rpc/server.cpp — the life of a connection.
#include "rpc/server.hpp"

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "io/event.hpp"
#include "io/stream.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"
#include "rpc/forward.hpp"
#include "rpc/frames.hpp"
#include "wire/msg/persist.hpp"

namespace flurm::rpc {
namespace {

struct Connection {
  explicit Connection(io::Stream the_stream) : stream(std::move(the_stream)), since_ms(io::monotonic_ms()) {}
  io::Stream stream;
  std::string buffer;  // read but not used yet
  std::uint64_t since_ms;
  bool waiting = true;  // for a request to arrive whole
  bool persistent = false;
};

/// A connection must have been silent this long before another one may push it out.
constexpr std::uint64_t kSilentMs = 1000;
/// Bodies of persistent frames up to this size are unpacked on the loop: a hop to a worker costs more.
constexpr std::size_t kUnpackHere = 16 * 1024;

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(io::Loop& the_loop, const auth::Munge& the_munge, ServerOptions the_options, Handler the_handler)
      : loop(the_loop),
        munge(the_munge),
        options(std::move(the_options)),
        handler(std::move(the_handler)),
        crowded(loop, [this] { make_room(); }) {}

  void accept(io::Stream stream);
  bool make_room();
  void close_waiting(std::uint64_t silent_ms);
  void leave(std::list<Connection>::iterator at);
  io::Task<void> serve(std::shared_ptr<State> self, std::list<Connection>::iterator at);
  io::Task<void> serve_one(std::shared_ptr<State> self, std::list<Connection>::iterator at);
  io::Task<void> serve_persistent(std::shared_ptr<State> self, std::list<Connection>::iterator at, Request init);
  io::Task<Reply> handle(std::shared_ptr<State> self, Request request);
  io::Task<void> send(std::shared_ptr<State> self, Connection& connection, wire::Header header, Identity to,
                      Reply reply);
  void refuse(const Connection& connection, const Error& error);

  io::Loop& loop;
  const auth::Munge& munge;
  ServerOptions options;
  Handler handler;
  std::unique_ptr<io::Listener> listener;
  std::list<Connection> connections;  // longest silent first
  io::Timer crowded;                  // runs while paused: young connections get old enough to be closed
  Stats stats;
  bool draining = false;
  bool abandoned = false;        // the Server is gone, and what its handler uses perhaps too
  std::vector<io::Event> empty;  // set when the last connection left, for each finish() that waits
};

void Server::State::accept(io::Stream stream) {
  ++stats.accepted;
  auto at = connections.emplace(connections.end(), std::move(stream));
  if (connections.size() >= options.connections_max && !make_room() && listener) {
    listener->pause();
    crowded.start(kSilentMs, kSilentMs);
  }
  io::spawn(serve(shared_from_this(), at));
}

/// Closes the connection that has been silent longest, unless all are busy or young.
bool Server::State::make_room() {
  std::uint64_t now = io::monotonic_ms();
  for (Connection& connection : connections) {
    if (now - connection.since_ms < kSilentMs) return false;
    if (!connection.waiting || !connection.stream.is_open()) continue;
    ++stats.evicted;
    log(Level::warn, "rpc.evict", {{"peer", connection.stream.peer()}, {"connections", connections.size()}});
    connection.stream.close();
    return true;
  }
  return false;
}

/// Closes those without a request that have been silent for so long; persistent ones at once, for they are daemons',
/// which connect again and repeat what was not answered.
void Server::State::close_waiting(std::uint64_t silent_ms) {
  const std::uint64_t now = io::monotonic_ms();
  for (Connection& connection : connections)
    if (connection.waiting && (connection.persistent || now - connection.since_ms >= silent_ms))
      connection.stream.close();
}

void Server::State::leave(std::list<Connection>::iterator at) {
  connections.erase(at);
  if (listener && connections.size() < options.connections_max) {
    crowded.stop();
    listener->resume();
  }
  if (!connections.empty()) return;
  for (const io::Event& waiting : std::exchange(empty, {})) waiting.set({});
}

void Server::State::refuse(const Connection& connection, const Error& error) {
  ++stats.refused;
  log(Level::error, "rpc.refuse",
      {{"peer", connection.stream.peer()}, {"reason", errc_name(error.code)}, {"detail", error.text}});
}

io::Task<void> Server::State::serve(std::shared_ptr<State> self, std::list<Connection>::iterator at) {
  io::Task<void> one = serve_one(self, at);
  co_await one;
  leave(at);
}

io::Task<void> Server::State::serve_one(std::shared_ptr<State> self, std::list<Connection>::iterator at) {
  Connection& connection = *at;
  auto reading = read_frame(connection.stream, connection.buffer, options.frame_bytes_max,
                            io::Deadline::in_ms(options.request_timeout_ms));
  Result<std::string> frame = co_await reading;
  connection.waiting = false;
  if (!frame) {
    bool silent = connection.buffer.empty();
    if (frame.error().code == Errc::timed_out) ++stats.timed_out;
    if (silent) {
      log(Level::debug, "rpc.silent", {{"peer", connection.stream.peer()}, {"reason", frame.error().text}});
    } else {
      refuse(connection, frame.error());
    }
    co_return;
  }

  auto opening = io::on_worker(loop, [this, bytes = std::move(*frame), peer = connection.stream.peer()]() mutable {
    std::expected<Request, Refusal> request;
    auto message = open_frame(std::move(bytes), munge, {options.accept_replayed, false});
    if (!message) {
      request = std::unexpected(std::move(message.error()));
      return request;
    }
    static_cast<Message&>(*request) = std::move(*message);
    request->peer = std::move(peer);
    if (options.prepare) options.prepare(*request);
    return request;
  });
  std::expected<Request, Refusal> request = co_await opening;
  if (abandoned) co_return;
  if (!request) {
    refuse(connection, request.error().error);
    if (!request.error().answer.empty()) {
      auto telling = connection.stream.write_all(std::move(request.error().answer), io::Deadline::in_ms(1000));
      (void)co_await telling;
    }
    co_return;
  }
  if (request->type() == wire::MsgType::REQUEST_PERSIST_INIT) {
    auto persistent = serve_persistent(self, at, std::move(*request));
    co_await persistent;
    co_return;
  }
  wire::Header header = wire::reply_header(request->header, {});
  Identity identity = request->identity;
  auto handling = handle(self, std::move(*request));
  Reply reply = co_await handling;
  if (!reply.send) co_return;
  auto sending = send(self, connection, std::move(header), identity, std::move(reply));
  co_await sending;
}

namespace {

io::Task<void> forward_into(Forwarder& forwarder, Request request, io::OneShot<std::vector<wire::RetEntry>> out) {
  auto forwarding = forwarder.forward(request);
  std::vector<wire::RetEntry> entries = co_await forwarding;
  out.set(std::move(entries));
}

}  // namespace

io::Task<Reply> Server::State::handle(std::shared_ptr<State>, Request request) {
  wire::MsgType type = request.type();
  uid_t uid = request.identity.uid;
  std::uint64_t begin_us = io::monotonic_us();
  // Other nodes work while this one does.
  std::optional<io::OneShot<std::vector<wire::RetEntry>>> others;
  if (request.header.forward.cnt > 0) {
    if (!options.forwarder) co_return Reply::rc(Errc::not_supported, request.version());
    others.emplace(loop);
    io::spawn(forward_into(*options.forwarder, request, *others));
  }
  auto handling = handler(std::move(request));
  Reply reply = co_await handling;
  if (others) {
    auto waiting = others->wait(io::Deadline::never());
    Result<std::vector<wire::RetEntry>> entries = co_await waiting;
    reply.ret_list = std::move(*entries);
  }
  stats.add(type, uid, io::monotonic_us() - begin_us);
  co_return reply;
}

io::Task<void> Server::State::send(std::shared_ptr<State>, Connection& connection, wire::Header header, Identity to,
                                   Reply reply) {
  header.msg_type = reply.type;
  if (reply.version != 0) header.version = reply.version;
  header.ret_list = std::move(reply.ret_list);
  bool credential = reply.credential || header.version < wire::v23_02;
  std::string frame;
  if (credential || reply.make_body) {
    auto making =
        io::on_worker(loop, [this, credential, to, moved = std::move(reply), h = std::move(header)]() mutable {
          if (moved.make_body) moved.body = moved.make_body();
          if (!credential) return Result<std::string>(wire::build_frame(std::move(h), std::nullopt, moved.body));
          return seal_frame(std::move(h), moved.body, munge, to.uid);
        });
    Result<std::string> made = co_await making;
    if (!made) {
      log(Level::error, "rpc.answer", {{"peer", connection.stream.peer()}, {"error", made.error().text}});
      co_return;
    }
    frame = std::move(*made);
  } else {
    frame = wire::build_frame(std::move(header), std::nullopt, reply.body);
  }
  auto writing = connection.stream.write_all(std::move(frame), io::Deadline::in_ms(options.reply_timeout_ms));
  Result<void> written = co_await writing;
  if (!written) log(Level::verbose, "rpc.answer", {{"error", written.error().text}});
}

io::Task<void> Server::State::serve_persistent(std::shared_ptr<State> self, std::list<Connection>::iterator at,
                                               Request init) {
  Connection& connection = *at;
  const auto& wish = init.as<wire::PersistInit>();
  std::uint16_t version = std::min(wish.version, wire::kNewestVersion);
  wire::PersistRc answer;
  answer.ret_info = version;
  if (!wire::supported(version)) {
    answer.rc = static_cast<std::uint32_t>(Errc::protocol_version);
    answer.comment = "protocol version not supported";
  }
  std::string opened = bare_frame(wire::MsgType::PERSIST_RC, codec::pack(answer, init.version()));
  auto greeting = connection.stream.write_all(std::move(opened), io::Deadline::in_ms(options.reply_timeout_ms));
  Result<void> greeted = co_await greeting;
  if (!greeted || answer.rc != 0) co_return;
  connection.stream.keep_alive();
  connection.persistent = true;

  while (!draining) {
    auto deadline =
        options.persistent_idle_ms ? io::Deadline::in_ms(options.persistent_idle_ms) : io::Deadline::never();
    // Between requests it may be closed in favour of others, and its place among them is that of its last request.
    connection.waiting = true;
    connection.since_ms = io::monotonic_ms();
    connections.splice(connections.end(), connections, at);
    auto reading = read_frame(connection.stream, connection.buffer, options.frame_bytes_max, deadline);
    Result<std::string> frame = co_await reading;
    connection.waiting = false;
    if (!frame) {
      if (!connection.buffer.empty()) refuse(connection, frame.error());
      co_return;
    }
    bool small = frame->size() <= kUnpackHere;
    auto open = [this, bytes = std::move(*frame), version, identity = init.identity, peer = init.peer]() mutable {
      Result<Request> request;
      Result<Message> message = open_bare_frame(std::move(bytes), version);
      if (!message) {
        request = fail(message.error());
        return request;
      }
      static_cast<Message&>(*request) = std::move(*message);
      request->identity = identity;
      request->authenticated = true;
      request->peer = std::move(peer);
      request->persistent = true;
      if (options.prepare) options.prepare(*request);
      return request;
    };
    Result<Request> request;
    if (small && !options.prepare) {
      request = open();
    } else {
      auto opening = io::on_worker(loop, std::move(open));
      request = co_await opening;
    }
    if (abandoned) co_return;
    if (!request) {
      refuse(connection, request.error());
      co_return;
    }
    auto handling = handle(self, std::move(*request));
    Reply reply = co_await handling;
    if (!reply.send) reply = Reply::rc(Errc::success, version);  // the peer waits for one answer per request
    if (reply.make_body) {
      auto making = io::on_worker(loop, [make = std::move(reply.make_body)]() mutable { return make(); });
      reply.body = co_await making;
    }
    auto writing =
        connection.stream.write_all(bare_frame(reply.type, reply.body), io::Deadline::in_ms(options.reply_timeout_ms));
    Result<void> written = co_await writing;
    if (!written) co_return;
  }
}

Result<std::unique_ptr<Server>> Server::listen(io::Loop& loop, const auth::Munge& munge, ServerOptions options,
                                               Handler handler) {
  auto state = std::make_shared<State>(loop, munge, std::move(options), std::move(handler));
  std::weak_ptr<State> weak = state;
  FLURM_TRY(state->listener,
            io::Listener::tcp(loop, state->options.host, state->options.port, [weak](io::Stream stream) {
              if (auto strong = weak.lock()) strong->accept(std::move(stream));
            }));
  return std::make_unique<Server>(std::move(state));
}

Server::~Server() {
  state_->draining = state_->abandoned = true;
  state_->listener.reset();
  for (Connection& connection : state_->connections) connection.stream.close();
}

std::uint16_t Server::port() const { return state_->listener ? state_->listener->port() : 0; }
const Stats& Server::stats() const { return state_->stats; }
void Server::reset_stats() { state_->stats = {}; }
std::size_t Server::connections() const { return state_->connections.size(); }

io::Task<void> Server::finish(std::uint64_t ms) {
  std::shared_ptr<State> state = state_;
  state->draining = true;
  state->listener.reset();
  const io::Deadline deadline = io::Deadline::in_ms(ms);
  // Who connected a moment ago is about to say what he wants.
  for (std::uint64_t silent_ms = kSilentMs; !state->connections.empty(); silent_ms = 0) {
    state->close_waiting(silent_ms);
    const io::Event empty = state->empty.emplace_back(state->loop);
    auto waiting = empty.wait(silent_ms ? io::Deadline::in_ms(std::min(kSilentMs, deadline.left_ms())) : deadline);
    const auto ended = co_await waiting;
    if (!ended && deadline.left_ms() == 0) break;
  }
}

}  // namespace flurm::rpc
