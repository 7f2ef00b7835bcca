// sched/topology_test.cpp — jobs on nodes that lie close together: topology/tree and --switches.
#include <gtest/gtest.h>

#include "sched/world.hpp"

namespace flurm::sched::test {
namespace {

/// Three leaf switches of 4, 3 and 3 nodes; the first two below one switch, and all below the top one.
class TopologyTest : public testing::Test {
 protected:
  TopologyTest() {
    w.nodes("n[1-10]", 1, 2, 1);
    w.partition("debug", "n[1-10]");
    w.view.settings.switches = {{.name = "a", .nodes = "n[1-4]"},
                                {.name = "b", .nodes = "n[5-7]"},
                                {.name = "c", .nodes = "n[8-10]"},
                                {.name = "ab", .level = 1, .nodes = "n[1-7]", .switches = "a,b"},
                                {.name = "top", .level = 2, .nodes = "n[1-10]", .switches = "ab,c"}};
  }
  /// Numbers of the nodes, from 1 on, that the job starts on; empty when it waits.
  std::vector<unsigned> started(JobId id) {
    std::vector<unsigned> out;
    for (const Placement& placement : w.step().starts)
      if (placement.job == id)
        for (const auto& share : placement.shares) out.push_back(share.node + 1);
    return out;
  }
  JobId submit(std::uint32_t nodes, std::uint32_t switches = 0, std::uint32_t wait_s = 0) {
    auto spec = job().nodes(nodes).exclusive();
    spec.request.req_switch = switches;
    spec.request.wait4switch = wait_s;
    return w.submit(std::move(spec));
  }
  World w;
};

using Nodes = std::vector<unsigned>;

TEST_F(TopologyTest, the_tightest_leaf_that_suffices) {
  EXPECT_EQ(started(submit(3)), (Nodes{5, 6, 7}));
  EXPECT_EQ(started(submit(4)), (Nodes{1, 2, 3, 4}));
}

TEST_F(TopologyTest, the_lowest_switch_above_what_it_takes) {
  EXPECT_EQ(started(submit(6)), (Nodes{1, 2, 3, 4, 5, 6})) << "below ab";
}

TEST_F(TopologyTest, as_few_leaves_as_possible) {
  started(submit(1));  // n5: b has two left
  EXPECT_EQ(started(submit(7)), (Nodes{1, 2, 3, 4, 8, 9, 10})) << "a and c, not all three";
}

TEST_F(TopologyTest, few_switches_are_waited_for) {
  started(submit(4));  // a
  started(submit(1));  // of b
  const JobId wants = submit(4, 1);
  EXPECT_EQ(started(wants), Nodes{}) << "no leaf has four nodes free";
  w.now = w.now + 299;
  EXPECT_EQ(started(wants), Nodes{});
  w.now = w.now + 1;
  EXPECT_EQ(started(wants), (Nodes{6, 7, 8, 9})) << "it has waited long enough";
}

TEST_F(TopologyTest, the_job_may_say_how_long) {
  started(submit(4));
  started(submit(1));
  const JobId wants = submit(4, 1, 60);
  w.now = w.now + 60;
  EXPECT_EQ(started(wants).size(), 4u);
}

TEST_F(TopologyTest, optional_it_is_for_those_who_ask) {
  w.view.settings.topology_optional = true;
  EXPECT_EQ(started(submit(3)), (Nodes{1, 2, 3}));
  EXPECT_EQ(started(submit(3, 1)), (Nodes{5, 6, 7}));
}

}  // namespace
}  // namespace flurm::sched::test
