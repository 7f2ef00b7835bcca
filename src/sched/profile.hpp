// sched/profile.hpp — what is held on every node from now on, as a step for each change.
#pragma once
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

/// Built once for a pass from what runs, then updated with each job that is given a time.
class Profile {
 public:
  Profile(const Cluster& cluster, TimeS now);

  /// Something that is held now and until `until`. Before the first reserve() only, and followed by build().
  void hold(const Holding& holding, TimeS until);
  void build();

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
  struct Step {
    TimeS from;
    NodeUse use;
  };
  struct Timeline {
    std::vector<Step> steps;  // the first at `now`; the last for ever
    std::vector<Word> busy;   // words_ for each step
    std::vector<std::pair<TimeS, TimeS>> reservations;
  };
  struct Held {
    NodeIndex node;
    TimeS until;
    std::uint32_t holding, share;
  };

  ConstCores busy(const Timeline& line, std::size_t step) const { return {line.busy.data() + step * words_, words_}; }
  bool fits(const Timeline& line, std::size_t step, NodeIndex node, const NodeNeed& need) const;
  std::size_t step_at(const Timeline& line, TimeS time) const;
  /// Makes a step begin at `time`; returns it.
  std::size_t split(Timeline& line, TimeS time);

  const Cluster& cluster_;
  std::size_t words_;
  TimeS now_;
  std::vector<Timeline> lines_;
  std::vector<Holding> held_;  // until build()
  std::vector<TimeS> until_;
};

}  // namespace flurm::sched
