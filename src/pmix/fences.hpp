// pmix/fences.hpp — fences of tasks on several nodes: everybody goes on when all have come, with what all brought.
//
// The first of the nodes collects and tells the others. A node enters the fences of the same tasks one after the other,
// so the count of them says which one a letter belongs to.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pmix/letter.hpp"

namespace flurm::pmix {

/// Not locked: callers take turns. `send` and `done` are called from within enter() and take().
class Fences {
 public:
  using Send = std::function<void(std::uint32_t node, Letter letter)>;
  /// Gets what all nodes brought, in their order.
  using Done = std::move_only_function<void(std::string data)>;

  Fences(std::uint32_t node, Send send) : node_(node), send_(std::move(send)) {}

  /// All of this node's tasks have come. nodes: where tasks of this fence run, ascending, this one among them.
  void enter(const std::string& fence, std::vector<std::uint32_t> nodes, std::string data, Done done);
  /// A contribution or a result.
  void take(std::uint32_t from, Letter letter);

 private:
  struct Fence {
    std::vector<std::uint32_t> nodes;  ///< empty: this node's tasks have not come yet
    std::map<std::uint32_t, std::string> brought;
    Done done;
  };
  using Key = std::pair<std::string, std::uint64_t>;

  void finish_if_complete(const Key& key);

  const std::uint32_t node_;
  Send send_;
  std::map<std::string, std::uint64_t> entered_;  ///< fences of each kind that this node has entered
  std::map<Key, Fence> open_;
};

}  // namespace flurm::pmix
