// state/cluster_state.hpp — everything the cluster knows, as one value.
//
// One thread changes it, by apply() only (state/apply.hpp). A copy costs a few pointers and is the snapshot that
// readers, the planner and the snapshot writer work from: the maps share structure, entities are immutable.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "acct/books.hpp"
#include "acct/usage.hpp"
#include "base/persistent_map.hpp"
#include "base/types.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"
#include "model/reservation.hpp"
#include "model/step.hpp"
#include "model/trigger.hpp"
#include "state/report.hpp"
#include "state/session.hpp"

namespace flurm::state {

/// A wish to the world, kept until it is known to have been fulfilled. The leader carries it out after commit; doing
/// it twice must do no harm.
struct Effect {
  enum class Kind : std::uint8_t {
    launch_batch = 1,  // send the batch launch to the job's batch host
    end_job,           // end the job on each of its completing_nodes; gone when they all have reported
    signal_job,        // `signal` with `flags` (KILL_* of slurm.h) to the job's nodes
    suspend_job,       // stop (op 0) or continue (op 1) the job's processes
    mail,              // tell the user about `mail_event`
    signal_step,       // `signal` to the step's tasks, on `node` or on all of its nodes; `flags`: and end them for good
    time_out_step,     // end the step, whose time is over
    tell_client,       // bring `news` to the srun or salloc at `host`:`port`
    launch_prolog,     // tell each of the job's nodes that it begins
    controller_prolog, // run PrologSlurmctld for the job
    controller_epilog, // run EpilogSlurmctld for the job
    reboot_node,       // tell `node` to run RebootProgram
    run_trigger,       // run the program `text`, which is told `host`, as `user_id` and `group_id`
    leave_node,        // end what `node` has of the job, which has given it up; since format 7
  };
  /// What a client that waits is told.
  enum class News : std::uint8_t {
    none,
    started,      // the job has its allocation
    ended,        // the job or step is over; `op` 1: because its time is
    node_failed,  // of its nodes, `text` is lost
    try_again,    // there may be room for the step now
    suspended,    // or resumed: `op`
    message,      // `text`
    step_missing,  // the node `text` has registered without the step
  };
  /// Why a job is ended; the node's daemon words its message accordingly.
  enum class End : std::uint8_t { terminate, time_limit, preempted, abort, completed };

  std::uint64_t id = 0;
  Kind kind = Kind::launch_batch;
  JobId job;
  std::uint32_t restart_count = 0;  // the run it is about
  End end = End::terminate;
  std::uint16_t signal = 0, flags = 0;
  std::uint16_t op = 0;
  std::uint16_t mail_event = 0;  // MAIL_JOB_* bit
  TimeS created;
  std::uint32_t step = kNoVal32;
  model::NodeId node = kNoVal32;  // NO_VAL: all of them
  News news = News::none;
  std::string host, text;
  std::uint16_t port = 0;
  std::uint32_t user_id = 0, group_id = 0;
  bool operator==(const Effect&) const = default;
};

/// Effects of one job stand side by side under these keys. Two open effects never share the low half of their ids.
constexpr std::uint64_t effect_key(const Effect& effect) {
  return std::uint64_t{effect.job.v} << 32 | (effect.id & 0xffffffff);
}

constexpr std::uint64_t step_key(JobId job, std::uint32_t slot) { return std::uint64_t{job.v} << 32 | slot; }

/// A finished job and when it finished, in the order of finishing: the queue of jobs to forget.
struct Finished {
  JobId job;
  TimeS end_time;
  bool operator==(const Finished&) const = default;
};

/// Whether new jobs are taken: `flurm drain`.
struct Drain {
  bool on = false;
  TimeS since;
  std::string reason;  // may be empty
  /// What a refused submitter is told.
  std::string text() const { return "the cluster takes no new jobs" + (reason.empty() ? "" : ": " + reason); }
  bool operator==(const Drain&) const = default;
};

struct ClusterState {
  std::uint16_t format = 2;    // in which all of this is stored, entries of the log too (state/format.hpp)
  std::uint64_t sequence = 0;  // commands applied
  TimeS now;                   // time of the newest command; never runs backwards
  model::Settings settings;

  std::uint32_t next_job_id = 1;
  std::uint32_t lowest_priority = 0xffff0000;  // slurm 22.05 src/slurmctld/slurmctld.h TOP_PRIORITY
  std::uint64_t next_effect_id = 1;
  std::uint64_t next_finished = 1;
  model::NodeId next_node_id = 0;

