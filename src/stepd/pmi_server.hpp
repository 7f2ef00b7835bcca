// stepd/pmi_server.hpp — srun --mpi=pmi2: the tasks' process manager on this node.
//
// Pairs that tasks put are kept until all tasks of the step have reached a fence; then each node sends its own to srun,
// and srun sends all of them to every node. Slurm's supervisors form a tree for that; ours speak to srun directly, as
// the first level of that tree does.
#pragma once
#include <poll.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "exec/fd.hpp"
#include "exec/step_messages.hpp"
#include "stepd/pmi_text.hpp"

namespace flurm::stepd {

class PmiServer {
 public:
  /// host: numeric address of srun.
  PmiServer(exec::StepPmi step, std::string host, std::string node_name);

  /// A socket for a task, its own end. Errors: node_fork_failed (none to be had).
  Result<exec::Fd> add_task(std::uint32_t rank);

  /// Appends what to wait for; handle() gets the same list after poll(2).
  void add_waits(std::vector<pollfd>& waits);
  void handle(const std::vector<pollfd>& waits);

  /// What srun sends at the end of a fence. Errors: corrupt.
  Result<void> take(std::string_view data);

  /// A task asked for the end of the whole step, or a fence cannot be completed.
  bool wants_step_killed() const { return wants_step_killed_; }

 private:
  struct Task {
    exec::Fd fd;
    std::uint32_t rank = 0;
    PmiReader reader;
    bool in_fence = false;
    std::string waits_for;  ///< key of a node attribute
  };

  void read(Task& task);
  void act(Task& task, const PmiCommand& command);
  void act_1(Task& task, const PmiCommand& command);
  void act_2(Task& task, const PmiCommand& command);
  void begin(Task& task, const PmiCommand& command);
  void answer(Task& task, PmiWords words);
  void put(const PmiCommand& command);
  void enter_fence(Task& task);
  void send_fence();
  void leave_fence(int rc);
  std::string job_attribute(std::string_view key) const;

  exec::StepPmi step_;
  std::string host_, node_name_;
  std::list<Task> tasks_;
  std::map<std::string, std::string, std::less<>> pairs_, node_attributes_;
  std::string put_here_;   ///< packed pairs since the last fence
  std::size_t bytes_ = 0;  ///< in all of the above
  std::uint32_t fence_ = 1;
  bool fence_sent_ = false, wants_step_killed_ = false;
  std::size_t first_wait_ = 0;
};

}  // namespace flurm::stepd
