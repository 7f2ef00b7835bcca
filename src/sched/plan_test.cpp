// sched/plan_test.cpp — what starts, where, and what the others are told, in small scenarios.
#include "sched/plan.hpp"

#include <gtest/gtest.h>

#include "sched/world.hpp"

namespace flurm::sched::test {
namespace {

using model::JobReason;

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    w.nodes("n[1-4]", 2, 4, 1);
    w.partition("debug", "n[1-4]");
  }
  JobReason reason(JobId id) const { return w.view.pending.find(id.v)->reason; }
  World w;
};

TEST_F(PlanTest, FirstJobTakesTheFirstNodesCores) {
  w.submit(job().tasks(2));
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  const Placement& start = plan.starts[0];
  EXPECT_EQ(start.partition, "debug");
  ASSERT_EQ(start.shares.size(), 1u);
  EXPECT_EQ(start.shares[0].node, 0u);
  EXPECT_EQ(start.shares[0].cpus, 2);
  EXPECT_EQ(start.shares[0].memory_mib, 200u);
  EXPECT_EQ(start.shares[0].cores, std::vector<std::uint64_t>{0b00010001});  // one core of each socket
}

TEST_F(PlanTest, TheFirstThatDoesNotFitWaitsForResourcesTheOthersForPriority) {
  w.submit(job().nodes(4).exclusive());
  w.step();
  const JobId second = w.submit(job().tasks(8)), third = w.submit(job());
  w.step();
  EXPECT_EQ(reason(second), JobReason::resources);
  EXPECT_EQ(reason(third), JobReason::priority);
  EXPECT_TRUE(w.plan().waiting.empty()) << "nothing new to say";
}

TEST_F(PlanTest, PriorityComesBeforeSubmitOrder) {
  const JobId low = w.submit(job().nodes(4).exclusive());
  const JobId high = w.submit(job().nodes(4).exclusive().at_priority(2000));
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].job, high);
  EXPECT_EQ(reason(low), JobReason::resources);
}

TEST_F(PlanTest, ArrayTasksStartOneByOneUpToTheirLimit) {
  const JobId array = w.submit(job().tasks_of_array("1-100", 3));
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 3u);
  EXPECT_EQ(plan.starts[0].task, 1u);
  EXPECT_EQ(plan.starts[2].task, 3u);
  EXPECT_EQ(reason(array), JobReason::array_task_limit);
}

TEST_F(PlanTest, LicensesAreCounted) {
  w.submit(job().licenses("lica:6"));
  const JobId second = w.submit(job().licenses("lica:3"));
  w.step();
  EXPECT_EQ(reason(second), JobReason::licenses);
}

TEST_F(PlanTest, NodesThatAreDownAreNamed) {
  w.change_node("n2", [](model::Node& node) { node.base = model::NodeBase::down; });
  const JobId id = w.submit(job().on("n2"));
  w.step();
  EXPECT_EQ(reason(id), JobReason::node_not_avail);
  EXPECT_EQ(w.view.pending.find(id.v)->state_desc, "ReqNodeNotAvail, UnavailableNodes:n2");
}

TEST_F(PlanTest, BackfillStartsWhatEndsInTime) {
  w.submit(job().nodes(3).exclusive().minutes(60));
  w.step();
  const JobId wide = w.submit(job().nodes(4).exclusive());
  const JobId fits = w.submit(job().minutes(60)), too_long = w.submit(job().minutes(61));
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].job, fits);
  const model::Job& waits = *w.view.pending.find(wide.v);
  EXPECT_EQ(waits.start_time, w.now + 3600);
  EXPECT_EQ(waits.sched_nodes, "n[1-4]");
  EXPECT_EQ(w.view.pending.find(too_long.v)->start_time, w.now + 2 * 3600);
  EXPECT_EQ(reason(too_long), JobReason::priority);
}

TEST_F(PlanTest, WithoutBackfillTheQueueIsStrict) {
  w.view.settings.backfill = false;
  w.submit(job().nodes(3).exclusive());
  w.step();
  w.submit(job().nodes(4).exclusive());
  w.submit(job().minutes(1));
  EXPECT_TRUE(w.step().starts.empty());
}

