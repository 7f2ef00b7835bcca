// sched/inventory.hpp — the cluster and what is held on it, brought from one view to the next by what differs.
#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sched/cluster.hpp"
#include "sched/plan.hpp"
#include "sched/profile.hpp"

namespace flurm::sched {

/// Licenses configured, and those that running jobs use.
class LicensePool {
 public:
  using Licenses = std::vector<std::pair<std::string, std::uint32_t>>;

  explicit LicensePool(std::string_view configured = {});
  /// `kept`: how many of a license others have reserved.
  template <class Kept>
  bool has(const Licenses& wanted, Kept kept) const {
    return std::ranges::all_of(wanted, [&](const auto& license) {
      const auto found = counts_.find(license.first);
      return found != counts_.end() && found->second.used + license.second + kept(license.first) <= found->second.total;
    });
  }
  void take(const Licenses& licenses);
  void take(std::string_view licenses);
  void give_back(std::string_view licenses);

 private:
  struct Count {
    std::uint32_t total = 0, used = 0;
  };
  std::map<std::string, Count, std::less<>> counts_;
};

class Inventory {
 public:
  /// Takes the view's nodes, partitions and settings over. True when cluster() is a new one: all that was derived from
  /// the last one is void then.
  bool update_cluster(const View& view);
  /// Takes over what the view's active jobs hold.
  void update_use(const View& view, TimeS now);

  const Cluster& cluster() const { return *cluster_; }
  const model::Settings& settings() const { return last_.settings; }
  const std::vector<std::shared_ptr<const model::Reservation>>& reservations() const { return last_.reservations; }
  /// True when they are other ones.
  bool update_reservations(const View& view);
  /// Nodes that may be given to jobs.
  const Bitmap& usable() const { return usable_; }
  const Usage& usage() const { return *usage_; }
  const std::vector<Timeline>& timelines() const { return timelines_; }
  /// What a job of the view's active ones holds, and until when by its time limit.
  const Holding& holding(JobId job) const { return held_.at(job.v).holding; }
  TimeS held_until(JobId job) const { return held_.at(job.v).until; }
  /// Visits those that hold something, by id: `visit(JobId, const Holding&)`.
  template <class Visit>
  void for_each_held(Visit visit) const {
    for (const auto& [id, held] : held_) visit(JobId{id}, held.holding);
  }
  /// The same on one node, in no order that means anything: `visit(JobId, const Holding&, const Share&)`.
  template <class Visit>
  void for_each_on(NodeIndex node, Visit visit) const {
    for (const OnNode& on : on_node_[node])
      visit(on.held->job, on.held->holding, on.held->holding.shares[on.share]);
  }
  const LicensePool& licenses() const { return licenses_; }
  /// Tasks of arrays that run, by the array's job; only to be looked up.
  const std::unordered_map<std::uint32_t, std::uint32_t>& running_tasks() const { return running_tasks_; }

 private:
  struct Held {
    JobId job;
    Holding holding;
    TimeS until;
  };
  struct OnNode {
    const Held* held;
    std::uint32_t share;
  };

  bool same_cluster(const View& view);
  void rebuild(const View& view);
  void add(const model::Job& job, TimeS now);
  void remove(const model::Job& job);
  void count(const model::Job& job, bool running);
  void recount(NodeIndex node, TimeS now);

  View last_;
  std::unique_ptr<const Cluster> cluster_;
  Bitmap usable_;
  std::unique_ptr<Usage> usage_;
  std::vector<Timeline> timelines_;
  LicensePool licenses_;
  std::unordered_map<std::uint32_t, std::uint32_t> running_tasks_;

  std::map<std::uint32_t, Held> held_;        // by job
  std::vector<std::vector<OnNode>> on_node_;  // sorted by nothing: what is counted does not depend on the order
  std::vector<TimeS> first_end_;              // by node: when its timeline is out of date
  std::vector<bool> touched_;
};

/// How long a job of this limit (in minutes) may run in the partition, in seconds; a year without limit.
std::int64_t duration_s(std::uint32_t time_limit, const model::Partition* partition);

}  // namespace flurm::sched
