// model/job.hpp — a job: what was asked for (JobRequest, JobPayload) and what has become of it (Job).
//
// All are values. A Job is shared as shared_ptr<const Job> and replaced on change; the heavy parts (script,
// environment, request) are shared between its versions.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "model/cron.hpp"
#include "model/gres.hpp"
#include "model/job_state.hpp"
#include "model/step_usage.hpp"
#include "model/task_set.hpp"

namespace flurm::codec {
class Archive;
}

namespace flurm::model {

/// Nodes are numbered in the order in which the configuration first named them; a number is never used again.
using NodeId = std::uint32_t;

/// Memory requests carry this bit when they are per CPU, not per node (slurm 22.05 slurm/slurm.h MEM_PER_CPU).
inline constexpr std::uint64_t kMemoryPerCpu = std::uint64_t{1} << 63;

/// Bits of JobRequest::bitflags that FLURM acts on (slurm 22.05 slurm/slurm.h).
namespace job_bit {
inline constexpr std::uint64_t kill_invalid_dependency = 1u << 0, no_kill_invalid_dependency = 1u << 1,
                               gres_enforce_bind = 1u << 4, test_now_only = 1u << 5, spread_job = 1u << 8,
                               use_min_nodes = 1u << 9, ntasks_set = 1u << 14, cpus_set = 1u << 15,
                               cron_job = 1u << 22, memory_set = 1u << 23, backfill_sched = std::uint64_t{1} << 32;
}

/// Bits of JobRequest::mail_type (slurm 22.05 slurm/slurm.h MAIL_*).
namespace mail_bit {
inline constexpr std::uint16_t begin = 1 << 0, end = 1 << 1, fail = 1 << 2, requeue = 1 << 3, array_tasks = 1 << 9;
}

/// The parts that never change after submission and that only the launch needs.
struct JobPayload {
  std::string script;
  std::vector<std::string> argv;
  std::vector<std::string> environment;        // NAME=value
  std::vector<std::string> spank_environment;  // NAME=value
  std::string x11_cookie, x11_target;          // of --x11: the key to the display, and the display's host or socket
  std::uint16_t x11_target_port = 0;           // 0: x11_target is a socket
  bool operator==(const JobPayload&) const = default;
};

/// What was asked for, after defaults that need no cluster state. "NO_VAL" numbers mean "not asked for".
struct JobRequest {
  // who and from where
  std::uint32_t user_id = 0, group_id = 0;
  std::string user_name;
  std::string alloc_node;
  std::uint32_t alloc_sid = 0;
  std::string resp_host;
  std::uint16_t alloc_resp_port = 0, other_port = 0;
  // what it is called and charged to
  std::string name, account, qos, wckey, partition, reservation, comment, admin_comment, system_comment, extra,
      mcs_label, burst_buffer, container, network, acctg_freq, cluster_features, submit_line;
  // files
  std::string work_dir, std_in, std_out, std_err, command;
  std::uint8_t open_mode = 0;  // 0 default, 1 append, 2 truncate
  // when
  TimeS begin_time, deadline;
  std::uint32_t time_limit = kNoVal32, time_min = kNoVal32;  // minutes
  std::uint32_t priority = kNoVal32;                         // 0 held, NO_VAL for the scheduler to set
  std::uint32_t nice = 0x80000000;                           // offset by 0x80000000, as on the wire
  std::uint32_t site_factor = 0x80000000;
  std::uint32_t delay_boot = kNoVal32;
  std::string dependency;
  // size
  std::uint32_t num_tasks = kNoVal32, min_cpus = kNoVal32, max_cpus = kNoVal32, min_nodes = kNoVal32,
                max_nodes = kNoVal32;
  std::uint16_t cpus_per_task = kNoVal16, ntasks_per_node = kNoVal16, ntasks_per_board = kNoVal16,
                ntasks_per_socket = kNoVal16, ntasks_per_core = kNoVal16, ntasks_per_tres = kNoVal16,
                boards_per_node = kNoVal16, sockets_per_board = kNoVal16, sockets_per_node = kNoVal16,
                cores_per_socket = kNoVal16, threads_per_core = kNoVal16, pn_min_cpus = kNoVal16,
                core_spec = kNoVal16, plane_size = kNoVal16;
  std::uint64_t pn_min_memory = kNoVal64;  // MiB, kMemoryPerCpu may be set
  std::uint32_t pn_min_tmp_disk = kNoVal32;
  std::uint32_t task_dist = kNoVal32;
  // where
  std::string req_nodes, exc_nodes, features, prefer, batch_features, licenses;
  std::uint16_t contiguous = kNoVal16;
  std::uint16_t shared = kNoVal16;  // JOB_SHARED_*: 0 exclusive, 1 shared ok, 2 user, 3 mcs
  std::uint32_t req_switch = 0, wait4switch = 0;
  // how
  bool batch = true;
  bool overcommit = false;
  std::uint16_t requeue = kNoVal16;
  std::uint16_t reboot = 0;  // --reboot: 1; 2 where there is no RebootProgram, so that nothing comes of it
  std::uint16_t kill_on_node_fail = kNoVal16, wait_all_nodes = kNoVal16;
  std::uint32_t profile = 0;
  std::uint32_t cpu_freq_min = kNoVal32, cpu_freq_max = kNoVal32, cpu_freq_gov = kNoVal32;
  std::string cpu_bind, mem_bind;
  std::uint16_t cpu_bind_type = kNoVal16, mem_bind_type = kNoVal16;
  std::uint16_t warn_flags = 0, warn_signal = 0, warn_time = 0;
  std::uint16_t mail_type = 0;
  std::string mail_user;
  std::uint64_t bitflags = 0;
  std::uint16_t x11 = 0;
  std::string cpus_per_tres, mem_per_tres, tres_bind, tres_freq, tres_per_job, tres_per_node, tres_per_socket,
      tres_per_task;
  std::uint16_t segment_size = 0;
  std::uint16_t client_version = 0;  // of the protocol in which the client wants news; 0: not known
  bool operator==(const JobRequest&) const = default;
};

/// One job that this one waits for (slurm 22.05 src/slurmctld/slurmctld.h SLURM_DEPEND_*).
struct Dependency {
  enum class Type : std::uint16_t {
    after = 1, after_any, after_not_ok, after_ok, singleton, expand, after_correspond, after_burst_buffer,
  };
  enum class State : std::uint8_t { unfulfilled, fulfilled, failed };
  Type type = Type::after_any;
  JobId job;                              // the array's job for a task of an array
  std::uint32_t task = kNoVal32;          // NO_VAL: a plain job; kInfinite32: the whole array
  std::uint32_t after_minutes = 0;        // "after:ID+minutes"
  bool or_next = false;                   // "?": one of them is enough
  State state = State::unfulfilled;
  bool operator==(const Dependency&) const = default;
};

/// A job's place in its array. Tasks that have not started share one record, whose `pending` names them.
struct ArrayPart {
  JobId array_job;                 // the id sbatch printed
  std::uint32_t task = kNoVal32;   // NO_VAL while the record stands for `pending`
  TaskSet pending;                 // empty for a single task
  std::uint32_t max_running = 0;   // "%N"; 0 without limit
  std::uint32_t task_count = 0;    // tasks at submission
  std::uint32_t task_min = 0, task_max = 0, task_step = 1;  // as SLURM_ARRAY_TASK_* tell the tasks

