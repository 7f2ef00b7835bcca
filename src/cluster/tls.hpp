// cluster/tls.hpp — TLS under the handshake, for links over networks that others can read or write.
//
// TLS 1.3 with a key made from the members' secret: no certificates, forward secrecy, and nobody without the secret can
// stand in the middle. What the link hands to libraft must be a socket, so what is encrypted here comes out of one end of
// a pair of sockets, whose other end the link has.
#pragma once
#include <memory>
#include <string>

#include "base/result.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace flurm::cluster {

enum class TlsSide : bool { caller, called };

/// The first byte of every TLS connection, and of no other that the link knows.
inline constexpr char kTlsFirstByte = '\x16';

/// One encrypted connection. Loop thread only.
class TlsTunnel {
 public:
  /// Shakes hands on `wire`. received: what was read from it already. Errors: eperm (the other side speaks no TLS, or does
  /// not know the secret), closed, timed_out, io.
  static io::Task<Result<std::shared_ptr<TlsTunnel>>> open(io::Loop& loop, std::shared_ptr<io::Stream> wire,
                                                           TlsSide side, const std::string& secret,
                                                           std::string received, io::Deadline deadline);
  virtual ~TlsTunnel() = default;

  /// What the other side says, in the clear. Its peer() is that of the wire.
  virtual std::shared_ptr<io::Stream> stream() const = 0;
  /// Carries bytes until either end closes, and closes the other one. Keeps the tunnel until then.
  virtual io::Task<> run() = 0;
  virtual void close() = 0;
};

}  // namespace flurm::cluster
