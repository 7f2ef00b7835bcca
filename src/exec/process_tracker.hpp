// exec/process_tracker.hpp — all processes of a step, also those that became daemons: find, stop, kill, measure.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "exec/device_filter.hpp"

namespace flurm::exec {

struct ResourceUsage {
  std::uint64_t user_us = 0, system_us = 0;
  std::uint64_t rss_bytes = 0, virtual_bytes = 0;  ///< now
};

/// Follows the processes below the calling supervisor. One supervisor, one tracker; not thread-safe.
class ProcessTracker {
 public:
  virtual ~ProcessTracker() = default;

  /// A child of the supervisor's that serves it and is not of the step, nor what it starts; 0: none.
  void leave_out(pid_t pid) { left_out_ = pid; }
  /// Called in the forked child while it is still privileged, before it becomes the user. Errors: io.
  virtual Result<void> join() = 0;
  /// Called there after join(): the task cannot use these devices either. local_id: its number among those of this
  /// node. Errors: io.
  virtual Result<void> deny_to_task(std::size_t local_id, std::span<const DeviceNumber> devices) = 0;
  /// Makes a process that somebody else started one of the step, with all that it starts from now on. Any process: the
  /// caller knows who asks. Errors: io.
  virtual Result<void> adopt(pid_t pid) = 0;
  /// Living processes of the step, without the supervisor.
  virtual std::vector<pid_t> pids() = 0;
  /// Sends `signal` to each of them; returns how many got it.
  virtual int signal(int signal) = 0;
  /// One attempt to SIGKILL everything, against fork bombs as well as the mechanism can; repeat until empty().
  virtual void kill_all() = 0;
  virtual bool empty() { return pids().empty(); }
  /// Keeps all processes from running, and lets them run again, without their noticing where the kernel can.
  virtual void freeze() = 0;
  virtual void thaw() = 0;
  virtual ResourceUsage usage() = 0;
  /// Whether the kernel killed a process for exceeding the memory limit.
  virtual bool out_of_memory() { return false; }
  /// Whether the memory limit given at creation is enforced by the kernel.
  virtual bool limits_memory() const { return false; }
  /// Gives back what the kernel keeps for the step; the step must be empty.
  virtual void remove() {}

 protected:
  pid_t left_out_ = 0;
};

enum class TrackerKind : std::uint8_t {
  session,  ///< descendants found in /proc; the supervisor is the subreaper, so none can get away
  cgroup,   ///< cgroup v2, else v1, else as `session`
};

struct TrackerOptions {
  TrackerKind kind = TrackerKind::session;
  std::string cgroup_root = "/sys/fs/cgroup";
  std::string job_path;                  ///< below the root, e.g. "flurm_cluster_n1/job_12"
  std::string step_name;                 ///< e.g. "step_batch"
  std::uint64_t memory_limit_bytes = 0;  ///< of the job on this node; 0 is none
  std::uint64_t step_limit_bytes = 0;    ///< of this step, where it is less; 0 is none
  std::vector<DeviceNumber> denied_devices;  ///< which the processes of this step cannot open
};

/// Makes the calling process the reaper of orphaned descendants (all kinds need it) and sets the mechanism up.
/// Falls back to `session` where cgroups cannot be used; `note` then says why. Errors: io (there are devices to be
/// denied, and that cannot be done).
Result<std::unique_ptr<ProcessTracker>> make_tracker(const TrackerOptions& options, std::string* note);

}  // namespace flurm::exec
