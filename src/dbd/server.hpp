// dbd/server.hpp — the daemon's socket: who connects becomes a session; and what changed goes out to controllers.
#pragma once
#include <deque>
#include <list>
#include <map>
#include <memory>

#include "auth/munge.hpp"
#include "auth/users.hpp"
#include "dbd/session.hpp"
#include "io/event.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "rpc/client.hpp"
#include "wire/msg/accounting_update.hpp"

namespace flurm::dbd {

/// All members on the loop's thread, unless they say otherwise.
class Server {
 public:
  struct Options {
    std::string host;  ///< numeric address to listen on; empty: all
    std::uint16_t port = 0;
    std::uint32_t slurm_uid = 0;
    std::size_t connections_max = 1024;  ///< beyond: new ones wait
  };
  /// Errors: io (the port is taken). What it is given must outlive it; it must be stopped before the loop ends.
  static Result<std::unique_ptr<Server>> listen(io::Loop& loop, const auth::Munge& munge, auth::Users& users,
                                                Common& common, Options options);
  ~Server();

  /// Takes no more connections and ends those that are there; requests under way are finished.
  io::Task<void> stop();
  /// Tells the controllers what differs; any thread.
  void publish(const acct::Books& before, const acct::Books& now);

 private:
  struct Connection {
    explicit Connection(io::Stream the_stream) : stream(std::move(the_stream)) {}
    io::Stream stream;
    std::string buffer;
    std::unique_ptr<Session> session;
    bool busy = false;
  };
  using Place = std::list<Connection>::iterator;
  /// Updates that a controller has not got yet, in order.
  struct Outbox {
    std::deque<std::string> waiting;
    rpc::Address to;
    std::uint16_t version = 0;
    bool sending = false;
  };

  Server(io::Loop& loop, const auth::Munge& munge, auth::Users& users, Common& common, Options options);
  io::Task<void> serve(Place at);
  io::Task<void> serve_requests(Place at);
  io::Task<Result<void>> greet(Place at);
  void leave(Place at);
  io::Task<void> send_updates(std::string cluster);

  io::Loop& loop_;
  const auth::Munge& munge_;
  auth::Users& users_;
  Common& common_;
  Options options_;
  rpc::Client client_;
  std::unique_ptr<io::Listener> listener_;
  std::list<Connection> connections_;
  std::map<std::string, Outbox> outboxes_;
  bool stopping_ = false;
  std::optional<io::Event> empty_;  // set when the last connection has left
};

}  // namespace flurm::dbd