TEST_F(PlanTest, AJobThatWaitsForItsNodesLeavesTheOthers) {
  w.submit(job().on("n1").exclusive());
  w.step();
  const JobId waits = w.submit(job().on("n1"));
  const JobId other = w.submit(job());
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].job, other);
  EXPECT_EQ(reason(waits), JobReason::resources);
}

TEST_F(PlanTest, NodesStayHeldWhileAJobIsCleanedUp) {
  const JobId first = w.submit(job().nodes(4).exclusive());
  w.step();
  auto completing = std::make_shared<model::Job>(*w.view.active.find(first.v));
  completing->state = {model::JobBase::complete, model::job_flag::completing};
  completing->completing_nodes = {1, 2};
  w.view.active.set(first.v, completing);
  w.submit(job().nodes(2).exclusive());
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].shares[0].node, 0u);
  EXPECT_EQ(plan.starts[0].shares[1].node, 3u);
}

TEST_F(PlanTest, TellsOfExpectedStartsOnlyWhenAsked) {
  w.submit(job().nodes(4).exclusive());
  w.step();
  w.limits.report_starts = false;
  w.submit(job());
  ASSERT_EQ(w.step().waiting.size(), 1u) << "the reason is news";
  EXPECT_TRUE(w.step().waiting.empty());
  w.limits.report_starts = true;
  const Plan plan = w.step();
  ASSERT_EQ(plan.waiting.size(), 1u);
  EXPECT_EQ(plan.waiting[0].expected_start, w.now + 3600);
}

TEST_F(PlanTest, ForecastIsThePlansAnswer) {
  w.submit(job().nodes(4).exclusive().minutes(30));
  w.step();
  model::Job asked;
  asked.id = {4000};
  asked.priority = 1;
  asked.partition = "debug";
  asked.time_limit = 10;
  asked.request = std::make_shared<const model::JobRequest>(job().tasks(3).request);
  const auto forecast = sched::forecast(w.view, w.limits, asked, w.now);
  ASSERT_TRUE(forecast);
  EXPECT_EQ(forecast->start, w.now + 1800);
  EXPECT_EQ(forecast->nodes, "n1");
  EXPECT_EQ(forecast->cpus, 3u);
}

TEST_F(PlanTest, LimitsOfAPartitionGiveSlurmsErrors) {
  model::Partition& debug = w.partition("small", "n[1-2]");
  debug.max_time = 90;
  debug.max_nodes = 1;
  debug.max_mem_per_cpu = 1000;
  const auto errc = [&](const JobSpec& spec) {
    const auto result = within_limits(w.view, spec.request, debug);
    return result ? Errc::success : result.error().code;
  };
  EXPECT_EQ(errc(job().tasks(8)), Errc::success);
  EXPECT_EQ(errc(job().tasks(33)), Errc::too_many_requested_cpus);
  EXPECT_EQ(errc(job().nodes(2)), Errc::invalid_node_count);
  EXPECT_EQ(errc(job().minutes(91)), Errc::invalid_time_limit);
  EXPECT_EQ(errc(job().on("n3")), Errc::requested_nodes_not_in_partition);
  EXPECT_EQ(errc(job().memory(1001)), Errc::invalid_task_memory);
  debug.state_up = model::partition_state::down;  // asks for nothing while it starts no jobs
  EXPECT_EQ(errc(job().minutes(91)), Errc::success);
}

TEST_F(PlanTest, PreferredFeaturesComeFirst) {
  for (const char* name : {"n3", "n4"})
    w.change_node(name, [](model::Node& node) { node.features_active = node.config.features = "fast"; });
  JobSpec wish = job().tasks(8);
  wish.request.prefer = "fast";
  for (const char* node : {"n3", "n4", "n1"}) {
    w.submit(wish);
    const Plan plan = w.step();
    ASSERT_EQ(plan.starts.size(), 1u) << node;
    EXPECT_EQ(w.view.nodes.find(plan.starts[0].shares[0].node)->config.name, node);
    EXPECT_EQ(plan.starts[0].preferred, std::string(node) != "n1");
  }
  wish.request.num_tasks = wish.request.min_cpus = 20;
  const model::Partition& debug = *w.view.partitions[0];
  EXPECT_EQ(can_ever_run(w.view, wish.request, debug).error().code, Errc::requested_node_config_unavailable)
      << "16 CPUs have the feature";
  w.view.settings.ignore_prefer_validation = true;
  EXPECT_TRUE(can_ever_run(w.view, wish.request, debug));
  wish.request.prefer = "none";
  EXPECT_EQ(can_ever_run(w.view, wish.request, debug).error().code, Errc::invalid_prefer);
}

