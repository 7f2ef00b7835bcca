// x11/forwarder.hpp — a display on this node that is really the one srun or salloc was started from.
#pragma once
#include <atomic>

#include "auth/munge.hpp"
#include "exec/fd.hpp"
#include "exec/step_messages.hpp"
#include "x11/tunnel.hpp"

namespace flurm::x11 {

/// One per process. Listens for X clients on a port of the loopback address; each connection has a thread, which does
/// nothing but wait and copy.
class Forwarder {
 public:
  /// supervisor: socket to the step's supervisor; not owned.
  explicit Forwarder(int supervisor) : supervisor_(supervisor) {}

  /// Serves until the supervisor says no more. Returns the exit status of the process, which is to end then: clients
  /// may still have their threads.
  int run();

 private:
  Result<exec::StepX11> read_setup();
  void send_ready(const exec::X11Ready& ready);
  Result<std::uint16_t> listen();
  void accept_clients();
  void accept_one();

  const int supervisor_;
  Route route_;
  auth::Munge munge_;
  exec::Fd listener_;
  std::atomic<unsigned> clients_ = 0;
};

}  // namespace flurm::x11
