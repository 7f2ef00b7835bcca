// exec/session_tracker.hpp — tracking by descent: works everywhere, needs no privilege.
#pragma once
#include "exec/process_table.hpp"
#include "exec/process_tracker.hpp"

namespace flurm::exec {

/// Because the supervisor is a child subreaper, a process whose parent ends becomes the supervisor's child,
/// whatever session it moved to: the descendants are exactly the step.
class SessionTracker final : public ProcessTracker {
 public:
  Result<void> join() override { return {}; }
  Result<void> deny_to_task(std::size_t, std::span<const DeviceNumber>) override {
    return fail(Errc::io, "devices can be denied to control groups only");
  }
  Result<void> adopt(pid_t pid) override;
  std::vector<pid_t> pids() override;
  int signal(int signal) override;
  void kill_all() override;
  void freeze() override;
  void thaw() override;
  ResourceUsage usage() override;

 private:
  std::vector<ProcessInfo> processes();

  struct Adopted {
    pid_t pid = 0;
    std::uint64_t start_ticks = 0;  ///< tells it from a later process of that number
  };
  std::vector<Adopted> adopted_;
};

}  // namespace flurm::exec
