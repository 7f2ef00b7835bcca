// rpc/client.hpp — sending requests: one connection each, or many over a persistent one.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "auth/munge.hpp"
#include "io/event.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "rpc/message.hpp"
#include "wire/msg/persist.hpp"

namespace flurm::rpc {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Address&) const = default;
  std::string text() const { return fmt::format("{}:{}", host, port); }
};

struct CallOptions {
  std::uint64_t timeout_ms = 10'000;          ///< for everything: connecting, sending, waiting for the answer
  std::uint64_t connect_ms = 0;               ///< of that for connecting, at most; 0: all of it
  std::optional<uid_t> restrict_uid;          ///< who may read the credential: the user the receiver runs as
  wire::Forward forward;                      ///< whom the receiver shall pass it on to
  std::uint32_t frame_bytes_max = 64u << 20;  ///< of the answer
};

class Client {
 public:
  /// `munge` must outlive the client, the client its calls.
  Client(io::Loop& loop, const auth::Munge& munge) : loop_(loop), munge_(munge) {}

  /// Sends `body` (packed in `version`) and waits for the answer.
  /// Errors: communications_connection (nobody there), communications_send, communications_receive (no or a broken
  /// answer), timed_out, protocol_authentication (the answer's credential), protocol_version, auth_cred_invalid (no
  /// munged here).
  io::Task<Result<Response>> call(Address to, wire::MsgType type, std::string body, std::uint16_t version,
                                  CallOptions options);
  template <class M>
  io::Task<Result<Response>> call(Address to, wire::MsgType type, const M& message, std::uint16_t version,
                                  CallOptions options) {
    return call(std::move(to), type, codec::pack(message, version), version, std::move(options));
  }

  /// For messages that have no answer: done when the kernel has taken it.
  io::Task<Result<void>> send_only(Address to, wire::MsgType type, std::string body, std::uint16_t version,
                                   CallOptions options);

  /// Sends a frame as it is, for forwarding with the sender's own credential. The answer is the sender's as well: its
  /// credential is not checked here.
  io::Task<Result<Response>> call_frame(Address to, std::string frame, CallOptions options);

  io::Loop& loop() { return loop_; }
  const auth::Munge& munge() { return munge_; }

 private:
  io::Loop& loop_;
  const auth::Munge& munge_;
};

/// One connection for many requests (Slurm's persistent connections): a credential only at its opening. Requests
/// made at the same time wait for each other, first come first served. After an error the connection is closed:
/// open another.
class PersistentClient {
 public:
  /// greeting: who calls, and the highest version to speak; the peer may ask for less. Errors: as Client::call();
  /// unexpected_msg: the peer does not do this, or not in that version.
  static io::Task<Result<std::unique_ptr<PersistentClient>>> open(io::Loop& loop, const auth::Munge& munge, Address to,
                                                                  wire::PersistInit greeting, CallOptions options);
  /// Calls under way end with `closed`.
  ~PersistentClient();

  /// The version bodies must be packed in.
  std::uint16_t version() const;
  bool is_open() const;
  /// The peer has ended it, between two calls.
  bool peer_left() const;
  /// At most 1000 calls may wait; beyond: communications_send.
  io::Task<Result<Response>> call(wire::MsgType type, std::string body, std::uint64_t timeout_ms);
  template <class M>
  io::Task<Result<Response>> call(wire::MsgType type, const M& message, std::uint64_t timeout_ms) {
    return call(type, codec::pack(message, version()), timeout_ms);
  }

  struct State;
  explicit PersistentClient(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

}  // namespace flurm::rpc