  // kept in the array's own record, for one mail about all tasks
  std::uint32_t tasks_ended = 0;
  std::uint32_t least_status = 0, worst_status = 0;  // wait statuses of those
  bool task_begun = false, task_requeued = false;
  bool operator==(const ArrayPart&) const = default;
};

/// A job's place in its heterogeneous job, whose components wait for one another and start together.
struct HetPart {
  std::uint32_t offset = 0;        // 0: the leader, whose id sbatch printed and whose script runs
  std::vector<JobId> components;   // all of them, by offset
  JobId leader() const { return components.front(); }
  bool operator==(const HetPart&) const = default;
};

/// What one node gives to a job.
struct NodeShare {
  NodeId node = 0;
  std::uint16_t cpus = 0;                // as the job's CPU count sees them
  std::uint64_t memory_mib = 0;
  std::vector<std::uint64_t> cores;      // bit mask over the node's cores, lowest first
  std::vector<GresShare> gres;           // by kind, then type
  bool operator==(const NodeShare&) const = default;
};

/// Resources given to a job, in node order.
struct Allocation {
  std::vector<NodeShare> shares;
  std::string nodes;                     // the same as a hostlist
  bool whole_node = false;
  std::uint32_t total_cpus() const;
  bool operator==(const Allocation&) const = default;
};

/// What gave a job its place (slurm 22.05 slurm/slurmdb.h SLURMDB_JOB_FLAG_SUBMIT, SCHED, BACKFILL).
enum class StartedBy : std::uint8_t {
  unknown,     // it waits, or started before format 7
  submission,  // an allocation that had its place at once
  main,        // its turn had come
  backfill,    // jobs before it waited on, and it does not delay them
};

struct Job {
  JobId id;
  std::shared_ptr<const JobRequest> request;
  std::shared_ptr<const JobPayload> payload;
  std::optional<ArrayPart> array;
  std::optional<HetPart> het;
  std::shared_ptr<const CronEntry> cron;  // of a line of a scrontab

