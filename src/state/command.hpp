// state/command.hpp — the commands of the log. All that `apply` needs stands inside: time, resolved names, choices.
// A command's number, once released, keeps its meaning for ever.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "acct/books.hpp"
#include "base/types.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"
#include "model/reservation.hpp"
#include "model/step.hpp"
#include "model/trigger.hpp"
#include "state/session.hpp"

namespace flurm::state {

/// The cluster as its configuration files describe it. Jobs, and what nodes are used for, survive.
struct Configure {
  model::Settings settings;
  std::vector<model::NodeConfig> nodes;
  std::vector<model::Partition> partitions;
  bool keep_updates = false;  // at start: partition states that an operator set stay
};

struct SubmitJob {
  model::JobRequest request;
  model::JobPayload payload;
  std::string partitions;        // resolved; a comma list when several are possible
  std::uint32_t time_limit = kNoVal32;
  std::vector<model::Dependency> dependencies;
  std::optional<model::ArrayPart> array;  // with `pending` and `max_running` set
  bool operator_priority = false;         // the explicit priority was set by an operator
  std::optional<model::CronEntry> cron;   // only with UpdateCrontab
};

/// What the planner decided, on an older state: each start is checked again.
struct Schedule {
  struct Start {
    JobId job;
    std::uint32_t task = kNoVal32;
    std::string partition;
    std::vector<model::NodeShare> shares;
    bool whole_node = false;
    bool preferred = false;
    std::string reservation;  // in which it runs
    bool backfilled = false;  // jobs before it wait on; told since format 7
  };
  struct Wait {
    JobId job;
    model::JobReason reason = model::JobReason::none;
    std::string desc;
    TimeS expected_start;
    std::string sched_nodes;
  };
  std::vector<Start> starts;
  std::vector<Wait> waits;
};

/// Jobs that a command is about. `tasks`: only these tasks of the job's array. `whole_array`: `job` is an array's id and
/// means its tasks as they are when the command is applied, so that a task that started meanwhile is not missed; the
/// ones that are not over yet, or all when all are over.
struct Target {
  JobId job;
  model::TaskSet tasks;
  bool whole_array = false;
};

/// scancel: SIGKILL without `flags` ends a job, everything else is passed on to its processes.
struct CancelJobs {
  std::vector<Target> targets;
  std::uint16_t signal = 9;
  std::uint16_t flags = 0;  // KILL_* of slurm 22.05 slurm/slurm.h
  std::uint32_t uid = 0;    // who asked
};

/// scontrol update job, hold, release. Unset fields stay.
struct UpdateJobs {
  std::vector<Target> targets;
  std::uint32_t uid = 0;
  bool by_operator = false;
  std::optional<std::uint32_t> priority;      // 0 holds, NO_VAL-1 (INFINITE) releases
  std::optional<bool> hold_by_user;           // with priority 0: the user's own hold
  std::optional<std::uint32_t> nice;
  std::optional<std::uint32_t> time_limit, time_min;
  std::optional<std::string> partitions, name, comment, admin_comment, system_comment, extra, account, qos, wckey,
      features, prefer, req_nodes, exc_nodes, licenses, reservation, std_out, std_err, std_in, work_dir, mail_user, network,
      burst_buffer, batch_features, cluster_features, dependency_text;
  std::vector<model::Dependency> dependencies;  // with dependency_text
  std::optional<TimeS> begin_time, deadline, end_time;
  std::optional<std::uint32_t> min_nodes, max_nodes, num_tasks, min_cpus, max_cpus, min_tmp_disk, delay_boot, array_throttle;
  std::optional<std::uint16_t> pn_min_cpus, cpus_per_task, requeue, contiguous, shared, core_spec, ntasks_per_node,
      sockets_per_node, cores_per_socket, threads_per_core, mail_type;
  std::optional<std::uint64_t> pn_min_memory;
  std::optional<std::string> cpus_per_tres, mem_per_tres, tres_per_job, tres_per_node, tres_per_socket, tres_per_task;
};

/// What is counted of generic resources.
bool changes_tres(const UpdateJobs& command);

struct RequeueJobs {
  std::vector<Target> targets;
  std::uint32_t uid = 0;
  bool hold = false;
  bool special_exit = false;
  bool launch_failed = false;  // a node asks, that could not start it
  bool running_only = false;   // those that are over stay so
};

struct SuspendJobs {
  std::vector<Target> targets;
  std::uint32_t uid = 0;
  bool resume = false;
};

/// The batch script of a run ended (or could not be started: `slurm_rc`).
struct EndBatch {
  JobId job;
  std::uint32_t restart_count = kNoVal32;  // NO_VAL: the present run
  std::string node;
  std::uint32_t wait_status = 0;
  Errc slurm_rc = Errc::success;
  std::optional<model::StepUsage> usage{};
};

/// A node has nothing of the job any more; its epilog ended with `epilog_rc`.
struct NodeCleaned {
  JobId job;
  model::NodeId node = 0;
  std::uint32_t epilog_rc = 0;
};

/// The node answered the launch: with success, or with why not.
struct LaunchAnswered {
  JobId job;
  std::uint32_t restart_count = 0;
  std::uint64_t effect = 0;
  Errc rc = Errc::success;
};

struct RegisterNode {
  /// A step that the node has; `slot` as model::step_slot(), or the number alone.
  struct RunningStep {
    JobId job;
    std::uint32_t slot = 0;
  };
  std::string name;
  std::uint16_t protocol_version = 0;
  std::string version, arch, os, features_active;
  std::uint16_t cpus = 0, boards = 0, sockets = 0, cores = 0, threads = 0;
  std::uint64_t real_memory = 0;
  std::uint32_t tmp_disk = 0, cpu_load = kNoVal32;
  std::uint64_t free_memory = kNoVal64;
  TimeS boot_time, daemon_start_time;
  std::vector<JobId> running_jobs;
  bool config_overrides = false;   // SlurmdParameters=config_overrides: believe the configuration
  std::string invalid_reason;      // the daemon's own complaint, e.g. a failed health check
  std::vector<model::GresRecord> gres;
  std::optional<std::vector<RunningStep>> running_steps;  // nothing: not known, in older entries of the log
};

/// What the pings of a round brought.
struct NodesSeen {
  struct Load {
    model::NodeId node = 0;
    std::uint32_t cpu_load = kNoVal32;
    std::uint64_t free_memory = kNoVal64;
  };
  std::vector<Load> answered;
  std::vector<model::NodeId> silent;   // did not answer: shown with "*", given no new work
  std::vector<model::NodeId> down;     // silent for SlurmdTimeout
};

struct UpdateNodes {
  std::vector<model::NodeId> nodes;
  std::uint32_t uid = 0;
  std::optional<std::uint32_t> state;  // a base state or NODE_STATE_* flag as scontrol sends it
  std::optional<std::string> reason, comment, extra, features, features_active, gres, address, hostname;
  std::optional<std::uint32_t> weight, cpu_bind;
};

struct PutPartition {
  model::Partition partition;
  bool create = false;
};
struct DeletePartition {
  std::string name;
};

struct EffectsDone {
  std::vector<std::uint64_t> effects;
};

/// Time passes: limits, warnings, jobs to forget, reservations that are over.
struct Tick {
  std::int64_t resv_over_run_s = 0;  // how long jobs may go on after the end of their reservation
  TimeS usage_reset_due;             // when what has been used should have been forgotten last; 0: never
};

/// scontrol top: these waiting jobs go before the other ones of their owner, which give way by as much.
struct TopJobs {
  std::vector<JobId> jobs;  // in the order they are to have
  std::uint32_t uid = 0;
  bool by_operator = false;
};

/// The state, and what is stored and told from now on, is in this format: all members know it.
struct UseFormat {
  std::uint16_t format = 0;
};

/// New jobs are refused, or taken again; what is there goes on.
struct SetDrain {
  bool on = false;
  std::string reason;
};

/// A reservation is made, or put in the place of the one that has its name.
struct PutReservation {
  model::Reservation reservation;  // without a name: one is made up; id and version are the state's to give
  std::uint64_t replaces = 0;      // the version from which it was made; 0: it is new
  bool moved_only = false;         // only times moved on, or nodes were exchanged: nothing can be in its way
  bool next_occurrence = false;    // of one that recurs: it gets another id
};
struct DeleteReservation {
  std::string name;
};

/// Nodes come that are not in the configuration file; those that are there already stay as they are.
struct AddNodes {
  std::vector<model::NodeConfig> nodes;
};
/// A node goes, until the file is read anew if it is in there.
struct RemoveNode {
  std::string name;
};

/// The client of a job that has not started was told to wait: it is to be told of the start. `or_never`: it does not
/// wait, and the job fails. Refused with job_started when the job has started meanwhile.
struct AwaitStart {
  JobId job;
  bool or_never = false;
};

/// A user gives an allocation back: salloc or srun has ended, with `wait_status`.
struct EndAllocation {
  JobId job;
  std::uint32_t uid = 0;
  std::uint32_t wait_status = 0;
};

/// A step, placed on an older state: it is checked again, and refused with nodes_busy when its place is taken.
struct CreateStep {
  JobId job;
  std::uint32_t restart_count = 0;        // the run it belongs to
  std::uint32_t slot = kNoVal32;          // NO_VAL: the next number
  model::StepRequest request;
  model::StepPlacement placement;
  std::string nodes;
  std::uint16_t protocol_version = 0;
};

/// There is no room for a step now; its srun is to be told when there may be.
struct QueueStep {
  JobId job;
  std::uint32_t restart_count = 0;
  model::StepRequest request;
};

/// The step is over on its nodes of these ranks.
struct EndStep {
  JobId job;
  std::uint32_t step = 0;
  std::uint32_t range_first = 0, range_last = 0;
  std::uint32_t wait_status = 0;          // the worst of those nodes
  std::optional<model::StepUsage> usage{};
};

struct SignalStep {
  JobId job;
  std::uint32_t step = 0;
  std::uint16_t signal = 0, flags = 0;    // KILL_* of slurm 22.05 slurm/slurm.h
  std::uint32_t uid = 0;
};

/// scontrol update stepid. `step` NO_VAL: all of the job.
struct UpdateStep {
  JobId job;
  std::uint32_t step = kNoVal32;
  std::uint32_t time_limit = 0;           // minutes
};

/// The client that holds the run's allocation has not answered for InactiveLimit.
struct EndInactive {
  JobId job;
  std::uint32_t restart_count = 0;
};

/// The components of a heterogeneous job, in their order: all of them are taken, or none.
struct SubmitHetJob {
  std::vector<SubmitJob> components;
};

/// PrologSlurmctld or EpilogSlurmctld of the run has ended. A prolog that `failed` lets the job start over, or ends it.
struct ControllerScriptEnded {
  JobId job;
  std::uint32_t restart_count = 0;
  std::uint64_t effect = 0;
  bool epilog = false;
  bool failed = false;
};

/// strigger --set. Those that exist are refused with trigger_duplicate, the others set; ids are the state's to give.
struct SetTriggers {
  std::vector<model::Trigger> triggers;
};
/// strigger --clear: those that meet all that is given.
struct ClearTriggers {
  std::uint32_t uid = 0;              // who asks; only root clears those of others
  std::uint32_t id = 0;               // 0: any
  JobId job{0};                       // 0: any
  std::uint32_t user_id = kNoVal32;   // NO_VAL: any
};
/// scontrol reboot: when they have no jobs any more. `asap`: they take no new ones until then.
struct RebootNodes {
  std::vector<model::NodeId> nodes;
  bool asap = false;
  std::uint32_t next_state = kNoVal32;  // afterwards: down, or with the flag resume in service; NO_VAL: as before
  std::string reason;
  std::uint32_t uid = 0;
};
/// Something happened to a daemon, for which there may be triggers.
struct NoteEvent {
  model::TriggerEvent event;
};

/// The accounting daemon's books of this cluster have come, whole, or news of them: records that are new or take the
/// place of those with their id or name, and ids or names of those that are gone. Refused with stale when the books are
/// not those that the news was made for. Source: slurm 22.05 src/common/assoc_mgr.c.
struct PutBooks {
  std::uint64_t made_for = 0;  // ClusterState::books_version
  bool whole = false;
  acct::Books records;
  std::vector<std::uint32_t> assocs_gone, qos_gone, wckeys_gone, tres_gone, resources_gone;
  std::vector<std::string> users_gone, accounts_gone;
  std::vector<std::uint32_t> assocs_unused, qos_unused;  // what they have used so far is forgotten (RawUsage=0)
};
/// scrontab: the user's file, with a job for each of its lines, takes the place of the one there was; without `text` it goes.
/// Jobs of the old one do not come back, and those that wait end.
struct UpdateCrontab {
  std::uint32_t uid = 0;
  std::optional<std::string> text;
  std::vector<SubmitJob> jobs;  // each with `cron`
};
/// When jobs of scrontabs that have run start next. Only the controller's clock knows the time of day.
struct SetCronStarts {
  struct Start {
    JobId job;
    TimeS at;
  };
  std::vector<Start> starts;
};

/// Running jobs give way to waiting ones, as Settings::preempt says: those for which that still holds.
struct PreemptJobs {
  struct Pair {
    JobId job;          // of a heterogeneous one, the first
    JobId preemptor;    // waits
    std::string partition;  // the one in which that wants to run
  };
  std::vector<Pair> pairs;
};

/// FairShareDampeningFactor until slurm.conf is read again.
struct SetDampening {
  std::uint16_t factor = 1;
};

/// The accounting daemon has the reports up to this one.
struct ForgetReports {
  std::uint64_t up_to = 0;
};
/// It knows nothing of the cluster, or not of its nodes: all that goes on is reported as if it began.
struct ReportAll {
  bool nodes_only = false;
};

using Command = std::variant<Configure, SubmitJob, Schedule, CancelJobs, UpdateJobs, RequeueJobs, SuspendJobs, EndBatch,
                             NodeCleaned, LaunchAnswered, RegisterNode, NodesSeen, UpdateNodes, PutPartition,
                             DeletePartition, EffectsDone, Tick, TopJobs, UseFormat, SetDrain, PutReservation,
                             DeleteReservation, AddNodes, RemoveNode, AwaitStart, EndAllocation, CreateStep, QueueStep,
                             EndStep, SignalStep, UpdateStep, EndInactive, SubmitHetJob, ControllerScriptEnded,
                             SetTriggers, ClearTriggers, NoteEvent, RebootNodes, PutBooks, ForgetReports, ReportAll,
                             UpdateCrontab, SetCronStarts, PreemptJobs, SetDampening>;

/// One entry of the log.
struct Entry {
  TimeS now;  // stamped by the leader
  Command command;
  RequestId id{};
};

/// "SubmitJob", "Tick", …: for people.
std::string_view command_name(const Command& command);

/// An entry in one line, for people; scripts and other long texts are cut.
std::string describe(const Entry& entry);

/// The format from which on the command exists; UseFormat is in the one that it brings.
std::uint16_t format_of(const Command& command);

/// The stored form, in a format that is not older than format_of(). Errors of decode: corrupt (also a command that this
/// release does not know).
std::string encode(const Entry& entry, std::uint16_t format);
Result<Entry> decode(std::string_view bytes);

}  // namespace flurm::state
