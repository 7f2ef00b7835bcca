// cluster/link.hpp — the controller link: the members of a cluster reach each other over one authenticated port.
//
// Every connection begins with a handshake in which both sides prove that they know the secret (docs/cluster.md). It
// then serves one purpose: a stream for the replicated log, or calls of one member to another.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cluster/members.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "replog/transport.hpp"

namespace flurm::cluster {

/// Largest body of a call and of its answer.
constexpr std::size_t kCallBytesMax = std::size_t{48} << 20;

/// What a call is about; the number travels. A number once used keeps its meaning. 0 is not used.
enum class CallKind : std::uint8_t {
  status = 1,      ///< how a member stands: `flurm cluster status`
  propose = 2,     ///< a command for the leader's log
  read_index = 3,  ///< the leader's commit index, for a linearizable read on a follower
  confirm = 4,     ///< whether the caller still leads, as the called member sees it
  reread = 5,      ///< read the configuration files again: they have changed
  state_hash = 6,  ///< the hash of the state after an entry
  members = 7,     ///< who is a member as the log of the called one has it; for guests, too
  order = 8,       ///< an administrator's order about the members, for the leader
  leave = 9,       ///< the leader is about to remove the called member
  formats = 16,    ///< which stored forms of the state a member knows
};

/// Who may make calls of a kind: members, or everybody who knows the secret, as one does that joins or was removed.
enum class Guests : bool { no, yes };

/// Whether the link is encrypted. Connections of members that ask for it always are.
enum class LinkTls : std::uint8_t {
  no,       ///< this member does not ask
  prefer,   ///< it asks; those of members that do not are taken, too: while the members' configuration changes
  require,  ///< it asks, and takes no others
};

struct LinkOptions {
  std::string cluster_name;
  std::uint64_t self = 1;
  std::vector<Member> members;  ///< self included
  std::string secret;           ///< never logged; empty: there is only one member, which listens nowhere
  LinkTls tls = LinkTls::no;
  std::string version;      ///< of this software, told to the others
  std::string listen_host;  ///< numeric address; empty: all
  std::uint64_t handshake_ms = 2000;
  std::uint64_t ping_ms = 200;      ///< how often a connection for calls is tried
  std::uint64_t silence_ms = 1000;  ///< it is given up when nothing came back for so long
};

/// What this member knows of another.
struct Peer {
  Member member;
  bool connected = false;           ///< calls can be made to it now
  std::string version;              ///< its software; empty: never connected
  std::uint64_t heard_ms_ago = 0;   ///< since its last sign of life; ~0: never
  std::uint64_t round_trip_us = 0;  ///< of the last ping
  std::string error;                ///< why it is not connected
};

/// Loop thread only. Destroy it after the log that uses it as its transport.
class Link : public replog::Transport {
 public:
  using Handler = std::function<io::Task<Result<std::string>>(std::uint64_t from_member, std::string body)>;

  static std::unique_ptr<Link> make(io::Loop& loop, LinkOptions options);

  /// Listens, and connects to the others; does not wait for them. Errors: einval (members, secret), io (port).
  virtual Result<void> start() = 0;
  /// Calls under way fail with `closed`; handlers have two seconds to end.
  virtual io::Task<void> stop() = 0;

  /// Asks a member and waits for its answer; to oneself it calls the handler at once. Calls to one member arrive in the
  /// order in which they were made, and their handlers run side by side. Errors of the link itself:
  ///   communications_connection: surely not received there (no connection, too many calls waiting); try again as you
  ///     like
  ///   closed, timed_out: nobody knows whether it was carried out; repeat only what is recognised when it comes twice
  /// Any other error is the handler's. not_supported: the other side knows no such kind.
  virtual io::Task<Result<std::string>> call(std::uint64_t member, CallKind kind, std::string body,
                                             std::uint64_t timeout_ms) = 0;
  /// Who answers calls of a kind here. The handler's error travels as code and text; communications_connection becomes
  /// `error`, because to the caller it would say that the call never arrived.
  virtual void on_call(CallKind kind, Handler handler, Guests guests = Guests::no) = 0;

  /// Who is a member from now on, at most kMembersMax; self may be missing. Calls to all others end, and a second later
  /// theirs.
  virtual void set_members(std::vector<Member> members) = 0;
  /// The others, in the order of members().
  virtual std::vector<Peer> peers() const = 0;
  virtual std::uint64_t self() const = 0;
  virtual const std::vector<Member>& members() const = 0;
  /// Called when a member becomes reachable for calls, or stops being it.
  virtual void on_peer_change(std::function<void()> fn) = 0;
  /// Where it listens, 0 when it does not.
  virtual std::uint16_t port() const = 0;
};

}  // namespace flurm::cluster
