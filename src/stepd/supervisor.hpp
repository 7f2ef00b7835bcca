// stepd/supervisor.hpp — the life of one step: start its task, serve requests about it, clean up, report the end.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exec/process_tracker.hpp"
#include "exec/step_messages.hpp"
#include "exec/task.hpp"
#include "stepd/connection.hpp"
#include "stepd/step_directory.hpp"

namespace flurm::stepd {

/// Until the step begins, this process dies with the daemon at the other end of the socket: the next daemon gives up
/// what has not begun, and nothing of it may be left. False: that daemon is gone.
bool die_with_daemon(int socket);
/// Reads the launch frame from a blocking socket. Errors: closed, corrupt.
Result<exec::StepLaunch> read_launch(int fd);

/// One step. Single-threaded; run() is the process's main loop.
///
///   starting ── task reports its streams ──► running ── task ends ──► ending ── all processes gone ──► ended
///
/// A launch that fails goes straight to `ended` with slurm_rc set. One that the daemon gave up before it began ends the
/// process without a trace. In `ended` the process only waits for release.
class Supervisor {
 public:
  /// `daemon`: the connection the launch came on.
  Supervisor(exec::StepLaunch launch, exec::Fd daemon);
  ~Supervisor();

  /// Returns the exit status of the process.
  int run();

 private:
  // Lifecycle (supervisor.cpp)
  Result<void> set_up();
  Result<void> start();
  Result<void> begin();
  void loop();
  void reap();
  void handle_report();
  void task_ended(int wait_status);
  void next_epilog();
  void clean_up();
  void finish(std::int32_t slurm_rc);
  void sample();
  void write_state();
  exec::StepState state() const;
  exec::StepUsage usage_now();
  void log_line(const std::string& text) const;
  void tell_user(const std::string& text);

  // Time (supervisor.cpp): monotonic milliseconds; 0 is "not set".
  int poll_timeout_ms() const;
  void handle_timers();

  // Requests (supervisor_requests.cpp)
  void accept_connection();
  void handle_frames(Connection& connection);
  exec::StepReply handle(const exec::StepFrameReader::Frame& frame);
  Errc signal_step(const exec::StepSignal& request);
  Errc terminate(const exec::StepTerminate& request);
  Errc suspend();
  Errc resume();
  Errc release();
  void announce(std::uint16_t signal, const std::string& details);
  void begin_termination(std::uint32_t grace_s);
  void kill_everything();
  int deliver(int signal);

  exec::StepLaunch launch_;
  std::optional<StepDirectory> directory_;
  std::unique_ptr<exec::ProcessTracker> tracker_;
  exec::Fd listener_, children_;  ///< children_: signalfd for SIGCHLD
  std::list<Connection> connections_;

  exec::StepStage stage_ = exec::StepStage::starting;
  pid_t task_pid_ = 0, epilog_pid_ = 0;
  exec::Fd report_, stderr_fd_;
  bool suspended_ = false, announced_ = false, aborted_ = false, over_memory_ = false, released_ = false;
  bool begun_ = false;  ///< the daemon cannot give the order up any more
  bool everyone_gone_ = false;
  std::size_t epilogs_done_ = 0;
  TimeS started_at_;
  exec::StepUsage peak_;
  std::optional<exec::StepEnd> end_;
  std::uint32_t wait_status_ = 0;

  std::uint64_t kill_at_ms_ = 0, stop_at_ms_ = 0, sample_at_ms_ = 0, epilog_kill_at_ms_ = 0;
  std::uint64_t kill_pause_ms_ = 0;  ///< between attempts; grows
};

}  // namespace flurm::stepd
