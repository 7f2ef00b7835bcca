// stepd/supervisor.hpp — the life of one step on one node: start its tasks, pass their streams on, serve requests about
// them, clean up, report the end. A batch step is one with a single task, whose streams are files.
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exec/process_tracker.hpp"
#include "exec/step_messages.hpp"
#include "exec/task.hpp"
#include "stepd/connection.hpp"
#include "stepd/pmi_server.hpp"
#include "stepd/pmix_helper.hpp"
#include "stepd/step_api.hpp"
#include "stepd/step_directory.hpp"
#include "stepd/step_io.hpp"
#include "stepd/step_plugins.hpp"
#include "stepd/terminal.hpp"
#include "stepd/x11_helper.hpp"

namespace flurm::stepd {

/// A supervisor's whole life: the launch request comes over the socket that is standard input. plugins: of the site, or
/// null. Returns the exit status of the process.
int run_supervisor(StepPlugins* plugins);

/// Until the step begins, this process dies with the daemon at the other end of the socket: the next daemon gives up
/// what has not begun, and nothing of it may be left. False: that daemon is gone.
bool die_with_daemon(int socket);
/// Reads the launch frame from a blocking socket. Errors: closed, corrupt.
Result<exec::StepLaunch> read_launch(int fd);

/// One step. Single-threaded; run() is the process's main loop.
///
///   starting ── tasks report their streams ──► running ── last task ends ──► ending ── processes gone, streams
///   passed on ──► ended
///
/// A launch that fails goes straight to `ended` with slurm_rc set, when no task was started; else through `ending`. One
/// that the daemon gave up before it began ends the process without a trace. In `ended` the process only waits for
/// release.
class Supervisor {
 public:
  /// `daemon`: the connection the launch came on. plugins: may be null.
  Supervisor(exec::StepLaunch launch, exec::Fd daemon, StepPlugins* plugins = nullptr);
  ~Supervisor();

  /// Returns the exit status of the process.
  int run();

 private:
  struct Task {
    pid_t pid = 0;  ///< 0: not started, or ended
    exec::Fd report, stderr_fd;
    exec::TaskState state;
    bool streams_open = false;
    bool plugins_told = false;       ///< of its end
    bool killed_by_request = false;  ///< its status says how we ended it, not how it ended
    std::uint64_t clocked_us = 0;    ///< of CPU time, for which `cycles` were counted
    double cycles = 0;               ///< microseconds times frequency
    unsigned last_cpu = 0;           ///< of one that has ended
  };

  // Lifecycle (supervisor.cpp)
  Result<void> set_up();
  Result<void> start();
  Result<void> begin();
  void loop();
  void reap();
  void clean_up();
  void finish(std::int32_t slurm_rc);
  void write_state();
  exec::StepState state() const;
  bool is_extern() const { return launch_.key.step_id == kExternStep; }
  bool is_batch() const { return launch_.key.step_id == kBatchStep; }
  std::string step_text() const;
  void log_line(const std::string& text) const;
  void tell_user(const std::string& text);
  void write_to_user(const std::string& line);
  void tell_daemons();
  int poll_timeout_ms() const;
  void handle_timers();

  // What is used (supervisor_usage.cpp)
  exec::StepUsage usage_now();
  void measure_tasks();
  static void measure_zombie(Task& task);
  static void measure_ended(Task& task, const rusage& used);
  static void note_frequency(Task& task, unsigned cpu);
  void sample();

  // Tasks (supervisor_tasks.cpp)
  Result<void> begin_plugins();
  void tell_plugins_of_end(std::size_t task);
  Result<void> start_tasks();
  void show_display();
  Result<void> fork_tasks(std::vector<exec::TaskSpec> specs);
  Result<void> connect_streams(std::size_t at, exec::TaskSpec& spec, std::vector<exec::Fd>& theirs);
  Result<int> labelled_file(const std::string& path);
  Result<void> connect_terminal(exec::TaskSpec& spec, const exec::TaskLaunch& plan, std::vector<exec::Fd>& theirs);
  void connect_client();
  void handle_pmix();
  void tell_abort(const exec::PmixAbort& abort);
  void handle_report(Task& task);
  void streams_are_open(Task& task);
  void task_ended(Task& task, int wait_status);
  void next_epilog();
  void fail_launch(std::int32_t rc);
  std::uint32_t step_status() const;

  // Requests (supervisor_requests.cpp)
  void accept_connection();
  void open_api();
  std::optional<std::string> answer(StepQuestion question, std::int32_t argument, std::uint32_t uid);
  void handle_frames(Connection& connection);
  exec::StepReply handle(const Connection& connection, const exec::StepFrameReader::Frame& frame);
  Errc signal_step(const exec::StepSignal& request);
  Errc terminate(const exec::StepTerminate& request);
  Errc suspend();
  Errc resume();
  Errc release();
  Errc attach(const exec::StepAttach& request);
  Errc told(const exec::StepTold& request);
  Errc take_pmi(const exec::StepPmiData& request);
  void announce(std::uint16_t signal, const std::string& details);
  void begin_termination(std::uint32_t grace_s);
  void kill_everything();
  int deliver(int signal);

  exec::StepLaunch launch_;
  StepPlugins* plugins_;
  exec::Fd space_;  ///< mount namespace of the job
  bool plugins_begun_ = false;
  std::vector<std::string> early_lines_;  ///< for the user, when nothing takes them yet
  std::optional<StepDirectory> directory_;
  std::unique_ptr<exec::ProcessTracker> tracker_;
  exec::Fd listener_, children_;  ///< children_: signalfd for SIGCHLD
  std::list<Connection> connections_;
  std::optional<StepApi> api_;
  StepIo io_;
  WindowWatch window_;
  std::optional<PmiServer> pmi_;
  std::optional<PmixHelper> pmix_;
  std::optional<X11Helper> x11_;
  std::vector<std::pair<std::string, int>> labelled_files_;  ///< path, number in io_

  exec::StepStage stage_ = exec::StepStage::starting;
  std::vector<Task> tasks_;  ///< as launch_.tasks
  std::vector<exec::StepClient> clients_;
  std::deque<std::size_t> epilogs_due_;  ///< tasks
  pid_t epilog_pid_ = 0;
  bool suspended_ = false, announced_ = false, aborted_ = false, over_memory_ = false, released_ = false,
       adopted_ = false;
  bool begun_ = false;  ///< the daemon cannot give the order up any more
  bool everyone_gone_ = false, wound_up_ = false, launch_told_ = false, kill_wanted_ = false;
  std::size_t epilogs_done_ = 0;  ///< of the first task due
  TimeS started_at_;
  exec::StepUsage peak_;
  std::optional<exec::StepEnd> end_;
  std::uint32_t stream_error_ = 0;  ///< Errc of a batch step's streams, which takes the place of its status
  std::int32_t launch_rc_ = 0;

  std::uint64_t kill_at_ms_ = 0, stop_at_ms_ = 0, sample_at_ms_ = 0, epilog_kill_at_ms_ = 0, exits_told_at_ms_ = 0,
                drained_by_ms_ = 0, look_again_at_ms_ = 0;
  std::uint64_t drain_pause_ms_ = 1;  ///< between looks whether the clients have got everything; grows
  std::uint64_t kill_pause_ms_ = 0;   ///< between attempts; grows
};

/// Milliseconds of a clock that only goes forward.
std::uint64_t monotonic_ms();

}  // namespace flurm::stepd
