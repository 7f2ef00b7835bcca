// noded/ender.hpp — signals, suspension and the end of jobs.
#pragma once
#include "noded/node_context.hpp"
#include "noded/reporter.hpp"
#include "wire/msg/job_control.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg_type.hpp"

namespace flurm::noded {

class Ender {
 public:
  Ender(NodeContext& node, Reporter& reporter) : node_(node), reporter_(reporter) {}

  /// REQUEST_TERMINATE_JOB, REQUEST_KILL_TIMELIMIT, REQUEST_KILL_PREEMPTED, REQUEST_ABORT_JOB: answers at once with
  /// success, or kill_job_already_complete where nothing is left to do. What has to be done goes on afterwards and
  /// ends with MESSAGE_EPILOG_COMPLETE.
  io::Task<Errc> end_job(wire::MsgType why, wire::KillJob order);

  /// A later run of the job was ordered: the controller has given up this one and wants to hear no more of it. Ends it
  /// as REQUEST_ABORT_JOB does. True when it is gone and no report of it is on its way; false when the deadline passed.
  io::Task<bool> make_way(NodeJobPtr job, io::Deadline deadline);

  /// REQUEST_SIGNAL_TASKS. uid: who asks.
  io::Task<Errc> signal(wire::CancelTasks request, std::uint32_t uid);
  /// REQUEST_TERMINATE_TASKS: SIGKILL to one step.
  io::Task<Errc> kill_step(wire::StepId step, std::uint32_t uid);
  io::Task<Errc> suspend(std::uint32_t job_id, bool resume);
  io::Task<void> notify(wire::JobNotify request, std::uint32_t uid);

  /// Removes the directories that a job had for itself, when nobody of it is left.
  io::Task<void> clear_space(std::uint32_t job_id);

 private:
  static io::Task<void> carry_out(Ender& self, NodeJobPtr job, wire::MsgType type, wire::KillJob order);
  static io::Task<void> order_end(StepLink::Ptr link, exec::StepTerminate order);
  io::Task<void> end_steps(NodeJobPtr job, std::uint16_t why, wire::KillJob order, bool at_once);
  static io::Task<void> unkillable(Ender& self, std::uint32_t job_id);
  std::uint32_t grace_s() const;
  io::Task<Errc> epilog(NodeJobPtr job, wire::KillJob order);
  bool may_signal(const NodeJob& job, std::uint32_t uid) const;

  NodeContext& node_;
  Reporter& reporter_;
};

}  // namespace flurm::noded
