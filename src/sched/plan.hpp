// sched/plan.hpp — the planner: an immutable view of the cluster in, decisions out.
//
// Pure: equal input gives an equal plan. It runs on a worker thread on its own copy of the view, as long as it takes;
// whoever applies the plan checks each placement against the cluster of that moment and drops what no longer fits.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acct/books.hpp"
#include "acct/usage.hpp"
#include "base/persistent_map.hpp"
#include "base/result.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"
#include "model/reservation.hpp"

namespace flurm::sched {

/// What the planner looks at. Maps are keyed by JobId::v and NodeId.
struct View {
  model::Settings settings;
  PersistentMap<model::Job> pending;  // pending jobs; an array's unstarted tasks are one job
  PersistentMap<model::Job> active;   // running, suspended and completing ones
  PersistentMap<model::Node> nodes;
  std::vector<std::shared_ptr<const model::Partition>> partitions;  // in configuration order
  std::vector<std::shared_ptr<const model::Reservation>> reservations;
  std::shared_ptr<const acct::Books> books;           // null: there is no accounting
  PersistentMap<acct::Usage> assoc_usage, qos_usage;  // by id
  TimeS usage_counted;                                // priorities follow usage when it is counted, not job by job
};

/// Budgets, so that a pass ends; counts, so that a pass can be repeated. Source: SchedulerParameters.
struct Limits {
  std::uint32_t jobs_tested_max = 100000;  // shapes are tested once, so most of these are cheap
  std::uint32_t backfill_jobs_max = 500;   // bf_max_job_test: jobs given a reservation in time; 0: no backfill
  std::int64_t backfill_window_s = 24 * 3600;
  bool report_starts = true;  // tell of expected starts: they shift often, so ask now and then only
};

/// Start this job now.
struct Placement {
  JobId job;
  std::uint32_t task = kNoVal32;  // the task to split off, for a job that stands for an array's unstarted tasks
  std::string partition;
  std::vector<model::NodeShare> shares;  // by node id
  bool whole_node = false;
  bool preferred = false;   // with the features of --prefer, not those of --constraint
  std::string reservation;  // in which it runs, if any
  bool backfilled = false;  // jobs before it wait on, and it does not delay them
  bool operator==(const Placement&) const = default;
};

/// Why a job that could be considered does not start now. Only jobs for which that differs from what the view's job
/// says (reason, state_desc, start_time, sched_nodes) are named: a plan that changes nothing is empty.
struct Waiting {
  JobId job;
  model::JobReason reason = model::JobReason::none;
  std::string desc;         // Job::state_desc for this reason, usually empty
  TimeS expected_start;     // 0: unknown; as the view's job says when not asked for (Limits::report_starts)
  std::string sched_nodes;  // hostlist planned for it, empty when unknown
  bool operator==(const Waiting&) const = default;
};

/// This running job gives way to that waiting one, which takes its place when it has gone.
struct Preempted {
  JobId job;  // of a heterogeneous one, the first
  JobId preemptor;
  std::string partition;  // the preemptor's
  bool operator==(const Preempted&) const = default;
};

/// How far backfill came. Tasks of an array count one by one.
struct BackfillCount {
  bool ran = false;          // some job was held back, so that there was something to do
  std::uint32_t queue = 0;   // jobs held back, in each of their partitions
  std::uint32_t looked = 0;  // of these, not started by then
  std::uint32_t tried = 0;   // searches for a place and a time
  std::uint32_t places = 0;  // found by these, for now or for later
  bool operator==(const BackfillCount&) const = default;
};

struct Plan {
  std::vector<Placement> starts;
  std::vector<Preempted> preempted;
  std::vector<Waiting> waiting;
  BackfillCount backfill;
};

/// One scheduling pass. Jobs are considered by partition tier, then priority, then submit order; a job that cannot
/// start holds back those behind it in its partitions unless backfill proves that they do not delay it.
Plan plan(const View& view, const Limits& limits, TimeS now);

/// Whether the limits of `partition` allow the request: checked at submission, as EnforcePartLimits says. Errors:
/// too_many_requested_cpus, invalid_node_count, invalid_time_limit, requested_nodes_not_in_partition,
/// invalid_task_memory, invalid_node_name, invalid_partition_name.
Result<void> within_limits(const View& view, const model::JobRequest& request, const model::Partition& partition);

/// Whether there are the nodes, features and licenses that the request names, and as many licenses. Errors:
/// invalid_node_name, invalid_node_count (more nodes named than wanted), invalid_feature, invalid_prefer,
/// invalid_licenses.
Result<void> knows_names(const View& view, const model::JobRequest& request);

/// Whether `request` could run in `partition` if nothing else ran, whatever its limits: checked at submission. Errors
/// are Slurm's: requested_node_config_unavailable, whose text is what Slurm tells the user (it may be empty),
/// invalid_node_count, invalid_node_name, invalid_feature, invalid_licenses, invalid_partition_name. With the time at
/// which it is asked, it has to run in the reservations that it names, if they are in force.
Result<void> can_ever_run(const View& view, const model::JobRequest& request, const model::Partition& partition,
                          TimeS now = {});

/// When and where a job would start (sbatch --test-only): the plan's answer for a job that is not in the queue.
struct Forecast {
  TimeS start;
  std::string nodes;
  std::string partition;
  std::uint32_t cpus = 0;
  std::vector<JobId> preempted;  // running jobs that would give way to it, at once
};
Result<Forecast> forecast(const View& view, const Limits& limits, const model::Job& job, TimeS now);

/// The same with a memory: a call costs what has changed since the last view, not what there is. Answers are those of
/// the functions above. For one thread at a time; holds on to the last view's maps.
class Planner {
 public:
  Planner();
  ~Planner();
  Planner(Planner&&) noexcept;
  Planner& operator=(Planner&&) noexcept;

  Plan plan(const View& view, const Limits& limits, TimeS now);
  /// `qos_flags`: of the job's QOS, which may free it of some of the limits.
  Result<void> within_limits(const View& view, const model::JobRequest& request, const model::Partition& partition,
                             std::uint32_t qos_flags = 0);
  Result<void> knows_names(const View& view, const model::JobRequest& request);
  Result<void> can_ever_run(const View& view, const model::JobRequest& request, const model::Partition& partition,
                            TimeS now = {});
  Result<Forecast> forecast(const View& view, const Limits& limits, const model::Job& job, TimeS now);

 private:
  struct Kept;
  std::unique_ptr<Kept> kept_;
};

}  // namespace flurm::sched