  JobState state;
  JobReason reason = JobReason::none;
  std::string state_desc;
  std::vector<Dependency> dependencies;  // the ones still in the way; also failed ones

  std::uint32_t priority = 0;            // 0 held
  bool direct_set_priority = false;      // by an operator: the scheduler leaves it alone
  std::uint32_t time_limit = kNoVal32;   // minutes, the resolved one; kInfinite32 without limit
  std::string partition;                 // the one it runs in or will; a comma list while several are possible

  TimeS submit_time, eligible_time, accrue_time, start_time, end_time, suspend_time, resize_time, last_sched_eval,
      preempt_time;
  std::int64_t suspended_s = 0;          // seconds it has been suspended in this run
  std::int64_t ran_before_suspend_s = 0; // seconds it ran before the present suspension
  TimeS time_limit_signaled;             // warn signal was sent
  std::uint32_t restart_count = 0;
  std::uint32_t exit_code = 0;           // wait status of the batch script
  std::uint32_t derived_exit_code = 0;
  std::uint32_t cancelled_by = kNoVal32; // user id
  std::string batch_host;
  std::string failed_node;
  std::string sched_nodes;               // nodes planned for it
  bool requeue_allowed = true;
  std::uint32_t launch_failures = 0;  // in a row; a job with too many of them is held

  std::shared_ptr<const Allocation> allocation;   // kept after the end for display
  std::vector<NodeId> completing_nodes;           // have not finished cleaning up
  bool preferred = false;                         // its nodes have the features of --prefer
  bool launched = false;                           // the batch host acknowledged the launch of this run
  std::string reservation;                         // in which it runs or ran; of several that it named, or a magnetic one
  std::uint32_t next_step = 0;                     // number of the next step of this run
  bool start_awaited = false;                      // its client waits to be told that it starts
  bool controller_epilog = false;                  // EpilogSlurmctld of this run has not ended yet
  // for accounting
  JobReason waited_for = JobReason::none;  // the last reason to wait beside priority and resources
  bool batch_step = false, extern_step = false;  // reported as begun, and not yet as ended
  std::shared_ptr<const StepUsage> extern_usage;  // of the nodes where the extern step is over
  std::uint32_t assoc = 0, qos = 0;                // ids in the books of accounting; 0: none
  // for gang scheduling
  bool waits_turn = false;  // suspended because others have its cores for now, not by a person
  std::uint64_t turn = 0;   // among jobs that take turns: who has the lowest number goes first

  StartedBy started_by = StartedBy::unknown;  // of this run

  /// When accounting's present record of it begins: its submission, or the last change of its size.
  TimeS recorded_since() const { return resize_time ? resize_time : submit_time; }
  /// Time the job is charged for in its present or last run, seconds.
  std::int64_t run_time(TimeS now) const;
  /// It cannot end by its deadline any more: a job that could start if there was room needs its time limit (or
  /// --time-min) for that.
  bool misses_deadline(TimeS now) const;
  /// The reservations that it is in or asked for, as clients see them.
  const std::string& shown_reservation() const {
    return request->reservation.empty() ? reservation : request->reservation;
  }
  std::uint32_t pending_count() const { return array && array->task == kNoVal32 ? array->pending.count() : 1; }
};

void fields(codec::Archive& ar, JobPayload& payload);
void fields(codec::Archive& ar, JobRequest& request);
void fields(codec::Archive& ar, Dependency& dependency);
void fields(codec::Archive& ar, ArrayPart& part);
void fields(codec::Archive& ar, HetPart& part);
void fields(codec::Archive& ar, NodeShare& share);
void fields(codec::Archive& ar, Allocation& allocation);
/// With `payload` and `request` inside.
void fields(codec::Archive& ar, Job& job);

}  // namespace flurm::model
