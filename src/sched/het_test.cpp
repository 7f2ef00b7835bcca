// sched/het_test.cpp — heterogeneous jobs in the plan: all components or none, and what is kept for one that waits.
#include <gtest/gtest.h>

#include "sched/world.hpp"

namespace flurm::sched::test {
namespace {

using model::JobReason;

class HetPlan : public testing::Test {
 protected:
  HetPlan() {
    w.nodes("n[1-4]", 2, 4, 1);
    w.partition("debug", "n[1-4]");
  }
  /// Gives these jobs, whose numbers follow one another, the places of components.
  void join(std::vector<JobId> ids) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto job = std::make_shared<model::Job>(*w.view.pending.find(ids[i].v));
      job->het = model::HetPart{static_cast<std::uint32_t>(i), ids};
      w.view.pending.set(ids[i].v, job);
    }
  }
  std::vector<JobId> started() {
    std::vector<JobId> out;
    for (const Placement& placement : w.step().starts) out.push_back(placement.job);
    return out;
  }
  JobReason reason(JobId id) const { return w.view.pending.find(id.v)->reason; }
  World w;
};

TEST_F(HetPlan, components_start_together_on_what_the_others_leave) {
  const JobId a = w.submit(job().nodes(2).exclusive()), b = w.submit(job().nodes(2).exclusive());
  join({a, b});
  EXPECT_EQ(started(), (std::vector{a, b}));
}

TEST_F(HetPlan, components_have_nodes_of_their_own) {
  const JobId a = w.submit(job()), b = w.submit(job()), c = w.submit(job());
  join({a, b, c});
  std::vector<model::NodeId> nodes;
  for (const Placement& placement : w.step().starts) nodes.push_back(placement.shares.at(0).node);
  EXPECT_EQ(nodes, (std::vector<model::NodeId>{0, 1, 2}));
}

TEST_F(HetPlan, one_that_does_not_fit_holds_the_others) {
  const JobId busy = w.submit(job().nodes(2).exclusive());
  w.step();
  const JobId a = w.submit(job().nodes(1).exclusive()), b = w.submit(job().nodes(2).exclusive());
  join({a, b});
  EXPECT_EQ(started(), std::vector<JobId>{});
  EXPECT_EQ(reason(a), JobReason::resources);
  EXPECT_EQ(reason(b), JobReason::resources);
  w.finish(busy);
  EXPECT_EQ(started(), (std::vector{a, b}));
}

TEST_F(HetPlan, what_is_free_first_is_kept_for_it) {
  auto two_hours = job().nodes(2).exclusive();
  two_hours.request.time_limit = 120;
  w.submit(std::move(two_hours));
  w.step();
  const JobId a = w.submit(job().nodes(1).exclusive()), b = w.submit(job().nodes(3).exclusive());
  join({a, b});
  const JobId later = w.submit(job().nodes(2).exclusive().at_priority(900));
  const JobId small = w.submit(job().nodes(1).exclusive().at_priority(800));
  const auto starts = started();
  EXPECT_EQ(std::ranges::count(starts, a) + std::ranges::count(starts, b), 0);
  EXPECT_EQ(std::ranges::count(starts, later), 0) << "one of the two free nodes is the first component's";
  EXPECT_EQ(std::ranges::count(starts, small), 1) << "the other one is not needed before two hours have passed";
}

TEST_F(HetPlan, a_held_component_holds_the_job) {
  const JobId a = w.submit(job()), b = w.submit(job().at_priority(0)), other = w.submit(job());
  join({a, b});
  EXPECT_EQ(started(), std::vector{other});
}

TEST_F(HetPlan, one_beyond_its_partition_is_told) {
  const JobId a = w.submit(job()), b = w.submit(job().nodes(5));
  join({a, b});
  EXPECT_EQ(started(), std::vector<JobId>{});
  EXPECT_EQ(reason(b), JobReason::part_node_limit);
}

}  // namespace
}  // namespace flurm::sched::test
