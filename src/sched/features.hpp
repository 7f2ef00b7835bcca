// sched/features.hpp — --constraint expressions: which nodes have the features, how many of each.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bitmap.hpp"
#include "base/result.hpp"

namespace flurm::sched {

/// "a&b", "a|(b&c)", "[rack1|rack2]" (all nodes from one of them), "a*2&b*4" (so many of each), "[a*2&b*4]" (the
/// same, all different nodes). Slurm reads & and | from left to right; parentheses do not nest.
class Constraint {
 public:
  using NodesOf = std::function<Bitmap(std::string_view feature)>;
  struct Counted {
    Bitmap nodes;
    std::uint32_t count = 0;
  };

  /// Errors: invalid_feature for text that sbatch --constraint does not allow.
  /// Source: slurm 22.05 src/slurmctld/job_scheduler.c build_feature_list().
  static Result<Constraint> parse(std::string_view text);

  bool empty() const { return items_.empty(); }
  /// Every feature named, with repetitions.
  std::vector<std::string> names() const;

  /// Nodes of `all` that may serve: those that fulfil all parts outside of brackets; all of them when counts are
  /// given, since nodes beyond the counted ones may be any.
  Bitmap nodes(const Bitmap& all, const NodesOf& nodes_of) const;
  /// The parts in brackets of which the job takes one, in order; empty when there are none.
  std::vector<Bitmap> alternatives(const NodesOf& nodes_of) const;
  /// The parts with a count.
  std::vector<Counted> counted(const NodesOf& nodes_of) const;
  /// The counted parts must be different nodes.
  bool counted_apart() const { return apart_; }

 private:
  enum class Join : std::uint8_t { all, any, either, together, end };  // & | and, in brackets, | &
  struct Name {
    std::string text;
    Join next = Join::end;
  };
  struct Item {
    std::vector<Name> names;  // several when in parentheses
    std::uint32_t count = 0;
    Join next = Join::end;
  };
  static bool bracketed(Join join) { return join == Join::either || join == Join::together; }
  static Bitmap item_nodes(const Item& item, const NodesOf& nodes_of);

  std::vector<Item> items_;
  bool apart_ = false;
};

}  // namespace flurm::sched
