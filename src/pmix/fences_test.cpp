// pmix/fences_test.cpp — fences of three nodes, whoever comes first.
#include "pmix/fences.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

namespace flurm::pmix {
namespace {

struct World {
  struct Sent {
    std::uint32_t from, to;
    Letter letter;
  };
  World() {
    for (std::uint32_t node = 0; node < 3; ++node) {
      nodes.push_back(std::make_unique<Fences>(node, [this, node](std::uint32_t to, Letter letter) {
        under_way.push_back({node, to, std::move(letter)});
      }));
    }
  }
  void enter(std::uint32_t node, std::vector<std::uint32_t> among, std::string data, std::optional<std::string>& got) {
    nodes[node]->enter(among.size() == 3 ? "all" : "some", std::move(among), std::move(data),
                       [&got](std::string all) { got = std::move(all); });
  }
  void deliver() {
    for (; !under_way.empty(); under_way.pop_front()) {
      Sent next = std::move(under_way.front());
      nodes[next.to]->take(next.from, std::move(next.letter));
    }
  }
  std::vector<std::unique_ptr<Fences>> nodes;
  std::deque<Sent> under_way;
};

TEST(Fences, all_go_on_together_in_any_order_of_coming) {
  std::vector<std::uint32_t> order{0, 1, 2};
  do {
    World world;
    std::optional<std::string> got[3];
    for (const std::uint32_t node : order) {
      for (const auto& each : got) EXPECT_FALSE(each);
      world.enter(node, {0, 1, 2}, std::string(1, static_cast<char>('a' + node)), got[node]);
      world.deliver();
    }
    for (const auto& each : got) EXPECT_EQ(each, "abc");
  } while (std::ranges::next_permutation(order).found);
}

TEST(Fences, the_next_of_the_same_tasks_may_begin_before_others_left_the_last) {
  World world;
  std::optional<std::string> first[3], second[3];
  for (std::uint32_t node = 0; node < 3; ++node) world.enter(node, {0, 1, 2}, "1", first[node]);
  while (!first[0]) {  // the collecting node alone
    auto next = std::move(world.under_way.front());
    world.under_way.pop_front();
    world.nodes[next.to]->take(next.from, std::move(next.letter));
  }
  world.enter(0, {0, 1, 2}, "x", second[0]);
  world.deliver();
  EXPECT_EQ(first[2], "111");
  EXPECT_FALSE(second[0]);
  world.enter(1, {0, 1, 2}, "y", second[1]);
  world.enter(2, {0, 1, 2}, "z", second[2]);
  world.deliver();
  for (const auto& each : second) EXPECT_EQ(each, "xyz");
}

TEST(Fences, some_of_the_nodes_and_one_alone) {
  World world;
  std::optional<std::string> one, two, alone;
  world.enter(2, {1, 2}, "b", two);
  world.deliver();
  world.nodes[0]->enter("mine", {0}, "c", [&](std::string all) { alone = std::move(all); });
  EXPECT_EQ(alone, "c");
  world.enter(1, {1, 2}, "a", one);
  world.deliver();
  EXPECT_EQ(one, "ab");
  EXPECT_EQ(two, "ab");
}

}  // namespace
}  // namespace flurm::pmix
