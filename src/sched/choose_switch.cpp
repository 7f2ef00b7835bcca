// sched/choose_switch.cpp — nodes that lie close together: topology/tree.
#include <algorithm>

#include "sched/choose.hpp"

namespace flurm::sched {
namespace {

/// What of `nodes` lies below each switch.
struct Below {
  std::uint16_t level = 0;
  Bitmap nodes;
  std::size_t count = 0;
};

class Chooser {
 public:
  Chooser(const Choice& choice, std::vector<Offer>& offers) : choice_(choice), all_(offers), offers_(offers) {}

  bool try_on(const Bitmap& some, Bitmap& nodes) {
    if (some.count() < choice_.min_nodes || (choice_.required && !choice_.required->subset_of(some))) return false;
    Bitmap chosen = some;
    offers_ = all_;
    if (!choose_nodes(choice_, chosen, offers_) || chosen.count() > choice_.max_nodes) return false;
    nodes = std::move(chosen);
    return true;
  }

 private:
  const Choice& choice_;
  const std::vector<Offer> all_;
  std::vector<Offer>& offers_;
};

}  // namespace

bool choose_by_switch(const Choice& choice, std::uint32_t leaves_max, const std::vector<SwitchInfo>& switches,
                      Bitmap& nodes, std::vector<Offer>& offers) {
  std::vector<Below> order;
  for (const SwitchInfo& each : switches) {
    Below below{.level = each.level, .nodes = nodes & each.nodes};
    below.count = below.nodes.count();
    if (below.count != 0) order.push_back(std::move(below));
  }
  std::ranges::stable_sort(order, {}, [](const Below& below) { return std::pair(below.level, below.count); });
  std::vector<const Below*> leaves;
  for (const Below& below : order)
    if (below.level == 0) leaves.push_back(&below);
  const auto holds_required = [&](const Below* leaf) {
    return choice.required && choice.required->intersects(leaf->nodes);
  };
  std::ranges::stable_sort(leaves, std::ranges::greater(),
                           [&](const Below* leaf) { return std::pair(holds_required(leaf), leaf->count); });

  Chooser chooser(choice, offers);
  for (const Below& below : order) {
    if (below.count < choice.min_nodes) continue;
    if (below.level == 0) {
      if (chooser.try_on(below.nodes, nodes)) return true;
      continue;
    }
    Bitmap some(nodes.size());
    std::uint32_t used = 0;
    for (const Below* leaf : leaves) {
      if (!leaf->nodes.subset_of(below.nodes)) continue;
      if (leaves_max != 0 && used == leaves_max) break;
      some |= leaf->nodes;
      ++used;
      if (chooser.try_on(some, nodes)) return true;
    }
  }
  return false;
}

}  // namespace flurm::sched
