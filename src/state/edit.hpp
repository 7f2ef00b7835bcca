// state/edit.hpp — the few operations that commands are made of. Each keeps the indexes, node books and change times
// of the state right; commands never write the maps themselves. Internal to the room.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "state/apply.hpp"
#include "state/cluster_state.hpp"

namespace flurm::state {

/// Stores a new version of the job and moves it between the indexes.
void put_job(ClusterState& state, model::Job job);
/// Changes a job that exists.
void edit_job(ClusterState& state, JobId id, const std::function<void(model::Job&)>& change);
void edit_node(ClusterState& state, model::NodeId id, const std::function<void(model::Node&)>& change);
/// Why the node is as it is, who says so, and that it is so from now.
void set_reason(const ClusterState& state, model::Node& node, std::string reason, std::uint32_t uid);
/// Counts the node's use anew, from the jobs on it: after its configuration changed.
void recount_node(ClusterState& state, model::NodeId id);

/// An id that no job and no array has. 0 when all are taken.
JobId new_job_id(ClusterState& state);
/// The priority of the next job by order of submission (slurm 22.05 priority/basic).
std::uint32_t next_priority(ClusterState& state, const model::JobRequest& request);

void add_effect(ClusterState& state, Effect effect);
void remove_effect(ClusterState& state, std::uint64_t id);

/// Takes the task out of the record that stands for its array's unstarted tasks, and returns the record that is the
/// task alone (the same record for the last one). For a plain job, the job itself. 0 when there is no id for it.
JobId split_task(ClusterState& state, JobId record, std::uint32_t task);

/// The job forgets its last run and waits for the next one; a while (Settings::requeue_wait_s), as in Slurm.
void start_over(const ClusterState& state, model::Job& job);
/// It waits that while, also where starting over alone has none, so that what fails at once does not run without end.
void wait_a_while(const ClusterState& state, model::Job& job);

/// The components of the job's heterogeneous job that are known, by offset; of any other job, itself.
std::vector<JobId> components_of(const ClusterState& state, JobId id);

/// Nothing is in the way of the launch of a job that has started: its nodes are told of it. A heterogeneous job's script
/// waits for all of its components.
void launch(ClusterState& state, JobId id);

/// Writes the job's resources in the books of its nodes.
void give_nodes(ClusterState& state, const model::Job& job);
/// The job has ended: its nodes begin to clean up, and are told to. `job.allocation` stays for display.
/// Nodes that are down have nothing to clean.
void begin_cleaning(ClusterState& state, JobId id, Effect::End end);
/// `node` has cleaned up; when it was the last one and EpilogSlurmctld has ended, the job is finished, or pending again if
/// it is to be requeued.
void node_cleaned(ClusterState& state, JobId id, model::NodeId node);

/// The same when EpilogSlurmctld has ended.
void controller_epilog_ended(ClusterState& state, JobId id);

/// Ends a running, suspended or configuring job now; with the first component of a heterogeneous job, or when a node
/// fails, all of its components.
void end_running(ClusterState& state, JobId id, model::JobBase base, model::JobReason reason, Effect::End end,
                 std::uint32_t extra_flags = 0);
/// The same for one that ended by itself, in the way its wait status tells.
void end_by_exit(ClusterState& state, JobId id, std::uint32_t wait_status);
/// Ends a job that never got resources, of a heterogeneous job all components. Without a `reason` it keeps the one it
/// waited for.
void end_pending(ClusterState& state, JobId id, model::JobBase base, std::optional<model::JobReason> reason = {});
/// Ends the present run and lets the job start over, of a heterogeneous job all components. `hold`: it then waits for a
/// release.
void requeue_running(ClusterState& state, JobId id, Effect::End end, bool hold, std::string desc = {});

/// Stops a running job, or lets a suspended one go on.
void suspend_or_resume(ClusterState& state, JobId id, bool resume);

/// Tests the dependencies of all waiting jobs anew; apply() does so after commands that let jobs start or end.
void refresh_dependencies(ClusterState& state);
/// The same for one job, which is new.
void refresh_dependencies_of(ClusterState& state, JobId id);
/// Tells a job that refers to an array by its id that the whole array is meant. Errors: dependency (on itself),
/// circular_dependency.
Result<void> bind_dependencies(const ClusterState& state, JobId self, std::vector<model::Dependency>& dependencies);

/// A job can only expand one job, which runs in its first partition and with its QOS. Errors: dependency.
Result<void> check_expansion(const ClusterState& state, const std::vector<model::Dependency>& dependencies,
                             std::string_view partitions, std::uint32_t qos);

/// Whether tasks that have not started get a record each when a target names them.
enum class Split {
  each,
  few,  ///< many keep one record together: enough for what ends them
};

/// The jobs a target means, by task number. All tasks of an array that have not started are their record; some of them
/// are split off it.
std::vector<JobId> resolve(ClusterState& state, const Target& target, Split split = Split::each);

}  // namespace flurm::state
