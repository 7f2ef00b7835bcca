// stepd/pmix_helper.hpp — srun --mpi=pmix: the process that serves PMIx to this node's tasks, as the supervisor sees
// it.
//
// OpenPMIx serves the user's programs, so it runs as the user, in a process of its own (flurmpmix), and is trusted with
// no more. What the servers of the step's nodes tell each other goes through their supervisors and daemons.
#pragma once
#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stepd/helper.hpp"

namespace flurm::stepd {

class PmixHelper {
 public:
  /// Starts it and waits until it serves; launch.pmix is set. Errors: node_fork_failed, node_execve_failed; what it
  /// says is in the text.
  static Result<PmixHelper> start(const exec::StepLaunch& launch);

  /// For the task's environment. local_id: below the number of this node's tasks.
  const std::vector<std::string>& env(std::size_t local_id) const { return tasks_[local_id].env; }

  pid_t pid() const { return helper_.pid; }
  /// What to wait for.
  pollfd wait() const {
    return {helper_.socket.get(), static_cast<short>(outgoing_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
  }
  /// Reads what it says. Returns the parcels that are new in waiting().
  std::vector<exec::StepParcel> handle();
  /// From another node; one that came before is dropped. nodes_busy: to be tried again, one before it is missing or
  /// much is under way already.
  Errc take(std::string_view packed);
  /// For other nodes, not known to have arrived.
  const std::deque<exec::StepParcel>& waiting() const { return waiting_; }
  void sent(const exec::StepParcelSent& which);
  /// A task called MPI_Abort; said once.
  std::optional<exec::PmixAbort> take_abort() { return std::exchange(abort_, std::nullopt); }

  /// No task needs it any more: it ends itself. Called again some seconds later, it is killed.
  void end(std::uint64_t now_ms);

 private:
  explicit PmixHelper(Helper helper) : helper_(std::move(helper)) {}
  Result<void> set_up(const std::string& setup, std::size_t tasks);
  bool read_available();
  void write_available();

  Helper helper_;
  std::optional<std::uint64_t> ending_since_ms_;
  exec::StepFrameReader reader_{exec::kStepFrameMax};
  std::string outgoing_;
  std::vector<exec::PmixTask> tasks_;
  std::deque<exec::StepParcel> waiting_;
  std::map<std::uint32_t, std::uint64_t> taken_;  ///< number of the last parcel of each node
  std::optional<exec::PmixAbort> abort_;
};

}  // namespace flurm::stepd
