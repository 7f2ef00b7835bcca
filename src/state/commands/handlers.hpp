// state/commands/handlers.hpp — one function per command. Internal to the room; apply() calls them.
#pragma once
#include "state/apply.hpp"

namespace flurm::state {

Reply apply_to(ClusterState& state, const Configure& command);
Reply apply_to(ClusterState& state, const SubmitJob& command);
Reply apply_to(ClusterState& state, const Schedule& command);
Reply apply_to(ClusterState& state, const CancelJobs& command);
Reply apply_to(ClusterState& state, const UpdateJobs& command);
Reply apply_to(ClusterState& state, const RequeueJobs& command);
Reply apply_to(ClusterState& state, const SuspendJobs& command);
Reply apply_to(ClusterState& state, const EndBatch& command);
Reply apply_to(ClusterState& state, const NodeCleaned& command);
Reply apply_to(ClusterState& state, const LaunchAnswered& command);
Reply apply_to(ClusterState& state, const RegisterNode& command);
Reply apply_to(ClusterState& state, const NodesSeen& command);
Reply apply_to(ClusterState& state, const UpdateNodes& command);
Reply apply_to(ClusterState& state, const PutPartition& command);
Reply apply_to(ClusterState& state, const DeletePartition& command);
Reply apply_to(ClusterState& state, const EffectsDone& command);
Reply apply_to(ClusterState& state, const Tick& command);
Reply apply_to(ClusterState& state, const TopJobs& command);
Reply apply_to(ClusterState& state, const UseFormat& command);
Reply apply_to(ClusterState& state, const SetDrain& command);
Reply apply_to(ClusterState& state, const PutReservation& command);
Reply apply_to(ClusterState& state, const DeleteReservation& command);
Reply apply_to(ClusterState& state, const AddNodes& command);
Reply apply_to(ClusterState& state, const RemoveNode& command);
Reply apply_to(ClusterState& state, const AwaitStart& command);
Reply apply_to(ClusterState& state, const EndAllocation& command);
Reply apply_to(ClusterState& state, const CreateStep& command);
Reply apply_to(ClusterState& state, const QueueStep& command);
Reply apply_to(ClusterState& state, const EndStep& command);
Reply apply_to(ClusterState& state, const SignalStep& command);
Reply apply_to(ClusterState& state, const UpdateStep& command);
Reply apply_to(ClusterState& state, const EndInactive& command);
Reply apply_to(ClusterState& state, const SubmitHetJob& command);
Reply apply_to(ClusterState& state, const ControllerScriptEnded& command);
Reply apply_to(ClusterState& state, const SetTriggers& command);
Reply apply_to(ClusterState& state, const ClearTriggers& command);
Reply apply_to(ClusterState& state, const NoteEvent& command);
Reply apply_to(ClusterState& state, const RebootNodes& command);
Reply apply_to(ClusterState& state, const PutBooks& command);
Reply apply_to(ClusterState& state, const ForgetReports& command);
Reply apply_to(ClusterState& state, const ReportAll& command);
Reply apply_to(ClusterState& state, const UpdateCrontab& command);
Reply apply_to(ClusterState& state, const SetCronStarts& command);
Reply apply_to(ClusterState& state, const SetDampening& command);
Reply apply_to(ClusterState& state, const PreemptJobs& command);

/// What a partition's configured text means now: its nodes, and the sums shown for it.
Result<void> resolve_partition(const ClusterState& state, model::Partition& partition);

/// The node stops: its jobs are requeued or failed with NODE_FAIL.
void take_node_down(ClusterState& state, model::NodeId id, const std::string& reason, std::uint32_t uid);

}  // namespace flurm::state
