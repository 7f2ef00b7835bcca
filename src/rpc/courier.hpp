// rpc/courier.hpp — calls to peers that are called often: over persistent connections where the peer keeps them.
//
// A call of its own costs a connection and two to four credentials; over a persistent connection it costs neither.
// Only our own daemons keep such connections for these messages: Slurm's refuse them, which is remembered per peer,
// and then each call is made as Client::call makes it.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/timer.hpp"
#include "rpc/client.hpp"

namespace flurm::rpc {

/// Loop thread only. The courier must outlive its calls.
class Courier {
 public:
  explicit Courier(Client& client);
  ~Courier();

  /// As Client::call(), with its errors. The message may arrive twice, when a connection breaks before the answer: only
  /// for requests whose repetition does nothing.
  io::Task<Result<Response>> call(Address to, wire::MsgType type, std::string body, std::uint16_t version,
                                  CallOptions options);

 private:
  struct Connection {
    std::unique_ptr<PersistentClient> client;
    std::size_t calls = 0;  ///< under way or waiting for their turn
    std::uint64_t used_ms = 0;
  };
  struct Peer {
    std::vector<std::shared_ptr<Connection>> connections;
    std::size_t opening = 0;
    std::uint64_t plain_until_ms = 0;  ///< it keeps no persistent connections, as far as we know
    std::uint64_t plain_ms = 0;        ///< for how long that was believed last; grows
  };
  /// Everything a connection is opened with; two users of one address may differ in it.
  struct Key {
    std::string host;
    std::uint16_t port, version;
    uid_t receiver;
    auto operator<=>(const Key&) const = default;
  };

  /// The least busy connection, or a new one while there are few and all are busy; null: call without.
  io::Task<Result<std::shared_ptr<Connection>>> connection_for(std::shared_ptr<Peer> peer, Address to,
                                                               std::uint16_t version, CallOptions options);
  void sweep();

  Client& client_;
  std::map<Key, std::shared_ptr<Peer>> peers_;
  io::Timer sweeper_;
};

}  // namespace flurm::rpc
