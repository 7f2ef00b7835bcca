// sched/profile.hpp — what is held on every node from now on, as a step for each change.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "base/types.hpp"
#include "sched/cluster.hpp"

namespace flurm::sched {

inline constexpr TimeS kNever{INT64_MAX / 2};

/// The least that a job needs on a node, whichever nodes it gets.
struct NodeNeed {
  std::uint32_t cores = 1;
  std::uint64_t memory_mib = 0;
  bool idle = false;  // no other job there
};

/// One node's use over time. The first step began before all times asked for; the last is for ever.
struct Timeline {
  struct Step {
    TimeS from;
    std::uint32_t free_cores = 0;
    NodeUse use;
  };
  std::vector<Step> steps;
  std::vector<Word> busy;                             // cores, as many words for each step
  std::vector<std::pair<TimeS, TimeS>> reservations;  // that begin later; without one, use only falls
};

/// A share of a holding, and until when it is held.
struct HeldShare {
  const Holding* holding = nullptr;
  std::uint32_t share = 0;
  TimeS until;
};

/// The timeline of a node on which all of `held` is held from the beginning. `held` goes out sorted.
Timeline make_timeline(const Cluster& cluster, NodeIndex node, std::vector<HeldShare>& held);

/// The timelines of all nodes during one pass: those of what runs, changed by what the pass decides. What runs is
/// shared between passes; only the nodes that are touched are copied.
class Profile {
 public:
  Profile(const Cluster& cluster, const std::vector<Timeline>& running)
      : cluster_(cluster), words_(cluster.words()), running_(running), changed_(running.size()) {}

  /// Something that is held from the beginning on.
  void hold(const Holding& holding, TimeS until);
  /// Something that will be held.
  void reserve(const Holding& holding, TimeS from, TimeS until);
  /// A reserve() touches the node in that time.
  bool reserved(NodeIndex node, TimeS from, TimeS until) const;

  /// Earliest time ≥ `from` from which the node has what is needed for `duration_s`; kNever when there is none.
  /// O(steps of the node) as long as nothing is reserved on it.
  TimeS earliest(NodeIndex node, const NodeNeed& need, TimeS from, std::int64_t duration_s) const;
  /// All that is held at any moment of that time, put into `usage`.
  void fill(Usage& usage, NodeIndex node, TimeS from, TimeS until) const;
  /// The first change on any of `nodes` after `after`; kNever when there is none.
  TimeS next_change(const Bitmap& nodes, TimeS after) const;

 private:
  const Timeline& line(NodeIndex node) const { return changed_[node] ? *changed_[node] : running_[node]; }
  Timeline& own_line(NodeIndex node);
  void add(Timeline& line, std::size_t first, std::size_t end, const Holding& holding, const Share& share);
  bool fits(const Timeline::Step& step, NodeIndex node, const NodeNeed& need) const;
  /// Makes a step begin at `time`; returns it.
  std::size_t split(Timeline& line, TimeS time) const;

  const Cluster& cluster_;
  std::size_t words_;
  const std::vector<Timeline>& running_;
  std::vector<std::unique_ptr<Timeline>> changed_;  // null: as running_
};

}  // namespace flurm::sched
