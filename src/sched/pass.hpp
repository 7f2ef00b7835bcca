// sched/pass.hpp — one scheduling pass: the queue in order, jobs that start, and why the others wait.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sched/backfill.hpp"
#include "sched/cluster.hpp"
#include "sched/place.hpp"
#include "sched/plan.hpp"

namespace flurm::sched {

/// The shapes of the requests seen, each prepared once.
class Shapes {
 public:
  Shapes(const Cluster& cluster, const model::Settings& settings) : cluster_(cluster), settings_(settings) {}
  /// Null when the request cannot be read.
  const Shape* find(const model::Job& job, std::size_t partition);

 private:
  const Cluster& cluster_;
  const model::Settings& settings_;
  std::unordered_map<std::string, std::unique_ptr<Shape>> by_key_;  // only ever looked up
};

/// Licenses that nobody uses.
class LicensePool {
 public:
  explicit LicensePool(std::string_view configured);
  bool has(const Shape& shape) const;
  void take(const Shape& shape);
  void take(std::string_view licenses);

 private:
  std::map<std::string, std::uint32_t, std::less<>> free_;
};

class Pass {
 public:
  Pass(const View& view, const Limits& limits, TimeS now);
  Plan run();
  /// After run(): when and where a waiting job is planned to run, if it is.
  std::optional<Forecast> forecast(JobId job) const;

 private:
  /// A job in one of its partitions.
  struct Entry {
    const model::Job* job = nullptr;
    std::size_t partition = 0;
    std::uint32_t tier = 0;
  };
  struct Answer {
    model::JobReason reason = model::JobReason::none;
    std::string desc;
    std::optional<Forecast> planned;
  };
  struct Held {
    Holding holding;
    TimeS until;
  };

  void count_active();
  void build_queue();
  /// Whether the job may be considered at all; else sets why not.
  bool eligible(const model::Job& job);
  model::JobReason partition_limit(const model::Job& job, const PartitionInfo& partition) const;
  bool array_has_room(const model::Job& job) const;

  void consider(const Entry& entry);
  void start_tasks(const Entry& entry, const Shape& shape);
  void start(const Entry& entry, std::uint32_t task, Holding holding);
  void hold_back(const Entry& entry, const Shape& shape, Outcome outcome);
  void block(std::size_t partition);
  void answer(const model::Job& job, model::JobReason reason, std::string desc = {});
  void tell();

  void backfill();
  void plan_tasks(const Entry& entry, const Shape& shape, Backfill& slots);
  Forecast forecast_of(const Entry& entry, TimeS start, const Holding& holding) const;
  std::string unavailable_nodes(const Shape& shape) const;

  const View& view_;
  const Limits& limits_;
  TimeS now_;
  Cluster cluster_;
  Usage usage_;
  Placer placer_;
  Shapes shapes_;
  LicensePool licenses_;
  std::unordered_map<std::uint32_t, std::uint32_t> running_tasks_;  // by array; only ever looked up

  std::vector<Held> held_;  // by active jobs and started ones

  std::vector<Entry> queue_;
  std::vector<Entry> held_back_;                      // for want of resources, or behind such a job
  Bitmap available_;                                  // not down, and not waited for by a job further up
  std::vector<bool> blocked_;                         // partitions in which a job waits for resources
  std::unordered_map<const Shape*, Outcome> failed_;  // in this pass, and until something is blocked
  std::map<std::uint32_t, Answer> answers_;           // by job
  std::unordered_set<std::uint32_t> started_;
  std::uint32_t planned_ = 0;  // jobs given a time
  Plan plan_;
};

}  // namespace flurm::sched