/// What sched::can_ever_run() lets pass may break a limit: the job waits, and this says why.
TEST_F(PlanTest, AJobOverALimitWaits) {
  model::Partition& debug = *std::const_pointer_cast<model::Partition>(w.view.partitions[0]);
  debug.max_time = 90;
  debug.max_mem_per_cpu = 1000;
  const auto reason = [&](JobSpec spec) {
    const JobId id = w.submit(std::move(spec));
    w.step();
    return w.view.pending.find(id.v)->reason;
  };
  EXPECT_EQ(reason(job().tasks(33)), model::JobReason::part_config);
  EXPECT_EQ(reason(job().nodes(5)), model::JobReason::part_node_limit);
  EXPECT_EQ(reason(job().minutes(91)), model::JobReason::part_time_limit);
  EXPECT_EQ(reason(job().memory(1001)), model::JobReason::memory_limit);
}

TEST_F(PlanTest, CanEverRunGivesSlurmsErrors) {
  const model::Partition& debug = *w.view.partitions[0];
  const auto errc = [&](const JobSpec& spec) {
    const auto result = can_ever_run(w.view, spec.request, debug);
    return result ? Errc::success : result.error().code;
  };
  EXPECT_EQ(errc(job().tasks(32)), Errc::success);
  EXPECT_EQ(errc(job().nodes(5)), Errc::requested_node_config_unavailable);
  EXPECT_EQ(errc(job().memory(9000)), Errc::requested_node_config_unavailable);
  EXPECT_EQ(errc(job().with("nosuch")), Errc::invalid_feature);
  EXPECT_EQ(errc(job().on("n9")), Errc::invalid_node_name);
  EXPECT_EQ(errc(job().licenses("lica:9")), Errc::invalid_licenses);
}

TEST_F(PlanTest, CanEverRunSaysWhatNodesLack) {
  const model::Partition& debug = *w.view.partitions[0];
  const auto words = [&](const JobSpec& spec) {
    const auto result = can_ever_run(w.view, spec.request, debug);
    return result ? "nothing" : result.error().text;
  };
  EXPECT_EQ(words(job().cpus_per_task(9)), "CPU count per node can not be satisfied");
  EXPECT_EQ(words(job().memory(8001)), "Memory specification can not be satisfied");
  EXPECT_EQ(words(job().cpus_per_task(9).memory(8001)), "CPU count per node can not be satisfied");
  EXPECT_EQ(words(job().nodes(5)), "") << "each node is good, only they are too few";
  w.add_node("n9", 2, 16, 1).config.real_memory = 500;
  w.partition("mixed", "n[1,9]");
  const auto mixed = can_ever_run(w.view, job().cpus_per_task(9).memory(501).request, *w.view.partitions[1]);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().text, "Memory specification can not be satisfied") << "the last node configured decides";
}

TEST(Plan, cores_left_to_the_system_are_nobodys) {
  World w;
  w.nodes("n[1-2]", 2, 2, 1);
  w.partition("debug", "n[1-2]");
  const auto with_spec = [](std::uint16_t cores) {
    JobSpec spec = job().nodes(1);
    spec.request.core_spec = cores;
    return spec;
  };
  const JobId one = w.submit(with_spec(1)), none = w.submit(with_spec(0)), third = w.submit(job().nodes(1));
  w.step();
  const auto& first = w.view.active.find(one.v)->allocation->shares.at(0);
  EXPECT_EQ(first.cores.at(0), 0b0111u);
  EXPECT_EQ(first.cpus, 4);
  EXPECT_EQ(first.memory_mib, 300u) << "for the CPUs it can use";
  EXPECT_EQ(w.view.active.find(none.v)->allocation->shares.at(0).cores.at(0), 0b1111u);
  EXPECT_TRUE(w.view.pending.find(third.v)) << "such jobs have their nodes alone";
  EXPECT_FALSE(can_ever_run(w.view, with_spec(4).request, *w.view.partitions.front()));
  EXPECT_TRUE(can_ever_run(w.view, with_spec(3).request, *w.view.partitions.front()));
}

}  // namespace
}  // namespace flurm::sched::test
