// sched/preemption_test.cpp — who gives way to whom when a job does not fit, in small clusters with a known outcome.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "sched/plan.hpp"
#include "sched/world.hpp"

namespace flurm::sched::test {
namespace {

using model::JobReason;
using model::PreemptRule;
namespace mode = model::preempt_mode;

std::vector<JobId> preempted(const Plan& plan) {
  std::vector<JobId> out;
  for (const Preempted& each : plan.preempted) out.push_back(each.job);
  return out;
}

std::vector<JobId> started(const Plan& plan) {
  std::vector<JobId> out;
  for (const Placement& each : plan.starts) out.push_back(each.job);
  return out;
}

using Ids = std::vector<JobId>;

class PreemptionTest : public testing::Test {
 protected:
  PreemptionTest() {
    w.nodes("n[1-4]", 1, 4, 1);
    w.view.settings.preempt.by = PreemptRule::By::partition;
    w.view.settings.preempt.mode = mode::cancel;
    w.view.settings.kill_wait_s = 30;
    w.partition("debug", "n[1-4]");
    w.partition("high", "n[1-4]").priority_tier = 10;
  }
  JobReason reason(JobId id) const { return w.view.pending.find(id.v)->reason; }
  template <class F>
  void change(JobId id, F change) {
    auto job = std::make_shared<model::Job>(*w.view.active.find(id.v));
    change(*job);
    w.view.active.set(id.v, job);
  }
  /// It has been told to go, and is still there.
  void clean_up(JobId id) {
    change(id, [&](model::Job& job) {
      job.state = {model::JobBase::preempted, model::job_flag::completing};
      job.end_time = job.preempt_time = w.now;
      for (const model::NodeShare& share : job.allocation->shares) job.completing_nodes.push_back(share.node);
    });
  }
  JobId run(JobSpec spec) {
    const JobId id = w.submit(std::move(spec));
    EXPECT_EQ(started(w.step()), Ids{id});
    return id;
  }
  World w;
};

TEST_F(PreemptionTest, a_higher_tier_preempts_a_lower_one_and_waits_for_its_nodes) {
  const JobId low = run(job().nodes(4).exclusive());
  const JobId high = w.submit(job().in("high").tasks(4));
  const Plan plan = w.step();
  EXPECT_TRUE(plan.starts.empty());
  ASSERT_EQ(plan.preempted.size(), 1u);
  EXPECT_EQ(plan.preempted[0], (Preempted{low, high, "high"}));
  EXPECT_EQ(reason(high), JobReason::resources);

  clean_up(low);
  EXPECT_TRUE(w.step().preempted.empty()) << "it goes already";
  w.finish(low);
  EXPECT_EQ(started(w.step()), Ids{high});
}

TEST_F(PreemptionTest, nobody_is_preempted_where_there_is_room) {
  run(job().nodes(3).exclusive());
  const JobId high = w.submit(job().in("high").tasks(4));
  const Plan plan = w.step();
  EXPECT_TRUE(plan.preempted.empty());
  EXPECT_EQ(started(plan), Ids{high});
}

TEST_F(PreemptionTest, nor_within_one_tier_nor_with_mode_off) {
  run(job().nodes(4).exclusive());
  w.submit(job().tasks(4).at_priority(9000));
  EXPECT_TRUE(w.step().preempted.empty());
  w.submit(job().in("high").tasks(4));
  for (auto& partition : w.view.partitions) {
    auto changed = std::make_shared<model::Partition>(*partition);
    changed->preempt_mode = mode::off;
    partition = changed;
  }
  EXPECT_TRUE(w.step().preempted.empty());
}

TEST_F(PreemptionTest, small_jobs_of_low_tiers_go_first_and_only_as_many_as_needed) {
  w.partition("middle", "n[1-4]").priority_tier = 5;
  run(job().in("middle").on("n1").exclusive());
  const JobId wide = run(job().nodes(2).exclusive());
  const JobId small = run(job().exclusive());
  const JobId narrow = w.submit(job().in("high").tasks(4));
  EXPECT_EQ(preempted(w.plan()), Ids{small});
  w.view.pending.erase(narrow.v);
  w.submit(job().in("high").nodes(3));
  EXPECT_EQ(preempted(w.plan()), (Ids{small, wide}));
}

TEST_F(PreemptionTest, those_whose_nodes_are_of_no_use_stay) {
  const JobId first = run(job().on("n1").exclusive()), third = run(job().on("n3").exclusive());
  run(job().nodes(2).exclusive());
  w.submit(job().in("high").on("n3"));
  EXPECT_EQ(preempted(w.plan()), Ids{third});
  w.view.settings.preempt.strict_order = true;
  EXPECT_EQ(preempted(w.plan()), Ids{third});
  (void)first;
}

TEST_F(PreemptionTest, the_youngest_go_first_when_asked) {
  const JobId old = run(job().exclusive());
  w.now = w.now + 100;
  const JobId young = run(job().nodes(3).exclusive());
  w.submit(job().in("high").tasks(4));
  EXPECT_EQ(preempted(w.plan()), Ids{old});
  w.view.settings.preempt.youngest_first = true;
  EXPECT_EQ(preempted(w.plan()), Ids{young});
}

TEST_F(PreemptionTest, who_runs_for_less_than_the_exempt_time_stays) {
  w.view.settings.preempt.exempt_s = 60;
  const JobId low = run(job().nodes(4).exclusive());
  w.submit(job().in("high").tasks(4));
  w.now = w.now + 59;
  EXPECT_TRUE(w.step().preempted.empty());
  w.now = w.now + 1;
  EXPECT_EQ(preempted(w.step()), Ids{low});
}

TEST_F(PreemptionTest, a_job_in_its_grace_time_is_waited_for_and_a_stuck_one_is_not) {
  const JobId one = run(job().nodes(2).exclusive()), two = run(job().nodes(2).exclusive());
  const JobId high = w.submit(job().in("high").nodes(2));
  EXPECT_EQ(preempted(w.step()), Ids{one});
  change(one, [&](model::Job& job) {
    job.preempt_time = w.now;
    job.end_time = w.now + 200;
  });
  EXPECT_TRUE(w.step().preempted.empty());
  EXPECT_EQ(w.view.pending.find(high.v)->start_time, w.now + 200);
  w.now = w.now + 1000;
  EXPECT_EQ(preempted(w.step()), Ids{two});
}

TEST_F(PreemptionTest, the_place_that_a_job_waits_for_is_nobody_elses) {
  const JobId low = run(job().nodes(4).exclusive());
  w.submit(job().in("high").nodes(2).exclusive());
  EXPECT_EQ(preempted(w.step()), Ids{low});
  clean_up(low);
  const JobId other = w.submit(job().nodes(4).exclusive());
  EXPECT_TRUE(w.step().starts.empty());
  w.finish(low);
  const JobId small = w.submit(job().nodes(2).minutes(10));
  const Plan plan = w.step();
  EXPECT_EQ(plan.starts.size(), 2u) << "the rest is free for those that fit";
  EXPECT_EQ(reason(other), JobReason::resources);
  (void)small;
}

TEST_F(PreemptionTest, two_jobs_do_not_count_on_the_same_place) {
  const JobId one = run(job().nodes(2).exclusive()), two = run(job().nodes(2).exclusive());
  w.submit(job().in("high").nodes(2).exclusive());
  w.submit(job().in("high").nodes(2).exclusive());
  EXPECT_EQ(preempted(w.step()), (Ids{one, two}));
}

TEST_F(PreemptionTest, each_task_of_an_array_may_preempt) {
  const JobId one = run(job().nodes(2).exclusive()), two = run(job().nodes(2).exclusive());
  w.submit(job().in("high").nodes(2).exclusive().tasks_of_array("1-3"));
  EXPECT_EQ(preempted(w.step()), (Ids{one, two}));
}

TEST_F(PreemptionTest, a_heterogeneous_job_goes_as_a_whole_or_stays) {
  const JobId one = run(job().nodes(2).exclusive()), two = run(job().nodes(2).exclusive());
  for (JobId id : {one, two})
    change(id, [&](model::Job& job) {
      job.het.emplace();
      job.het->offset = id == two;
      job.het->components = {one, two};
    });
  w.submit(job().in("high").on("n4"));
  EXPECT_EQ(preempted(w.plan()), Ids{one});
  change(two, [](model::Job& job) { job.partition = "high"; });
  EXPECT_TRUE(w.plan().preempted.empty());
}

TEST_F(PreemptionTest, a_job_starts_at_once_over_one_that_is_suspended_if_there_is_memory) {
  w.view.settings.preempt.mode = mode::suspend | mode::gang;
  const JobId low = run(job().nodes(4).tasks(16).memory(4000));
  const JobId big = w.submit(job().in("high").tasks(4).memory(5000));
  EXPECT_TRUE(w.step().starts.empty()) << "what is suspended keeps its memory";
  w.view.pending.erase(big.v);
  const JobId high = w.submit(job().in("high").tasks(4).memory(4000));
  const Plan plan = w.step();
  EXPECT_EQ(started(plan), Ids{high});
  EXPECT_TRUE(plan.preempted.empty());
  const JobId same = w.submit(job().in("high").tasks(16).memory(100));
  EXPECT_TRUE(w.step().starts.empty()) << "not over one of its own tier";
  (void)low, (void)same;
}

TEST_F(PreemptionTest, backfill_preempts_where_it_delays_nobody) {
  w.partition("safe", "n4").preempt_mode = mode::off;
  w.view.settings.preempt.mode = mode::cancel;
  run(job().in("safe").on("n4").exclusive().minutes(60));
  const JobId low = run(job().on("n1").exclusive());
  run(job().on("n[2-3]").nodes(2).exclusive());
  const JobId wide = w.submit(job().in("high").nodes(4).exclusive().at_priority(2000));
  const JobId longer = w.submit(job().in("high").on("n1").minutes(61).at_priority(1500));
  Plan plan = w.step();
  EXPECT_TRUE(plan.preempted.empty());
  EXPECT_EQ(reason(wide), JobReason::resources);
  const JobId brief = w.submit(job().in("high").on("n1").minutes(60));
  plan = w.step();
  ASSERT_EQ(preempted(plan), Ids{low});
  EXPECT_EQ(plan.preempted[0].preemptor, brief);
  (void)longer;
}

TEST_F(PreemptionTest, a_forecast_tells_who_would_give_way) {
  const JobId low = run(job().nodes(4).exclusive());
  model::Job wish;
  wish.id = {77};
  wish.priority = 1;
  wish.partition = "high";
  wish.request = std::make_shared<const model::JobRequest>(job().tasks(4).request);
  wish.time_limit = 10;
  const auto forecast = sched::forecast(w.view, w.limits, wish, w.now);
  ASSERT_TRUE(forecast) << forecast.error().text;
  EXPECT_EQ(forecast->preempted, Ids{low});
  EXPECT_EQ(forecast->start, w.now);
  wish.partition = "debug";
  EXPECT_TRUE(sched::forecast(w.view, w.limits, wish, w.now)->preempted.empty());
}

TEST_F(PreemptionTest, a_heterogeneous_job_preempts_for_all_of_its_components_or_for_none) {
  const JobId one = run(job().nodes(2).exclusive()), two = run(job().nodes(2).exclusive());
  const JobId first = w.submit(job().in("high").nodes(1)), second = w.submit(job().in("high").nodes(3));
  const auto join = [&](const char* of_second) {
    for (JobId id : {first, second}) {
      auto part = std::make_shared<model::Job>(*w.view.pending.find(id.v));
      part->het.emplace();
      part->het->offset = id == second;
      part->het->components = {first, second};
      if (id == second) part->partition = of_second;
      w.view.pending.set(id.v, part);
    }
  };
  join("debug");
  EXPECT_TRUE(w.plan().preempted.empty()) << "one component may not";
  join("high");
  EXPECT_EQ(preempted(w.step()), (Ids{one, two}));
  clean_up(one);
  clean_up(two);
  EXPECT_TRUE(w.step().preempted.empty());
  w.finish(one);
  w.finish(two);
  EXPECT_EQ(started(w.step()).size(), 2u);
}

/// Whoever comes: only lower tiers give way, hardly ever in vain, and no core is given twice. In vain it is where a job
/// further up gets, when all have gone, another place than the one that it would have got: choosing nodes is greedy.
TEST_F(PreemptionTest, what_is_preempted_is_used) {
  w.view.settings.backfill = false;
  w.partition("safe", "n[1-4]").preempt_mode = mode::off;
  std::mt19937 random(11);
  int preemptions = 0, in_vain = 0;
  for (int round = 0; round < 2000; ++round) {
    for (unsigned i = random() % 4; i > 0; --i) {
      JobSpec spec = job().in(std::vector{"debug", "debug", "safe", "high"}[random() % 4]);
      spec.priority = 100 + random() % 5;
      spec.request.time_limit = 10 + random() % 100;
      if (random() % 2) std::move(spec).nodes(1 + random() % 3);
      if (random() % 2) std::move(spec).tasks(1 + random() % 6);
      if (random() % 4 == 0) std::move(spec).exclusive();
      if (random() % 4 == 0) std::move(spec).memory(1000 * (1 + random() % 7));
      w.submit(std::move(spec));
    }
    const Plan plan = w.step();
    std::set<JobId> preemptors;
    for (const Preempted& each : plan.preempted) {
      ++preemptions;
      preemptors.insert(each.preemptor);
      EXPECT_EQ(w.view.active.find(each.job.v)->partition, "debug");
      EXPECT_EQ(each.partition, "high");
      clean_up(each.job);
    }
    EXPECT_TRUE(w.step().preempted.empty()) << "round " << round << ": they are enough";
    for (const Preempted& each : plan.preempted) w.finish(each.job);
    const Ids now = started(w.step());
    for (JobId each : preemptors) in_vain += std::ranges::find(now, each) == now.end();

    std::map<model::NodeId, std::uint64_t> cores;
    std::vector<JobId> ended;
    w.view.active.for_each([&](std::uint64_t, const auto& running) {
      for (const model::NodeShare& share : running->allocation->shares) {
        EXPECT_EQ(cores[share.node] & share.cores[0], 0u);
        cores[share.node] |= share.cores[0];
      }
      if (random() % 5 == 0) ended.push_back(running->id);
      return true;
    });
    for (JobId each : ended) w.finish(each);
    if (w.view.pending.size() > 6) w.view.pending = {};
    w.now = w.now + 60;
    if (HasFailure()) break;
  }
  EXPECT_GT(preemptions, 100);
  EXPECT_LT(in_vain * 50, preemptions);
}

class QosPreemptionTest : public PreemptionTest {
 protected:
  QosPreemptionTest() {
    w.view.settings.preempt.by = PreemptRule::By::qos;
    acct::Books books;
    books.qos.set(1, {.id = 1, .name = "normal"});
    books.qos.set(2, {.id = 2, .name = "low"});
    books.qos.set(3, {.id = 3, .name = "high", .preempt = {2}});
    w.view.books = std::make_shared<const acct::Books>(std::move(books));
  }
  JobId submit(JobSpec spec, std::uint32_t qos) {
    const JobId id = w.submit(std::move(spec));
    auto job = std::make_shared<model::Job>(*w.view.pending.find(id.v));
    job->qos = qos;
    w.view.pending.set(id.v, job);
    return id;
  }
};

TEST_F(QosPreemptionTest, a_qos_preempts_those_in_its_list) {
  const JobId normal = submit(job().nodes(2).exclusive(), 1), low = submit(job().nodes(2).exclusive(), 2);
  EXPECT_EQ(started(w.step()), (Ids{normal, low}));
  const JobId high = submit(job().nodes(2).exclusive().at_priority(1), 3);
  const Plan plan = w.step();
  EXPECT_EQ(preempted(plan), Ids{low});
  clean_up(low);
  w.finish(low);
  EXPECT_EQ(started(w.step()), Ids{high});
}

TEST_F(QosPreemptionTest, it_goes_before_them_in_the_queue_and_not_before_others) {
  submit(job().nodes(4).exclusive(), 2);
  w.step();
  const JobId normal = submit(job().nodes(2).at_priority(500), 1), low = submit(job().nodes(2).at_priority(400), 2);
  const JobId high = submit(job().nodes(2).at_priority(10), 3);
  w.view.active.for_each([&](std::uint64_t id, const auto&) {
    w.finish({static_cast<std::uint32_t>(id)});
    return false;
  });
  EXPECT_EQ(started(w.step()), (Ids{normal, high, low}));
}

TEST_F(QosPreemptionTest, within_one_qos_by_priority) {
  const JobId low = submit(job().nodes(4).exclusive().at_priority(100), 1);
  w.step();
  submit(job().nodes(2).exclusive().at_priority(200), 1);
  EXPECT_TRUE(w.plan().preempted.empty());
  w.view.settings.preempt.mode = mode::cancel | mode::within;
  EXPECT_EQ(preempted(w.plan()), Ids{low});
  submit(job().nodes(2).exclusive().at_priority(50), 1);
  EXPECT_EQ(preempted(w.plan()), Ids{low});
}

}  // namespace
}  // namespace flurm::sched::test
