// noded/step_reports.hpp — the ends of a step's nodes on their way to the controller.
//
// The nodes of a large step form a tree. A node gathers for a moment what it hears from those below it and what it has
// to say itself, sends what is of a kind as one message to the node above it, and the first one to the controller.
// Nobody is answered before the next above has answered: what one node was told is lost with it for nobody.
// slurmstepd has the same tree and messages, but keeps what it was told; so the two may be mixed in one step.
// Source: slurm 22.05 src/slurmd/slurmstepd/mgr.c stepd_send_step_complete_msgs(), src/common/reverse_tree.c.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "noded/node_context.hpp"
#include "wire/msg/job_complete.hpp"

namespace flurm::noded {

/// A node's place in the tree of its step.
struct TreePlace {
  std::optional<std::uint32_t> parent;  ///< rank of the node above; none: the controller
  std::uint32_t below = 0;              ///< so many nodes; they have the ranks that follow
  bool operator==(const TreePlace&) const = default;
};
TreePlace tree_place(std::uint32_t rank, std::uint32_t count);
/// Name of the node above in the tree over these nodes; empty: the controller.
std::string node_above(std::string_view nodes, std::uint32_t rank);

/// Puts together reports about neighbouring ranks, and what is said twice. All are about one step.
std::vector<wire::StepComplete> merge_reports(std::vector<wire::StepComplete> reports);

class StepReports {
 public:
  explicit StepReports(NodeContext& node) : node_(node) {}

  /// From this node, or one below it. Returns the answer of the controller; 0 where the node above took it. Errors: of
  /// the connection to the controller.
  io::Task<Result<std::uint32_t>> deliver(wire::StepComplete report);

 private:
  struct Group {
    explicit Group(io::Loop& loop) : changed(loop) {}
    std::vector<wire::StepComplete> reports;
    std::optional<Result<std::uint32_t>> answer;
    Condition changed;
  };
  /// Of which run does not matter: while a report is under way, no later one begins.
  struct Key {
    std::uint32_t job_id = 0;
    NodeJob::StepName step;
    auto operator<=>(const Key&) const = default;
  };

  const exec::StepState* state_of(const Key& step) const;
  bool all_here(const Key& step) const;
  io::Task<void> gather(Key step);
  io::Task<Result<std::uint32_t>> send(std::string above, wire::StepComplete report);

  NodeContext& node_;
  std::map<Key, std::shared_ptr<Group>> groups_;
};

}  // namespace flurm::noded
