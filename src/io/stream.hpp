// io/stream.hpp — connected sockets (TCP and unix) and listeners.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/clock.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace flurm::io {

/// Who is on the other end of a unix socket (SO_PEERCRED).
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// One connection. At most one read and one write may be under way at a time. Errors of all operations: closed (the
/// peer or close() ended it), timed_out, io. After an error the stream is only good for close().
class Stream {
 public:
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();  // closes

  /// At least one byte, at most buffer.size(). 0 means the peer sent all it had to send. The buffer must live until
  /// the task ends.
  Task<Result<std::size_t>> read_some(std::span<char> buffer, Deadline deadline);
  /// Appends what is there, at most 64 KiB, to `out`, which must live until the task ends. Memory is taken only for
  /// what came: right for connections that are mostly silent. 0 as in read_some().
  Task<Result<std::size_t>> read_append(std::string& out, Deadline deadline);
  /// All of `buffer`. Errors also: closed when the peer ended before.
  Task<Result<void>> read_exactly(std::span<char> buffer, Deadline deadline);
  /// All of `data`, which is held until it is written.
  Task<Result<void>> write_all(std::string data, Deadline deadline);
  /// All pieces in order, in as few system calls as possible.
  Task<Result<void>> write_pieces(std::vector<std::string> pieces, Deadline deadline);

  /// Any time; operations under way end with `closed` later in this iteration.
  void close();
  /// Closes without sending what is not sent yet: what nobody waits for any more shall not arrive later.
  void abandon();
  bool is_open() const;

  /// For connections that are silent for long: the kernel finds out within two minutes that the peer's host is gone.
  void keep_alive();

  /// "127.0.0.1:6817", "[::1]:6817" or "unix".
  const std::string& peer() const;
  /// Numeric host part of peer(); empty for unix sockets.
  std::string peer_host() const;
  std::optional<PeerCredentials> peer_credentials() const;
  /// The socket, for options; it stays the stream's.
  int fd() const;

  struct Impl;
  explicit Stream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<Impl> impl_;
};

/// Takes connections and hands each to a callback.
class Listener {
 public:
  using OnConnection = std::move_only_function<void(Stream)>;

  /// host: numeric address, "" for all addresses (IPv6 and IPv4 where the kernel has both). port 0: any free one.
  static Result<std::unique_ptr<Listener>> tcp(Loop& loop, const std::string& host, std::uint16_t port,
                                               OnConnection on_connection);
  /// Replaces a socket file left by a dead process; refuses when somebody listens there. mode: of the socket file.
  static Result<std::unique_ptr<Listener>> unix_path(Loop& loop, const std::string& path, mode_t mode,
                                                     OnConnection on_connection);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// While paused, new connections wait in the kernel's backlog.
  void pause();
  void resume();
  std::uint16_t port() const;

  struct Impl;
  explicit Listener(Impl* impl) : impl_(impl) {}

 private:
  Impl* impl_;
};

/// host: name or numeric address. Errors: communications_connection, timed_out.
Task<Result<Stream>> connect_tcp(Loop& loop, std::string host, std::uint16_t port, Deadline deadline);
Task<Result<Stream>> connect_unix(Loop& loop, std::string path, Deadline deadline);
/// Takes over a connected stream socket. peer: what its peer() says; empty: the socket's own.
Result<Stream> adopt_socket(Loop& loop, int fd, std::string peer = {});

}  // namespace flurm::io
