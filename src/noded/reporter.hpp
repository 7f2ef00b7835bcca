// noded/reporter.hpp — what the controller must hear from this node, until it says that it did.
#pragma once
#include <cstdint>

#include "exec/step_messages.hpp"
#include "noded/client_reporter.hpp"
#include "noded/node_context.hpp"
#include "noded/step_reports.hpp"
#include "wire/msg/job_complete.hpp"

namespace flurm::noded {

class Reporter {
 public:
  explicit Reporter(NodeContext& node) : node_(node), clients_(node), step_reports_(node) {}

  /// The state of a running step is new: its clients, and sometimes the controller, have to hear of it.
  void step_changed(const NodeJobPtr& job, const StepLink::Ptr& link);

  /// A step is over: tells its clients and the controller, then lets the supervisor go. Counts in job->reports
  /// meanwhile.
  void step_over(NodeJobPtr job, StepLink::Ptr link);
  /// The same for a step of which only the state file is left; removes `directory`.
  void step_found_dead(NodeJobPtr job, exec::StepState state, std::string directory);

  /// Tells the controller once more how a batch step ended that it ordered again: it forgot. Counts in job->reports
  /// meanwhile.
  void repeat_end(NodeJobPtr job);

  /// What another node of a step of the job reports, on its way to the controller. As StepReports::deliver(). Counts in
  /// job->reports meanwhile.
  io::Task<Result<std::uint32_t>> pass_on(NodeJobPtr job, wire::StepComplete report);

  io::Task<void> prolog_complete(std::uint32_t job_id, Errc rc);
  io::Task<void> epilog_complete(std::uint32_t job_id, Errc rc);
  /// The job could not be launched: has it requeued and held, or killed where it may not be requeued. Counts in
  /// job->reports meanwhile.
  io::Task<void> launch_failed(NodeJobPtr job, Errc rc);
  /// A run that an earlier daemon took and nobody began: has it requeued, or killed where it may not be, if it is
  /// still what the controller believes to run here. Then removes the file `note` and, if empty, its directory.
  /// Counts in job->reports meanwhile.
  void never_started(NodeJobPtr job, std::string directory, std::string note);
  /// Asks the controller to give this node no more work.
  io::Task<void> drain_node(std::string reason);

 private:
  /// Asks until the controller answers; nullopt when the job was aborted meanwhile, of which it wants no report.
  io::Task<std::optional<std::uint32_t>> ask_while_wanted(NodeJobPtr job, Outgoing message);
  static io::Task<void> report(Reporter& self, NodeJobPtr job, StepLink::Ptr link, exec::StepState state,
                               std::string directory);
  io::Task<void> clean_up_after(exec::StepState state);
  io::Task<std::optional<std::uint32_t>> report_step(NodeJobPtr job, wire::StepComplete report);
  static io::Task<void> report_again(Reporter& self, NodeJobPtr job);
  static io::Task<void> report_never_started(Reporter& self, NodeJobPtr job, std::string directory, std::string note);
  /// flags: of JobRequeue.
  io::Task<void> start_over(std::uint32_t job_id, std::uint32_t flags);
  io::Task<void> kill(std::uint32_t job_id);
  io::Task<std::optional<JobRun>> run_at_controller(std::uint32_t job_id);
  static io::Task<void> kill_step(Reporter& self, wire::StepId step);
  static io::Task<void> tell_clients(Reporter& self, NodeJobPtr job, StepLink::Ptr link, exec::StepState state,
                                     io::Event told);
  NodeContext& node_;
  ClientReporter clients_;
  StepReports step_reports_;
};

/// The report of a batch step's end.
wire::CompleteBatchScript batch_completion(const exec::StepState& state, const std::string& node_name);
/// The same of any other step: this node's part of it.
wire::StepComplete step_completion(const exec::StepState& state);

}  // namespace flurm::noded
