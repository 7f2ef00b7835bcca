// dbd/server.cpp — the life of a connection, and messages to controllers.
#include "dbd/server.hpp"

#include "base/log.hpp"
#include "dbd/publish.hpp"
#include "io/event.hpp"
#include "io/worker.hpp"
#include "rpc/frames.hpp"
#include "wire/msg/persist.hpp"

namespace flurm::dbd {

namespace {

/// A first message arrives soon; what follows may take its time: sacctmgr waits for people.
constexpr std::uint64_t kGreetingMs = 10'000, kReplyMs = 60'000, kUpdateMs = 10'000;
constexpr std::uint32_t kFirstFrameMax = 64 * 1024, kFrameMax = 1u << 30;
/// Of one controller that does not answer. Beyond, the oldest are dropped: it asks for everything when it comes back.
constexpr std::size_t kOutboxMax = 1000;

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(io::Loop& loop, const auth::Munge& munge, auth::Users& users,
                                               Common& common, Options options) {
  std::unique_ptr<Server> server(new Server(loop, munge, users, common, std::move(options)));
  Server* self = server.get();
  FLURM_TRY(server->listener_,
            io::Listener::tcp(loop, self->options_.host, self->options_.port, [self](io::Stream stream) {
              auto at = self->connections_.emplace(self->connections_.end(), std::move(stream));
              if (self->connections_.size() >= self->options_.connections_max) self->listener_->pause();
              io::spawn(self->serve(at));
            }));
  return server;
}

Server::Server(io::Loop& loop, const auth::Munge& munge, auth::Users& users, Common& common, Options options)
    : loop_(loop), munge_(munge), users_(users), common_(common), options_(std::move(options)), client_(loop, munge) {}

Server::~Server() = default;

void Server::leave(Place at) {
  connections_.erase(at);
  if (listener_ && connections_.size() < options_.connections_max) listener_->resume();
  if (connections_.empty() && empty_) empty_->set({});
}

io::Task<void> Server::stop() {
  stopping_ = true;
  listener_.reset();
  for (Connection& each : connections_)
    if (!each.busy) each.stream.close();
  if (connections_.empty()) co_return;
  empty_.emplace(loop_);
  io::Event empty = *empty_;
  auto waiting = empty.wait(io::Deadline::in_ms(kReplyMs));
  (void)co_await waiting;
}

/// Reads the first message, which alone has a credential, and makes the session.
io::Task<Result<void>> Server::greet(Place at) {
  Connection& connection = *at;
  auto reading =
      rpc::read_frame(connection.stream, connection.buffer, kFirstFrameMax, io::Deadline::in_ms(kGreetingMs));
  Result<std::string> frame = co_await reading;
  if (!frame) co_return fail(frame.error());
  connection.busy = true;
  struct Opened {
    rpc::Message message;
    Actor actor;
  };
  auto opening = io::on_worker(loop_, [this, bytes = std::move(*frame)]() mutable -> Result<Opened> {
    auto message = rpc::open_frame(std::move(bytes), munge_, {});
    if (!message) return fail(message.error().error);
    if (message->type() != wire::MsgType::REQUEST_PERSIST_INIT || !message->message)
      return fail(Errc::unexpected_msg, "{} is no beginning", rpc::type_text(message->type()));
    Opened opened{std::move(*message), {}};
    opened.actor.uid = opened.message.identity.uid;
    opened.actor.super = opened.actor.uid == 0 || opened.actor.uid == options_.slurm_uid;
    const auto user = users_.by_uid(opened.actor.uid);
    opened.actor.name = user ? user->name : std::to_string(opened.actor.uid);
    return opened;
  });
  Result<Opened> opened = co_await opening;
  if (!opened) co_return fail(opened.error());
  const auto& wish = opened->message.as<wire::PersistInit>();
  const std::uint16_t version = std::min(wish.version, wire::kNewestVersion);
  wire::PersistRc answer;
  answer.ret_info = version;
  if (!wire::supported(version)) {
    answer.rc = static_cast<std::uint32_t>(Errc::protocol_version);
    answer.comment = "protocol version not supported";
  } else {
    connection.session = std::make_unique<Session>(common_, opened->actor, wish.cluster_name, version,
                                                   connection.stream.peer_host(), wish.port);
  }
  auto greeting = connection.stream.write_all(
      rpc::bare_frame(wire::MsgType::PERSIST_RC, codec::pack(answer, opened->message.version())),
      io::Deadline::in_ms(kReplyMs));
  Result<void> greeted = co_await greeting;
  connection.busy = false;
  if (!connection.session) co_return fail(Errc::protocol_version, "protocol version {:#06x}", wish.version);
  connection.stream.keep_alive();
  co_return greeted;
}

io::Task<void> Server::serve(Place at) {
  auto greeting = greet(at);
  Result<void> greeted = co_await greeting;
  if (!greeted) {
    log(Level::error, "dbd.refuse", {{"peer", at->stream.peer()}, {"error", greeted.error().text}});
  } else {
    auto serving = serve_requests(at);
    co_await serving;
  }
  if (at->session) {
    auto ending = io::on_worker(loop_, [session = at->session.get()] { session->end(); });
    co_await ending;
  }
  leave(at);
}

io::Task<void> Server::serve_requests(Place at) {
  Connection& connection = *at;
  while (!stopping_) {
    auto reading = rpc::read_frame(connection.stream, connection.buffer, kFrameMax, io::Deadline::never());
    Result<std::string> frame = co_await reading;
    if (!frame) {
      if (!connection.buffer.empty())
        log(Level::error, "dbd.refuse", {{"peer", connection.stream.peer()}, {"error", frame.error().text}});
      co_return;
    }
    connection.busy = true;
    auto working = io::on_worker(
        loop_, [session = connection.session.get(), bytes = std::move(*frame)]() mutable -> Result<Session::Answer> {
          FLURM_TRY(rpc::Message message, rpc::open_bare_frame(std::move(bytes), session->version()));
          return session->answer(message);
        });
    Result<Session::Answer> answer = co_await working;
    if (!answer) {
      log(Level::error, "dbd.refuse", {{"peer", connection.stream.peer()}, {"error", answer.error().text}});
      co_return;
    }
    if (!answer->send) co_return;
    auto writing =
        connection.stream.write_all(rpc::bare_frame(answer->type, answer->body), io::Deadline::in_ms(kReplyMs));
    Result<void> written = co_await writing;
    connection.busy = false;
    if (!written || answer->close) co_return;
  }
}

void Server::publish(const acct::Books& before, const acct::Books& now) {
  for (const auto& [name, cluster] : now.clusters.rows()) {
    if (cluster->deleted || cluster->control_port == 0 || !wire::supported(cluster->rpc_version)) continue;
    const wire::AccountingUpdate update = updates(before, now, name);
    if (update.update_list.empty()) continue;
    if (log_enabled(Level::debug2)) {
      const wire::MessageInfo* info = wire::find_message(wire::MsgType::ACCOUNTING_UPDATE_MSG);
      log(Level::debug2, "dbd.news", {{"cluster", name}, {"news", info->dump(&update, cluster->rpc_version)}});
    }
    loop_.post([this, name, to = rpc::Address{cluster->control_host, static_cast<std::uint16_t>(cluster->control_port)},
                version = cluster->rpc_version, body = codec::pack(update, cluster->rpc_version)]() mutable {
      Outbox& out = outboxes_[name];
      out.to = std::move(to);
      out.version = version;
      out.waiting.push_back(std::move(body));
      if (out.waiting.size() > kOutboxMax) out.waiting.pop_front();
      if (!out.sending && !stopping_) io::spawn(send_updates(name));
    });
  }
}

io::Task<void> Server::send_updates(std::string cluster) {
  Outbox& out = outboxes_[cluster];
  out.sending = true;
  while (!out.waiting.empty() && !stopping_) {
    std::string body = std::move(out.waiting.front());
    out.waiting.pop_front();
    rpc::CallOptions options;
    options.timeout_ms = kUpdateMs;
    auto calling = client_.call(out.to, wire::MsgType::ACCOUNTING_UPDATE_MSG, std::move(body), out.version, options);
    Result<rpc::Response> response = co_await calling;
    if (!response)
      log(Level::warn, "dbd.not_told", {{"cluster", cluster}, {"error", response.error().text}});
    else
      log(Level::debug, "dbd.told", {{"cluster", cluster}});
  }
  out.sending = false;
}

}  // namespace flurm::dbd
