// noded/client_reporter.hpp — tells those who follow a step that it runs, and which of its tasks have ended.
//
// The supervisor keeps what has been told, so a daemon that takes over goes on where the one before it stopped.
#pragma once
#include <optional>

#include "exec/step_messages.hpp"
#include "noded/node_context.hpp"
#include "noded/node_job.hpp"

namespace flurm::noded {

class ClientReporter {
 public:
  explicit ClientReporter(NodeContext& node) : node_(node) {}

  /// The step's state is new: whatever the clients do not know yet is on its way to them.
  void look(const NodeJobPtr& job, const StepLink::Ptr& link);
  /// Returns when they have been told all there is.
  io::Task<void> tell_all(NodeJobPtr job, StepLink::Ptr link);
  /// Of a step whose supervisor was killed: its tasks were, too, where nothing else is known.
  io::Task<void> tell_killed(exec::StepState state);

 private:
  /// Tells the next thing that is due; returns what it was, nullopt when nothing was.
  io::Task<std::optional<exec::StepTold>> tell_next(exec::StepState state);
  static io::Task<void> tell(ClientReporter& self, NodeJobPtr job, StepLink::Ptr link);
  io::Task<void> tell_launch(exec::StepState state);
  io::Task<void> tell_exits(exec::StepState state, std::uint32_t wait_status, std::vector<std::uint32_t> tasks);
  io::Task<void> tell_client(exec::StepState state, exec::StepClient client, Outgoing message);
  NodeContext& node_;
};

/// The step that a state is about, as messages name it.
wire::StepId wire_step(const exec::StepKey& key);

}  // namespace flurm::noded
