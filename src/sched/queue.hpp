// sched/queue.hpp — pending jobs in the order in which they are considered, brought from one view to the next by what
// differs.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/persistent_map.hpp"
#include "model/priority.hpp"
#include "sched/cluster.hpp"
#include "sched/place.hpp"
#include "sched/reservations.hpp"

namespace flurm::sched {

/// The shapes of the requests seen, each prepared once.
class Shapes {
 public:
  /// Null when the request cannot be read. Shapes stay where they are until clear().
  const Shape* find(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                    const model::Settings& settings);
  std::size_t size() const { return by_key_.size(); }
  void clear();
  /// To be called when requests found before may be gone.
  void forget_last() { last_request_ = nullptr; }

 private:
  std::unordered_map<std::string, std::unique_ptr<const Shape>> by_key_;  // only ever looked up
  const model::JobRequest* last_request_ = nullptr;                       // jobs in a row often share their request
  std::size_t last_partition_ = 0;
  const Shape* last_shape_ = nullptr;
};

/// Everything of a request that make_shape() reads, and the partition, as bytes.
std::string shape_key(const model::JobRequest& request, std::size_t partition);

/// A pending job that is neither held nor waits for other jobs.
struct QueuedJob {
  std::shared_ptr<const model::Job> job;  // null: free place
  TimeS begin;
  model::JobReason limited = model::JobReason::none;  // keeps it out of every partition
  std::string limited_text;                           // and more about it

  // what the job says already
  model::JobReason told_reason = model::JobReason::none;
  bool told_text = false;  // a description or nodes
  TimeS told_start;
};

/// A queued job in one of its partitions, and in one of its reservations or none.
struct QueueEntry {
  ReservationIndex reservation = kNoReservation;
  std::uint32_t tier = 0, priority = 0;
  JobId id;
  std::uint32_t partition = 0;
  std::uint32_t job = 0;         // in Queue::jobs()
  bool behind_already = false;   // told of nothing but jobs ahead of it: being so still is no news
  bool component = false;        // of a heterogeneous job, considered in the turn of its first one
  const Shape* shape = nullptr;  // null: unreadable request
};

using Reservable = std::vector<std::shared_ptr<const model::Reservation>>;

class Queue {
 public:
  /// From `before` to `after`. All derived from a cluster is for that cluster: after a change of it, clear() first.
  /// The same holds for a change of the reservations.
  /// The same for one of `books`, which may be null.
  /// And for one of `scale`, the rule of priority/multifactor, if that is in force.
  void update(const PersistentMap<model::Job>& before, const PersistentMap<model::Job>& after, const Cluster& cluster,
              const model::Settings& settings, const Reservable& reservations,
              const model::PriorityScale* scale = nullptr, const acct::Books* books = nullptr);
  void clear();
  /// Far more shapes are remembered than there are jobs: worth a clear().
  bool too_many_shapes() const { return shapes_.size() > 2 * entries_.size() + 1000; }

  const std::vector<QueuedJob>& jobs() const { return jobs_; }
  /// Those in reservations first; by tier, priority, and submit order; a job of several partitions in each that it may
  /// use, and in each reservation that it names, or that draws it.
  const std::vector<QueueEntry>& entries() const { return entries_; }
  /// Those that no partition takes, in jobs().
  const std::vector<std::uint32_t>& limited() const { return limited_; }

 private:
  void remove(std::vector<QueueEntry>& gone);
  void insert(std::vector<QueueEntry>& added);
  std::uint32_t add(const std::shared_ptr<const model::Job>& job, const Cluster& cluster,
                    const model::Settings& settings, const Reservable& reservations, const model::PriorityScale* scale,
                    const acct::Books* books, std::vector<QueueEntry>& entries);

  std::vector<QueuedJob> jobs_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::uint32_t, std::uint32_t> by_id_;  // only ever looked up
  std::vector<QueueEntry> entries_;
  std::vector<std::uint32_t> limited_;
  Shapes shapes_;
};

}  // namespace flurm::sched
