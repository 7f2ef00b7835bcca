// sched/preemption.hpp — which running jobs give way to one that does not fit, within one scheduling pass.
//
// Jobs that are about to go (in their grace time, or cleaning up) count as gone: nobody else is preempted where waiting
// for them is enough. Source of the order: slurm 22.05 src/slurmctld/preempt.c slurm_find_preemptable_jobs(),
// select/cons_common job_test.c _run_now().
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "acct/books.hpp"
#include "model/priority.hpp"
#include "sched/inventory.hpp"
#include "sched/plan.hpp"
#include "sched/queue.hpp"

namespace flurm::sched {

class Preemption {
 public:
  /// All must outlive it. `scale`: of priority/multifactor, or null.
  Preemption(const View& view, const Inventory& inventory, const model::PriorityScale* scale, TimeS now);

  /// The queue's entries as they are to be considered: a job goes before those that it may preempt.
  /// Empty: they are in that order.
  std::vector<const QueueEntry*> order(const Queue& queue) const;

  /// The pass has given this to a job: nobody else may count on it.
  void add(const Holding& holding);

  /// How a job gets a place.
  struct Way {
    Holding holding;
    std::vector<JobId> jobs;  // to be preempted; empty: those that go anyway are enough
    TimeS free_at;            // when it is expected to be free
    bool at_once = false;     // it is free as soon as jobs are suspended that have it
  };
  /// Whether a job would fit with such a use of the nodes, and its place.
  using Fits = std::function<bool(const Usage& usage, Holding& holding)>;
  /// Nothing when there is no way.
  std::optional<Way> find(const QueueEntry& entry, const model::Job& job, const Fits& fits) const;
  /// That way is taken: its jobs count as gone.
  void take(const Way& way);

 private:
  using Ids = std::set<std::uint32_t>;
  /// A job that may be preempted, with all of its components.
  struct Candidate {
    std::vector<const model::Job*> parts;
    Bitmap nodes;
    std::uint16_t mode = 0;
    std::uint32_t order = 0;
    std::uint32_t overlap = 0;  // how many of its nodes a place has; the most of all for one that completed a place
  };

  std::vector<Candidate> candidates(const QueueEntry& entry, const model::Job& job) const;
  bool may_preempt(const QueueEntry& entry, const model::Job& job, const model::Job& running) const;
  /// It uses nodes of the waiting job's reservation, for as long as no job of that wants them.
  bool borrows_from(const QueueEntry& entry, const model::Job& running) const;
  std::vector<const model::Job*> with_components(const model::Job& job) const;
  std::uint16_t mode_of(const Candidate& candidate) const;
  const model::Partition* partition_of(const model::Job& job) const;
  bool leaves(const model::Job& job) const;
  /// How many of them have to go, the first ones first, so that the job fits; its place then. `aside`: those that leave
  /// but their cores.
  std::optional<std::size_t> free_in_order(const std::vector<Candidate>& candidates, const Usage& from,
                                           const Ids& aside, const Fits& fits, Holding& holding) const;
  std::optional<Way> find_by_suspending(const std::vector<Candidate>& candidates, const Fits& fits) const;
  std::optional<Way> find_by_ending(std::vector<Candidate> candidates, const Usage& from, const Ids& aside,
                                    const Fits& fits) const;
  Bitmap nodes_of(const Holding& holding) const;
  void add_parts(const Candidate& candidate, Ids& ids, Bitmap& nodes) const;
  TimeS free_at(const QueueEntry& entry, const Way& way) const;
  /// Counts the use of `nodes` anew, without jobs that are gone and without the cores of those that stand aside.
  void recount(Usage& usage, const Bitmap& nodes, const Ids& gone, const Ids& aside) const;

  const View& view_;
  const Inventory& inventory_;
  const Cluster& cluster_;
  const model::PriorityScale* scale_;
  TimeS now_;
  std::shared_ptr<const acct::Books> books_;
  Ids gone_;                    // jobs that go, and those that this pass preempts
  std::vector<Holding> given_;  // in this pass
  Usage future_;                // without the former, with the latter
};

}  // namespace flurm::sched
