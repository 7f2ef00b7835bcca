// stepd/terminal.hpp — pseudo-terminals for tasks, and srun's word of how large its own is.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "exec/fd.hpp"

namespace flurm::stepd {

struct TerminalPair {
  exec::Fd master, slave;
};
/// A terminal whose slave belongs to `uid`. plain: what is written comes out unchanged, for output alone.
/// Errors: node_io_error.
Result<TerminalPair> open_terminal(std::uint32_t uid, bool plain);

void set_terminal_size(int fd, std::uint16_t rows, std::uint16_t columns);

/// A TCP connection that does not block afterwards; `host` is numeric. Waits `timeout_ms` at most.
/// Errors: communications_connection.
Result<exec::Fd> connect_to(const std::string& host, std::uint16_t port, int timeout_ms);

/// The connection over which srun tells the size of its window whenever that changes.
class WindowWatch {
 public:
  WindowWatch() = default;
  WindowWatch(exec::Fd socket, exec::Fd master) : socket_(std::move(socket)), master_(std::move(master)) {}

  int fd() const { return socket_.get(); }
  /// Reads what is there and sets the size; true when it changed. Closes itself at the end of the connection.
  bool read_available();
  void close();

 private:
  exec::Fd socket_, master_;
  std::string buffer_;
};

}  // namespace flurm::stepd
