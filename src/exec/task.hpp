// exec/task.hpp — starts the program of one task as its user.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "exec/environment.hpp"
#include "exec/fd.hpp"
#include "exec/identity.hpp"
#include "exec/process_tracker.hpp"

namespace flurm::exec {

/// What others do in a task's own process between fork and exec. False: the task ends there, with status 1.
class TaskHooks {
 public:
  virtual ~TaskHooks() = default;
  /// As root still, its streams not opened yet.
  virtual bool task_as_root(std::size_t local_id, Environment& env) = 0;
  /// As the user, before the prologs.
  virtual bool task_as_user(std::size_t local_id, Environment& env) = 0;
};

struct TaskSpec {
  Identity user;
  std::vector<std::string> argv;  ///< argv[0]: path, or a name to be looked up in the environment's PATH
  Environment env;
  std::string work_dir;
  std::string stdin_path, stdout_path, stderr_path;   ///< opened as the user; equal out and err share one opening
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;  ///< 0 or above: this descriptor of the caller instead of a path
  int kept_fd = -1;                                   ///< that the program finds under the same number; -1: none
  bool append = false;                                ///< else the output files are emptied
  /// Joins this process group of the caller's session, or with 0 makes one; none: leads a session of its own.
  std::optional<pid_t> group;
  bool terminal = false;            ///< stdin_fd is a terminal, which becomes the session's
  std::vector<std::uint64_t> cpus;  ///< bound to these (bit n % 64 of word n / 64); empty: not bound
  std::vector<std::uint64_t> memory_nodes;  ///< see TaskLaunch
  bool memory_preferred = false;
  std::vector<DeviceNumber> denied_devices;  ///< see TaskLaunch
  bool for_debugger = false;        ///< traced by the caller, it stops in its program: see wait_for_debugger()
  bool makes_tmpdir = true;         ///< TMPDIR is set and made where it is missing
  std::optional<std::uint32_t> umask;
  std::optional<int> nice;
  std::uint32_t rlimit_mask = 0;          ///< see rlimits.hpp
  std::uint64_t memory_mib = 0;           ///< told to the task as RLIMIT_RSS; 0 is none
  std::string admin_prolog, user_prolog;  ///< TaskProlog and --task-prolog, run as the user before the program
  int mount_namespace = -1;  ///< entered when the streams are open; needs root. -1: none
  TaskHooks* hooks = nullptr;
  std::size_t local_id = 0;  ///< for the hooks
  /// A pipe: the task goes on when nobody has its end for writing any more. -1: at once.
  int gate_read = -1, gate_write = -1;
};

/// A task between fork and exec. Its report arrives on `report` once its files are open.
struct StartingTask {
  pid_t pid = 0;
  Fd report;
};

/// How far the task came. Errors before its standard error was open can only be told here; later ones the task
/// writes to its standard error itself and exits.
struct TaskReport {
  bool ended = false;          ///< the task left this stage: it runs its program, or has exited
  bool opened = false;         ///< its streams are there
  Fd stderr_fd;                ///< the file that is its standard error, for messages of the supervisor
  std::optional<Error> error;  ///< node_io_error: a file could not be opened; otherwise the set-up failed
};

/// Forks. The caller must be single-threaded; the child joins `tracker` and becomes the user before it touches any
/// path. Errors: node_fork_failed.
Result<StartingTask> start_task(const TaskSpec& spec, ProcessTracker& tracker);

/// A traced task has stopped, with this wait status: lets go of it so that it stays stopped for a debugger.
void wait_for_debugger(pid_t task, int wait_status);

/// Reads what the task has to say; nullopt when nothing arrived yet (the descriptor does not block).
std::optional<TaskReport> read_report(int report_fd);

/// Starts a program as the user in a session of its own, its output going to `stderr_fd` (-1: nowhere): TaskEpilog.
/// Errors: node_fork_failed.
Result<pid_t> start_as_user(const Identity& user, const std::string& program, Environment env,
                            const std::string& work_dir, ProcessTracker& tracker, int stderr_fd);

/// Opens a file for writing with the user's rights, in a child of its own. A file that blocks (a FIFO without a reader)
/// is given up after some seconds. Errors: node_io_error, node_fork_failed.
Result<Fd> open_as_user(const Identity& user, const std::string& path, bool append, std::optional<std::uint32_t> umask);

/// A line of ours in the task's standard error, as a user expects it: "slurmstepd: error: <text>".
void write_error_line(int fd, const std::string& text);

}  // namespace flurm::exec
