// rpc/courier.cpp — see courier.hpp.
#include "rpc/courier.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "io/clock.hpp"

namespace flurm::rpc {
namespace {

/// Per peer. A connection carries one request at a time, so a second one is there for those behind a slow answer.
constexpr std::size_t kConnectionsMax = 2;
/// Silent connections are given back, so that a large cluster at rest holds none.
constexpr std::uint64_t kIdleMs = 20'000, kSweepMs = 5'000;
/// How long a peer that refused is not asked again: it may be replaced by one of ours. One that only closed may have
/// been on its way down, and is asked sooner at first.
constexpr std::uint64_t kRefusedMs = 600'000, kClosedMs = 10'000;

}  // namespace

Courier::Courier(Client& client) : client_(client), sweeper_(client.loop(), [this] { sweep(); }) {}
Courier::~Courier() = default;

io::Task<Result<Response>> Courier::call(Address to, wire::MsgType type, std::string body, std::uint16_t version,
                                         CallOptions options) {
  const Key key{to.host, to.port, version, options.restrict_uid.value_or(static_cast<uid_t>(-1))};
  std::shared_ptr<Peer>& entry = peers_[key];
  if (!entry) entry = std::make_shared<Peer>();
  if (!sweeper_.running()) sweeper_.start(kSweepMs, kSweepMs);
  const std::shared_ptr<Peer> peer = entry;
  if (options.forward.cnt == 0 && io::monotonic_ms() >= peer->plain_until_ms) {
    auto finding = connection_for(peer, to, version, options);
    auto found = co_await finding;
    if (!found) co_return fail(found.error());
    if (const std::shared_ptr<Connection> connection = *found) {
      ++connection->calls;
      auto calling = connection->client->call(type, body, options.timeout_ms);
      Result<Response> response = co_await calling;
      --connection->calls;
      connection->used_ms = io::monotonic_ms();
      if (response || response.error().code == Errc::timed_out) co_return response;
      // The peer was restarted, or gave the connection back: say it again on one of its own.
    }
  }
  auto calling = client_.call(std::move(to), type, std::move(body), version, std::move(options));
  co_return co_await calling;
}

io::Task<Result<std::shared_ptr<Courier::Connection>>> Courier::connection_for(std::shared_ptr<Peer> peer, Address to,
                                                                               std::uint16_t version,
                                                                               CallOptions options) {
  std::erase_if(peer->connections, [](const auto& each) { return !each->client->is_open(); });
  std::shared_ptr<Connection> best;
  for (const auto& each : peer->connections)
    if (!best || each->calls < best->calls) best = each;
  if (best && best->calls == 0) co_return best;
  // Those who come while the first ones are being opened do not wait for them.
  if (peer->connections.size() + peer->opening >= kConnectionsMax) co_return best;

  ++peer->opening;
  wire::PersistInit greeting;
  greeting.version = version;
  greeting.persist_type = wire::persist_ha_ctl;
  auto opening =
      PersistentClient::open(client_.loop(), client_.munge(), to, std::move(greeting), std::move(options));
  auto opened = co_await opening;
  --peer->opening;
  if (!opened) {
    const Errc code = opened.error().code;
    if (code == Errc::communications_connection || code == Errc::auth_cred_invalid) co_return fail(opened.error());
    peer->plain_ms = code == Errc::unexpected_msg ? kRefusedMs : std::clamp(2 * peer->plain_ms, kClosedMs, kRefusedMs);
    peer->plain_until_ms = io::monotonic_ms() + peer->plain_ms;
    // It may know no such request and say nothing; the next call finds out, this one's time is over.
    if (code == Errc::timed_out) co_return fail(opened.error());
    log(Level::debug, "rpc.no_persistent", {{"peer", to.text()}, {"error", opened.error().text}});
    co_return nullptr;
  }
  if ((*opened)->version() != version) {
    peer->plain_until_ms = io::monotonic_ms() + kRefusedMs;
    co_return nullptr;
  }
  peer->plain_ms = 0;
  auto connection = std::make_shared<Connection>();
  connection->client = std::move(*opened);
  connection->used_ms = io::monotonic_ms();
  peer->connections.push_back(connection);
  co_return connection;
}

void Courier::sweep() {
  const std::uint64_t now = io::monotonic_ms();
  for (auto at = peers_.begin(); at != peers_.end();) {
    Peer& peer = *at->second;
    std::erase_if(peer.connections,
                  [&](const auto& each) { return each->calls == 0 && now - each->used_ms >= kIdleMs; });
    const bool refused = peer.plain_until_ms != 0 && now < peer.plain_until_ms + kRefusedMs;
    const bool known = peer.opening > 0 || !peer.connections.empty() || refused;
    at = known ? std::next(at) : peers_.erase(at);
  }
  if (peers_.empty()) sweeper_.stop();
}

}  // namespace flurm::rpc
