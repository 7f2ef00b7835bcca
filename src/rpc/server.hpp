// rpc/server.hpp — accepts connections, checks who asks, hands requests to a handler, sends its answers.
//
// On the loop's thread a request costs the reading, one look at the handler and the writing; credentials are decoded,
// bodies unpacked and (for 22.05) answers signed on workers.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "auth/munge.hpp"
#include "io/loop.hpp"
#include "rpc/message.hpp"
#include "rpc/stats.hpp"

namespace flurm::rpc {

class Forwarder;

struct ServerOptions {
  std::string host;  ///< numeric address to listen on; empty: all
  std::uint16_t port = 0;
  std::size_t connections_max = 4096;         ///< beyond: the longest silent one is closed, else new ones wait
  std::uint32_t frame_bytes_max = 64u << 20;  ///< at most wire::kFrameBytesMax
  std::uint64_t request_timeout_ms = 10'000;  ///< for a request to arrive whole
  std::uint64_t reply_timeout_ms = 60'000;    ///< for an answer to be taken
  std::uint64_t persistent_idle_ms = 0;       ///< 0: a persistent connection may be silent for ever
  /// Several daemons share a munged (tests, one machine as many nodes): a forwarded credential is decoded by each.
  bool accept_replayed = false;
  /// Runs on a worker after the request was verified: for look-ups that may block. Thread-safe.
  std::function<void(Request&)> prepare;
  /// Passes requests on to the nodes their header names; none: such requests are refused.
  Forwarder* forwarder = nullptr;
};

class Server {
 public:
  /// Errors: io (the port is taken). `munge` must outlive the server.
  static Result<std::unique_ptr<Server>> listen(io::Loop& loop, const auth::Munge& munge, ServerOptions options,
                                                Handler handler);
  /// Closes all connections; handlers that still run answer into the void.
  ~Server();

  std::uint16_t port() const;
  const Stats& stats() const;
  void reset_stats();
  std::size_t connections() const;

  /// Takes no more connections, closes those that are silent for a second, and waits until the requests under way, and those
  /// that connections made a moment ago may still bring, are answered; at most `ms`.
  io::Task<void> finish(std::uint64_t ms);

  struct State;
  explicit Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

}  // namespace flurm::rpc