  PersistentMap<model::Job> jobs;                                       // by JobId::v
  PersistentMap<model::Node> nodes;                                     // by NodeId
  std::vector<std::shared_ptr<const model::Partition>> partitions;      // in configuration order
  std::vector<std::shared_ptr<const model::Reservation>> reservations;  // in the order of their making
  std::uint32_t last_reservation_id = 0;
  std::vector<std::shared_ptr<const model::Trigger>> triggers;  // in the order of their making
  std::uint32_t last_trigger_id = 0;
  std::vector<model::TriggerEvent> events;  // what triggers look at with the next Tick; each once
  PersistentMap<Effect> effects;     // by Effect::id
  PersistentMap<Finished> finished;  // by order of finishing
  PersistentMap<model::Step> steps;  // (job << 32 | slot), of jobs that have nodes
  Sessions sessions;                 // of the controllers that proposed lately
  Drain drain;
  PersistentMap<model::Crontab> crontabs;  // by user id

  // Of accounting: this cluster's part of the accounting daemon's books, and what has been used.
  std::shared_ptr<const acct::Books> books = std::make_shared<const acct::Books>();
  std::uint64_t books_version = 0;           // grows with each change of the books
  PersistentMap<acct::Usage> assoc_usage;    // by id of the association
  PersistentMap<acct::Usage> qos_usage;      // by id of the QOS
  TimeS usage_counted;                       // until when running jobs have been counted in, and all of it has faded
  TimeS usage_reset;                         // when it began anew (PriorityUsageResetPeriod)

  PersistentMap<Report> reports;       // by Report::number
  std::uint64_t next_report = 1;
  std::uint64_t reports_dropped = 0;   // of steps, beyond Settings::reports_max; since the beginning

  // Of jobs that take turns on the same cores.
  std::uint64_t next_turn = 1;
  TimeS slice_began;                   // since when who has the cores now has had them

  std::uint16_t last_step_port = 0;    // place in Settings::step_port_min... of the port given to a step last

  // Derived from the above; not stored.
  PersistentMap<model::Job> pending;       // jobs that wait
  PersistentMap<model::Job> active;        // running, suspended, completing
  PersistentMap<model::Job> dependent;     // waiting ones that have dependencies
  PersistentMap<JobId> array_tasks;        // (array job << 32 | task) of the tasks with a record of their own
  PersistentMap<Effect> job_effects;       // (job << 32 | low half of the effect's id)
  std::uint64_t step_reports = 0;          // among the reports
  PersistentMap<std::uint32_t> submitted;  // jobs that have not ended, by acct::scope_key(), tasks counted
  std::uint64_t tasks_without_record = 0;  // of all arrays, beyond the one record that stands for them
  bool dependencies_stale = false;  // jobs changed such that dependencies must be tested; only set inside apply()
  bool turns_stale = false;         // and such that others may have their cores; only inside apply()
  std::shared_ptr<const std::map<std::string, model::NodeId, std::less<>>> node_ids;  // configured names

  // When something last changed, for clients that ask "anything new since?".
  TimeS jobs_changed, nodes_changed, partitions_changed, config_changed, reservations_changed;

  const model::Job* job(JobId id) const { return jobs.find(id.v); }
  /// A step by its slot, which for most is its number; none that waits has one.
  const model::Step* step(JobId job, std::uint32_t slot) const { return steps.find(step_key(job, slot)); }
  /// Visits the job's steps in the order of their slots: `visit(const shared_ptr<const Step>&)`.
  template <class Visit>
  void for_steps_of(JobId job, Visit&& visit) const {
    steps.for_each_from(step_key(job, 0), [&](std::uint64_t key, const auto& step) {
      if (key >> 32 != job.v) return false;
      visit(step);
      return true;
    });
  }
  const model::Node* node(model::NodeId id) const { return nodes.find(id); }
  /// Those of slurm.conf and the cluster's share of those that accounting keeps for several: "a:2,b@server:5".
  std::string licenses() const;
  const model::Node* node(std::string_view name) const;
  const model::Partition* partition(std::string_view name) const;
  const model::Partition* default_partition() const;
  const model::Reservation* reservation(std::string_view name) const;
  /// Jobs as MaxJobCount counts them: each task of an array is one.
  std::uint64_t job_count() const { return jobs.size() + tasks_without_record; }
  /// The record of an array's task: its own, or the one that stands for the unstarted tasks. Null: no such task.
  const model::Job* array_task(JobId array_job, std::uint32_t task) const;
  /// All records of the array, or the job itself when it is none.
  std::vector<const model::Job*> with_array(JobId id) const;
};

/// What the running steps of a job have taken of it.
model::StepUses step_uses(const ClusterState& state, JobId job);

/// A number that is equal on members whose states are equal. Independent of how the state was reached.
std::uint64_t state_hash(const ClusterState& state);

/// The whole state as JSON, for people and tools.
std::string describe(const ClusterState& state);

/// The stored form in the state's format, and back with everything derived rebuilt. Errors: corrupt.
std::string save(const ClusterState& state);
Result<ClusterState> load(std::string_view bytes);

}  // namespace flurm::state
