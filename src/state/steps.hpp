// state/steps.hpp — the operations that steps, and the clients that wait for them, need of several commands. Internal to
// the room, as edit.hpp.
#pragma once
#include <functional>
#include <string>

#include "state/command.hpp"
#include "state/edit.hpp"

namespace flurm::state {

void put_step(ClusterState& state, model::Step step);
void edit_step(ClusterState& state, JobId job, std::uint32_t slot, const std::function<void(model::Step&)>& change);

/// The step is over: the job remembers its exit code, and those that wait for room are told to try again.
void finish_step(ClusterState& state, JobId job, std::uint32_t slot);
/// The job is over, or starts over: so are its steps, also those that no node has reported.
void finish_steps(ClusterState& state, JobId job);
enum class Loss {
  failed,
  given_up,  ///< by its user's wish: no step minds
};
/// The node is lost to the job: its tasks of the job's steps have ended, by SIGKILL. Steps that cannot go on without
/// a node that failed end everywhere.
void lose_node(ClusterState& state, JobId job, model::NodeId node, Loss loss);

/// To the sruns of the steps on the node, and to the holder of the allocation.
void tell_node_failed(ClusterState& state, JobId job, model::NodeId node);
/// To the sruns of steps that should be on the node and of which it knows nothing: each finds out whether it still reaches
/// its tasks. Nothing of the steps changes: the report may cross a launch, or an end.
void tell_missing(ClusterState& state, const model::Node& node, const std::vector<RegisterNode::RunningStep>& there);

/// Stops the clocks of the job's steps, or has them go on.
void suspend_steps(ClusterState& state, JobId job, bool resume);
/// Ends the steps of all jobs whose own time limit is over.
void time_out_steps(ClusterState& state);

/// What a client is told, as in Effect.
struct Word {
  Effect::News news = Effect::News::none;
  std::uint16_t op = 0;
  std::string text{};
};
/// To a step's srun.
void tell_step(ClusterState& state, const model::Step& step, Word word);
/// To the salloc or srun that holds the allocation.
void tell_holder(ClusterState& state, const model::Job& job, Word word);
/// That the job is over: the holder, unless it ended by itself, and the sruns of all steps.
void tell_end(ClusterState& state, JobId job, Effect::End end);
/// The client that waits for the job to start: it starts, or never will.
void tell_waiting(ClusterState& state, JobId job, Effect::News news);

}  // namespace flurm::state
