// cluster/link.cpp — listening, connecting and connecting again; who is there.
#include "cluster/link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <set>

#include "base/log.hpp"
#include "cluster/bytes.hpp"
#include "cluster/channel.hpp"
#include "cluster/handshake.hpp"
#include "cluster/proof.hpp"
#include "cluster/resolve.hpp"
#include "cluster/tls.hpp"
#include "io/event.hpp"
#include "io/random.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"

namespace flurm::cluster {
namespace {

constexpr std::size_t kHalfOpenMax = 64;
/// Connections of those who are no members.
constexpr std::size_t kGuestsMax = 16;
/// How long after a failure the next attempt waits, doubled each time; each wait differs by up to a half. The first
/// comes so soon because it tells whether the other's process is still there.
constexpr std::uint64_t kRetryMinMs = 5, kRetryMaxMs = 500;
constexpr std::uint64_t kConnectMs = 1000, kLookUpMs = 5000;
/// The kernel gives up a connection whose bytes nobody confirms for so long: after a link was down its own patience
/// grows to minutes, and all that time libraft would wait for the old connection.
constexpr int kUnconfirmedMs = 2000;
constexpr std::uint64_t kLogEveryMs = 1000;
/// How long one that is no member any more may wait for what it has asked.
constexpr std::uint64_t kFarewellMs = 1000;
/// How long stop() waits for handlers of others' calls.
constexpr std::uint64_t kHandlersMs = 2000;

void set_patience(const io::Stream& stream) {
  const int on = 1, idle_s = 2, interval_s = 1, probes = 3;
  (void)setsockopt(stream.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnconfirmedMs, sizeof kUnconfirmedMs);
  (void)setsockopt(stream.fd(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(stream.fd(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  (void)setsockopt(stream.fd(), IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  (void)setsockopt(stream.fd(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/// Who answers calls to this member; outlives the link while a handler runs.
struct Handlers {
  std::map<std::uint8_t, Link::Handler> by_kind;
  std::set<std::uint8_t> for_guests;
  std::size_t running = 0;
  std::optional<io::Event> idle;  // somebody waits until none runs
};

io::Task<Result<std::string>> answer(std::shared_ptr<Handlers> handlers, std::uint64_t from, std::uint8_t kind,
                                     std::string body) {
  const auto found = handlers->by_kind.find(kind);
  if (found == handlers->by_kind.end()) co_return fail(Errc::not_supported, "this controller knows no call {}", kind);
  ++handlers->running;
  auto answering = found->second(from, std::move(body));
  Result<std::string> result = co_await answering;
  if (--handlers->running == 0 && handlers->idle) handlers->idle->set({});
  co_return result;
}

io::Task<> answer_into(std::shared_ptr<Handlers> handlers, std::uint64_t from, std::uint8_t kind, std::string body,
                       io::OneShot<Result<std::string>> done) {
  auto answering = answer(handlers, from, kind, std::move(body));
  Result<std::string> result = co_await answering;
  done.set(std::move(result));
}

io::Task<Result<std::string>> refuse_guest(std::uint64_t from) {
  co_return fail(Errc::eperm, "{} is no member of this cluster", from);
}

class LinkImpl final : public Link {
 public:
  LinkImpl(io::Loop& loop, LinkOptions options) : loop_(loop), options_(std::move(options)), look_up_soon_(loop) {}
  ~LinkImpl() override { FLURM_CHECK(running_ == 0, "stop() the link before destroying it"); }

  Result<void> start() override;
  io::Task<void> stop() override;
  io::Task<Result<std::string>> call(std::uint64_t member, CallKind kind, std::string body,
                                     std::uint64_t timeout_ms) override;
  void on_call(CallKind kind, Handler handler, Guests guests) override {
    handlers_->by_kind[static_cast<std::uint8_t>(kind)] = std::move(handler);
    if (guests == Guests::yes) handlers_->for_guests.insert(static_cast<std::uint8_t>(kind));
  }
  void set_members(std::vector<Member> members) override;
  std::vector<Peer> peers() const override;
  std::uint64_t self() const override { return options_.self; }
  const std::vector<Member>& members() const override { return options_.members; }
  void on_peer_change(std::function<void()> fn) override { changed_ = std::move(fn); }
  std::uint16_t port() const override { return listener_ ? listener_->port() : 0; }

  void on_stream(OnStream fn) override { on_stream_ = std::move(fn); }
  void on_gone(std::function<void(std::uint64_t)> fn) override { gone_ = std::move(fn); }
  io::Task<Result<io::Stream>> open_stream(std::uint64_t member) override;

 private:
  /// Another member, and the connections for calls with it: ours to it and its to us.
  struct Other {
    Other(io::Loop& loop, Member the_member)
        : member(std::move(the_member)), retry_soon(loop), farewell(loop, [this] {
            if (const auto channel = in) channel->close({Errc::closed, "it is no member any more"});
          }) {}
    Member member;
    std::string address;  // numeric; empty: not looked up yet
    bool look_up_again = false;
    std::shared_ptr<Channel> out, in;
    std::string version, error = "not connected yet";
    std::uint64_t heard_at_ms = 0, round_trip_us = 0;  // of connections that are gone
    io::Event retry_soon;
    bool gone = false;  // no member any more
    io::Timer farewell;
  };
  using OtherPtr = std::shared_ptr<Other>;
  struct Guest {
    std::uint64_t id;
    std::shared_ptr<Channel> channel;
  };
  /// Counts a coroutine of this object, which stop() waits for.
  struct Running {
    explicit Running(LinkImpl& the_link) : link(the_link) { ++link.running_; }
    ~Running() {
      if (--link.running_ == 0 && link.stopped_) link.stopped_->set({});
    }
    Running(const Running&) = delete;
    LinkImpl& link;
  };
  using StreamPtr = std::shared_ptr<io::Stream>;

  OtherPtr find(std::uint64_t member) const;
  void add(const Member& member);
  void leave(Other& other, const Error& why);
  Result<void> listen(std::uint16_t port);
  ChannelOptions channel_options(bool calls) const {
    return {
        .calls = calls, .version = options_.version, .ping_ms = options_.ping_ms, .silence_ms = options_.silence_ms};
  }
  io::Task<Result<StreamPtr>> connect(OtherPtr other, Purpose purpose);
  io::Task<> keep_connected(OtherPtr other);
  io::Task<> serve(StreamPtr wire);
  io::Task<Result<StreamPtr>> encrypt(StreamPtr wire, TlsSide side, std::string received, io::Deadline deadline);
  io::Task<> carry(std::shared_ptr<TlsTunnel> tunnel);
  io::Task<Result<Caller>> identify(StreamPtr& stream);
  io::Task<> serve_calls(OtherPtr other, std::shared_ptr<io::Stream> stream);
  io::Task<> serve_guest(std::uint64_t from, std::shared_ptr<io::Stream> stream);
  io::Task<> look_up_names();
  void take(io::Stream stream);
  void refused(const std::string& peer, const Error& error);
  void changed() {
    if (changed_ && !stopping_) changed_();
  }

  io::Loop& loop_;
  LinkOptions options_;
  std::shared_ptr<const Party> party_;
  std::shared_ptr<Handlers> handlers_ = std::make_shared<Handlers>();
  std::vector<OtherPtr> others_;  // in the order of options_.members
  std::list<Guest> guests_;
  std::unique_ptr<io::Listener> listener_;
  std::list<StreamPtr> half_open_;  // oldest first
  std::list<StreamPtr> opening_;    // outgoing, in the handshake
  std::list<std::shared_ptr<TlsTunnel>> tunnels_;
  OnStream on_stream_;
  std::function<void(std::uint64_t)> gone_;
  std::function<void()> changed_;
  io::Event look_up_soon_;
  bool looking_up_ = false;

  std::uint64_t log_refusal_at_ms_ = 0, refusals_not_logged_ = 0;
  std::size_t running_ = 0;
  std::optional<io::Event> stopped_;
  bool stopping_ = false;
};

LinkImpl::OtherPtr LinkImpl::find(std::uint64_t member) const {
  for (const OtherPtr& other : others_)
    if (other->member.id == member) return other;
  return nullptr;
}

Result<void> LinkImpl::start() {
  FLURM_TRY_VOID(check_members(options_.members));
  const auto own = std::ranges::find(options_.members, options_.self, &Member::id);
  if (own == options_.members.end())
    return fail(Errc::einval, "member {} is not in the list of members", options_.self);
  const bool alone = options_.members.size() == 1;
  if (options_.secret.empty()) {
    if (alone) return {};
    return fail(Errc::einval,
                "{} controllers need a shared secret: FLURM_COOKIE, or Cookie or CookieFile in flurm.conf",
                options_.members.size());
  }
  if (Result<void> listening = listen(own->port); !listening) {
    if (!alone) return listening;
    log(Level::warn, "cluster.closed",
        {{"error", listening.error().text}, {"effect", "no controller can join this one"}});
    return {};
  }
  set_members(options_.members);
  return {};
}

Result<void> LinkImpl::listen(std::uint16_t port) {
  FLURM_TRY(listener_, io::Listener::tcp(loop_, options_.listen_host, port,
                                         [this](io::Stream stream) { take(std::move(stream)); }));
  return {};
}

void LinkImpl::set_members(std::vector<Member> members) {
  options_.members = std::move(members);
  if (stopping_ || !listener_) return;
  std::vector<std::uint64_t> ids;
  std::vector<OtherPtr> before = std::exchange(others_, {});
  for (const Member& member : options_.members) {
    if (member.id == options_.self) continue;
    ids.push_back(member.id);
    const auto known = std::ranges::find_if(before, [&](const OtherPtr& other) { return other->member == member; });
    if (known == before.end()) {
      add(member);
    } else {
      others_.push_back(std::move(*known));
      before.erase(known);
    }
  }
  party_ = std::make_shared<const Party>(make_party(options_.self, ids, options_.cluster_name, options_.secret));
  for (const OtherPtr& other : before) {
    leave(*other, {Errc::closed, "it is no member any more"});
    other->farewell.start(kFarewellMs);
  }
  // They come again, and then as what they are.
  for (const Guest& guest : std::list(guests_))
    if (find(guest.id)) guest.channel->close({Errc::closed, "it is a member now"});
  if (!before.empty()) changed();
}

void LinkImpl::add(const Member& member) {
  const OtherPtr& other = others_.emplace_back(std::make_shared<Other>(loop_, member));
  if (is_numeric(member.host)) {
    other->address = member.host;
  } else {
    other->look_up_again = true;
    if (!std::exchange(looking_up_, true)) io::spawn(look_up_names());
    look_up_soon_.set({});
  }
  io::spawn(keep_connected(other));
}

void LinkImpl::leave(Other& other, const Error& why) {
  other.gone = true;
  if (const auto channel = other.out) channel->close(why);
  other.retry_soon.set({});
}

io::Task<void> LinkImpl::stop() {
  stopping_ = true;
  listener_.reset();
  on_stream_ = nullptr;
  const Error why{Errc::closed, "this controller is stopping"};
  for (auto& stream : half_open_) stream->close();
  for (auto& stream : opening_) stream->close();
  for (auto& tunnel : tunnels_) tunnel->close();
  look_up_soon_.set({});
  for (const OtherPtr& other : others_) {
    leave(*other, why);
    if (const auto channel = other->in) channel->close(why);
  }
  for (const Guest& guest : std::list(guests_)) guest.channel->close(why);
  if (running_ > 0) {
    const io::Event stopped(loop_);
    stopped_ = stopped;
    auto waiting = stopped.wait(io::Deadline::never());
    (void)co_await waiting;
  }
  if (handlers_->running > 0) {
    const io::Event idle(loop_);
    handlers_->idle = idle;
    auto waiting = idle.wait(io::Deadline::in_ms(kHandlersMs));
    (void)co_await waiting;
  }
}

// ---- to the others

io::Task<Result<LinkImpl::StreamPtr>> LinkImpl::connect(OtherPtr other, Purpose purpose) {
  const Running running(*this);
  if (stopping_) co_return fail(Errc::closed, "stopping");
  if (other->address.empty())
    co_return fail(Errc::communications_connection, "{}: not looked up yet", other->member.host);
  auto connecting = io::connect_tcp(loop_, other->address, other->member.port, io::Deadline::in_ms(kConnectMs));
  Result<io::Stream> connected = co_await connecting;
  if (stopping_) co_return fail(Errc::closed, "stopping");
  if (!connected) {
    if (!is_numeric(other->member.host)) {
      other->look_up_again = true;
      look_up_soon_.set({});
    }
    co_return fail(connected.error());
  }
  auto stream = std::make_shared<io::Stream>(std::move(*connected));
  set_patience(*stream);
  const auto deadline = io::Deadline::in_ms(options_.handshake_ms);
  const auto at = opening_.insert(opening_.end(), stream);
  Result<void> greeted;
  if (options_.tls != LinkTls::no) {
    auto encrypting = encrypt(stream, TlsSide::caller, {}, deadline);
    if (auto encrypted = co_await encrypting)
      stream = std::move(*encrypted);
    else
      greeted = fail(encrypted.error());
  }
  if (greeted) {
    auto greeting = greet(stream, party_, other->member.id, purpose, deadline);
    greeted = co_await greeting;
  }
  opening_.erase(at);
  if (!greeted) co_return fail(greeted.error());
  if (stopping_ || other->gone) co_return fail(Errc::closed, "stopping");
  co_return stream;
}

io::Task<> LinkImpl::keep_connected(OtherPtr other) {
  const Running running(*this);
  std::uint64_t retry_ms = kRetryMinMs;
  std::string logged;
  bool was_there = false;
  while (!other->gone) {
    auto connecting = connect(other, Purpose::calls);
    Result<StreamPtr> stream = co_await connecting;
    if (other->gone) break;
    if (stream) {
      const std::uint64_t since = io::monotonic_ms();
      const auto channel = std::make_shared<Channel>(loop_, *stream, channel_options(true), nullptr);
      other->out = channel;
      channel->on_greeting([this, other, &logged, raw = channel.get()] {
        other->version = raw->version();
        other->error.clear();
        logged.clear();
        log(Level::info, "cluster.connected", {{"member", other->member.name}, {"version", other->version}});
        changed();
      });
      auto run = channel->run();
      const Error ended = co_await run;
      other->out.reset();
      other->heard_at_ms = channel->heard_at_ms();
      other->round_trip_us = channel->round_trip_us();
      other->error = ended.text;
      if (other->gone) break;
      if (io::monotonic_ms() - since > kRetryMaxMs) retry_ms = kRetryMinMs;
      // Silence may be the network's fault. Who closed the connection has ended, if it takes no other.
      was_there = io::monotonic_ms() - channel->heard_at_ms() < options_.silence_ms;
      log(Level::warn, "cluster.lost", {{"member", other->member.name}, {"error", ended.text}});
      changed();
    } else {
      // The other's kernel answers, and nobody listens there any more.
      if (was_there && stream.error().code == Errc::communications_connection) {
        was_there = false;
        if (gone_) gone_(other->member.id);
      }
      other->error = stream.error().text;
      // A member that is away is said once for each reason, not twice a second.
      if (logged != other->error)
        log(Level::info, "cluster.not_connected", {{"member", other->member.name}, {"error", other->error}});
      logged = other->error;
    }
    other->retry_soon = io::Event(loop_);
    const std::uint64_t jitter = get<std::uint16_t>(io::random_bytes(2), 0) % (retry_ms / 2 + 1);
    auto wait = other->retry_soon.wait(io::Deadline::in_ms(retry_ms + jitter));
    (void)co_await wait;
    retry_ms = std::min(retry_ms * 2, kRetryMaxMs);
  }
}

io::Task<Result<io::Stream>> LinkImpl::open_stream(std::uint64_t member) {
  const Running running(*this);
  OtherPtr other = find(member);
  if (!other) co_return fail(Errc::einval, "no member {}", member);
  auto connecting = connect(std::move(other), Purpose::log);
  Result<StreamPtr> stream = co_await connecting;
  if (!stream) co_return fail(stream.error());
  co_return std::move(**stream);
}

io::Task<> LinkImpl::look_up_names() {
  const Running running(*this);
  while (!stopping_) {
    for (const OtherPtr& other : std::vector(others_)) {
      if (!other->look_up_again || stopping_) continue;
      other->look_up_again = false;
      auto work = io::on_worker(loop_, [host = other->member.host] { return look_up(host); });
      Result<std::string> address = co_await work;
      if (address) {
        if (other->address.empty()) other->retry_soon.set({});
        other->address = std::move(*address);
      } else {
        other->look_up_again = true;
        if (other->address.empty()) other->error = address.error().text;
      }
    }
    look_up_soon_ = io::Event(loop_);
    // One look-up blocks a worker for as long as the name service likes, so not more often than this.
    auto rest = look_up_soon_.wait(io::Deadline::in_ms(stopping_ ? 0 : kLookUpMs));
    (void)co_await rest;
  }
}

// ---- from the others

void LinkImpl::take(io::Stream stream) {
  if (half_open_.size() >= kHalfOpenMax) {
    refused(half_open_.front()->peer(), {Errc::eperm, "slow, and others came"});
    half_open_.front()->close();
    half_open_.pop_front();
  }
  auto shared = std::make_shared<io::Stream>(std::move(stream));
  half_open_.push_back(shared);
  io::spawn(serve(shared));
}

/// Encrypts `wire` from its next byte on; the stream that it gives is for the words in the clear.
io::Task<Result<LinkImpl::StreamPtr>> LinkImpl::encrypt(StreamPtr wire, TlsSide side, std::string received,
                                                        io::Deadline deadline) {
  auto opening = TlsTunnel::open(loop_, std::move(wire), side, options_.secret, std::move(received), deadline);
  auto tunnel = co_await opening;
  if (!tunnel) co_return fail(tunnel.error());
  if (stopping_) co_return fail(Errc::closed, "stopping");
  StreamPtr stream = (*tunnel)->stream();
  io::spawn(carry(std::move(*tunnel)));
  co_return stream;
}

io::Task<> LinkImpl::carry(std::shared_ptr<TlsTunnel> tunnel) {
  const Running running(*this);
  const auto at = tunnels_.insert(tunnels_.end(), tunnel);
  auto carrying = tunnel->run();
  co_await carrying;
  tunnels_.erase(at);
}

/// Who called. `stream` becomes the one in the clear.
io::Task<Result<Caller>> LinkImpl::identify(StreamPtr& stream) {
  const auto deadline = io::Deadline::in_ms(options_.handshake_ms);
  std::string first(1, '\0');
  auto reading = stream->read_exactly(first, deadline);
  if (const Result<void> got = co_await reading; !got) co_return fail(got.error());
  if (first[0] == kTlsFirstByte) {
    auto encrypting = encrypt(stream, TlsSide::called, std::move(first), deadline);
    auto encrypted = co_await encrypting;
    if (!encrypted) co_return fail(encrypted.error());
    stream = std::move(*encrypted);
    first.clear();
  } else if (options_.tls == LinkTls::require) {
    co_return fail(Errc::eperm, "speaks without TLS, which LinkTls=require does not allow");
  }
  auto receiving = receive(stream, party_, deadline, std::move(first));
  co_return co_await receiving;
}

io::Task<> LinkImpl::serve(StreamPtr wire) {
  const Running running(*this);
  set_patience(*wire);
  StreamPtr stream = wire;
  auto identifying = identify(stream);
  const Result<Caller> caller = co_await identifying;
  const auto dropped = std::erase(half_open_, wire) == 0;
  if (stopping_ || dropped) co_return;
  if (!caller) {
    refused(stream->peer(), caller.error());
    co_return;
  }
  OtherPtr other = find(caller->from);
  if (caller->purpose == Purpose::log) {
    if (other && on_stream_) on_stream_(caller->from, std::move(*stream));
    co_return;
  }
  if (!other) {
    auto serving = serve_guest(caller->from, stream);
    co_await serving;
    co_return;
  }
  other->retry_soon.set({});  // it is there: no need to wait before calling it
  auto serving = serve_calls(std::move(other), stream);
  co_await serving;
}

io::Task<> LinkImpl::serve_calls(OtherPtr other, std::shared_ptr<io::Stream> stream) {
  if (other->in) other->in->close({Errc::closed, "it connected again"});
  const auto channel =
      std::make_shared<Channel>(loop_, stream, channel_options(false),
                                [handlers = handlers_, from = other->member.id](std::uint8_t kind, std::string body) {
                                  return answer(handlers, from, kind, std::move(body));
                                });
  other->in = channel;
  channel->on_greeting([other, raw = channel.get()] { other->version = raw->version(); });
  auto run = channel->run();
  (void)co_await run;
  other->heard_at_ms = std::max(other->heard_at_ms, channel->heard_at_ms());
  if (other->in == channel) other->in.reset();
}

io::Task<> LinkImpl::serve_guest(std::uint64_t from, std::shared_ptr<io::Stream> stream) {
  if (guests_.size() >= kGuestsMax) guests_.front().channel->close({Errc::closed, "too many that are no members"});
  log(Level::verbose, "cluster.guest", {{"peer", stream->peer()}, {"member", from}});
  const auto channel = std::make_shared<Channel>(
      loop_, stream, channel_options(false),
      [handlers = handlers_, from](std::uint8_t kind, std::string body) -> io::Task<Result<std::string>> {
        if (!handlers->for_guests.contains(kind)) return refuse_guest(from);
        return answer(handlers, from, kind, std::move(body));
      });
  const auto at = guests_.insert(guests_.end(), {from, channel});
  auto run = channel->run();
  (void)co_await run;
  guests_.erase(at);
}

void LinkImpl::refused(const std::string& peer, const Error& error) {
  const std::uint64_t now = io::monotonic_ms();
  if (now < log_refusal_at_ms_) {
    ++refusals_not_logged_;
    return;
  }
  log_refusal_at_ms_ = now + kLogEveryMs;
  log(Level::warn, "cluster.refused",
      {{"peer", peer}, {"reason", error.text}, {"not_logged", std::exchange(refusals_not_logged_, 0)}});
}

// ---- calls

io::Task<Result<std::string>> LinkImpl::call(std::uint64_t member, CallKind kind, std::string body,
                                             std::uint64_t timeout_ms) {
  const auto number = static_cast<std::uint8_t>(kind);
  if (member == options_.self) {
    const io::OneShot<Result<std::string>> done(loop_);
    io::spawn(answer_into(handlers_, member, number, std::move(body), done));
    auto waiting = done.wait(io::Deadline::in_ms(timeout_ms));
    Result<Result<std::string>> answered = co_await waiting;
    if (!answered) co_return fail(Errc::timed_out, "no answer in {} ms", timeout_ms);
    co_return std::move(*answered);
  }
  const OtherPtr other = find(member);
  if (!other) co_return fail(Errc::communications_connection, "no member {}", member);
  const auto channel = other->out;
  if (!channel) co_return fail(Errc::communications_connection, "{}: {}", other->member.name, other->error);
  auto calling = channel->call(number, std::move(body), timeout_ms);
  Result<std::string> answered = co_await calling;
  co_return answered;
}

std::vector<Peer> LinkImpl::peers() const {
  std::vector<Peer> out;
  const std::uint64_t now = io::monotonic_ms();
  for (const OtherPtr& other : others_) {
    std::uint64_t heard = other->heard_at_ms;
    if (other->out) heard = std::max(heard, other->out->heard_at_ms());
    if (other->in) heard = std::max(heard, other->in->heard_at_ms());
    const bool connected = other->out && !other->out->version().empty();
    out.push_back({.member = other->member,
                   .connected = connected,
                   .version = other->version,
                   .heard_ms_ago = heard ? now - heard : ~std::uint64_t{0},
                   .round_trip_us = other->out ? other->out->round_trip_us() : other->round_trip_us,
                   .error = connected ? "" : other->error});
  }
  return out;
}

}  // namespace

std::unique_ptr<Link> Link::make(io::Loop& loop, LinkOptions options) {
  return std::make_unique<LinkImpl>(loop, std::move(options));
}

}  // namespace flurm::cluster
