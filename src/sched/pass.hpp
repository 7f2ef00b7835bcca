// sched/pass.hpp — one scheduling pass: jobs that start, in order; times for those held back; why each waits.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "sched/backfill.hpp"
#include "sched/inventory.hpp"
#include "sched/place.hpp"
#include "sched/plan.hpp"
#include "sched/policing.hpp"
#include "sched/preemption.hpp"
#include "sched/queue.hpp"
#include "sched/reservations.hpp"

namespace flurm::sched {

class Pass {
 public:
  /// All must outlive the pass.
  Pass(const Inventory& inventory, const Queue& queue, Placer& placer, const Limits& limits, TimeS now,
       Policing policing, std::optional<Preemption> preemption);
  Plan run();
  /// After run(): when and where a waiting job is planned to run, if it is.
  std::optional<Forecast> forecast(JobId job) const;

 private:
  /// One of a heterogeneous job, in each of its partitions and reservations.
  using Component = std::vector<const QueueEntry*>;
  /// What became of a queued job.
  struct Answer {
    model::JobReason reason = model::JobReason::none;
    bool given = false, started = false;
    bool begun = false;                   // some of its tasks are
    bool makes_way = false;               // it waits for jobs that give way to it
    std::uint32_t text = 0, planned = 0;  // one more than the place in texts_ and planned_; 0: none
  };

  void consider(const QueueEntry& entry);
  void start_tasks(const QueueEntry& entry);
  /// `planned_s`: how long nothing planned may be in the way on the nodes that are available; 0: nothing is planned.
  std::optional<Preemption::Way> find_way(const QueueEntry& entry, const Bitmap& available, std::int64_t planned_s);
  void make_way(const QueueEntry& entry, std::uint32_t task, Preemption::Way way);
  void take_place(const QueueEntry& entry, Holding holding);
  void find_components();
  void start_together(const QueueEntry& first);
  void plan_together(const QueueEntry& first, Backfill& slots);
  /// The entries of each component, if all of them could be considered now.
  const std::vector<Component>* components_of(const QueueEntry& first) const;
  model::TaskSet tasks_left(const QueueEntry& entry) const;
  Outcome try_now(const QueueEntry& entry, Holding& holding);
  Outcome try_now(const QueueEntry& entry, const Shape& shape, Holding& holding);
  Leave leave_for(const QueueEntry& entry, const Shape& shape);
  Outcome place_beside(const QueueEntry& entry, const Shape& shape, const Leave& leave, const Usage& usage,
                       const Bitmap& available, Holding& holding);
  /// A limit of accounting keeps it waiting with these resources: the reason.
  model::JobReason over_limit(const QueueEntry& entry, const Holding& holding);
  bool waits_for_reservation(const QueueEntry& entry);
  bool has_licenses(const QueueEntry& entry) const;
  bool waited_for_switches(const QueueEntry& entry) const;
  /// What it asks for, or once it has waited for few switches, the same over any number of them; on as many nodes as
  /// limits of accounting allow.
  const Shape& shape_of(const QueueEntry& entry);
  Claim claim_of(const QueueEntry& entry, const Shape& shape) const {
    return {.own = entry.reservation, .shape = &shape, .request = job_of(entry).request.get()};
  }
  void start(const QueueEntry& entry, std::uint32_t task, Holding holding);
  void hold_back(const QueueEntry& entry, Outcome outcome);
  void block(std::size_t partition);
  bool reserves_nothing(const QueueEntry& entry) const;
  bool array_has_room(const model::Job& job) const;
  void count_task(const model::Job& job);
  std::string unavailable_nodes(const Shape& shape) const;

  void backfill();
  void plan_tasks(const QueueEntry& entry, Backfill& slots);
  Forecast forecast_of(const QueueEntry& entry, TimeS start, const Holding& holding) const;

  void answer(std::uint32_t job, model::JobReason reason, std::string text = {});
  void tell();

  const model::Job& job_of(const QueueEntry& entry) const { return *queue_.jobs()[entry.job].job; }
  const model::Partition& partition_of(const QueueEntry& entry) const {
    return *cluster_.partitions()[entry.partition].config;
  }

  const Inventory& inventory_;
  const Queue& queue_;
  const Cluster& cluster_;
  Placer& placer_;
  const Limits& limits_;
  TimeS now_;

  Reservations reservations_;
  Usage usage_;
  LicensePool licenses_;
  Policing policing_;
  std::optional<Preemption> preemption_;
  std::map<std::uint32_t, std::uint32_t> tasks_started_;  // by array, in this pass
  Bitmap available_;                                      // usable, and not waited for by a job further up
  std::vector<bool> blocked_;  // partitions in which a job waits for resources: nothing starts past it
  std::vector<bool> careful_;  // what starts there, starts by backfill only
  std::vector<bool> full_;     // reservations in which a job waits: nothing starts past it
  std::map<std::pair<const Shape*, std::uint32_t>, Shape> narrowed_;  // to so many nodes
  std::map<std::pair<const Shape*, std::uint32_t>, Outcome> failed_;  // with the key of what reservations leave
  using WayKey = std::tuple<const Shape*, std::uint32_t, std::uint32_t, std::uint32_t, std::int64_t>;
  std::set<WayKey> no_way_;                                     // for a shape with that key, user, QOS, time
  int ways_left_ = 100;                                         // that backfill looks for
  std::vector<std::pair<Holding, TimeS>> started_;              // and until when
  std::map<std::uint32_t, std::vector<Component>> components_;  // by the first one's job
  std::vector<const QueueEntry*> held_back_;                    // for want of resources, or behind such a job

  std::vector<Answer> answers_;  // as Queue::jobs()
  std::vector<std::uint32_t> answered_;
  std::vector<std::string> texts_;
  std::vector<Forecast> planned_;
  std::uint32_t searches_ = 0;  // of backfill, for jobs that do not start
  Plan plan_;
};

}  // namespace flurm::sched
