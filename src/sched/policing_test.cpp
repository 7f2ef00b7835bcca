// sched/policing_test.cpp — limits of accounting in whole passes.
#include <gtest/gtest.h>

#include "acct/limit_reason.hpp"
#include "acct/policy.hpp"
#include "sched/world.hpp"

namespace flurm::sched::test {
namespace {

using model::JobReason;

class PolicingTest : public testing::Test {
 protected:
  PolicingTest() {
    w.nodes("n[1-4]", 2, 4, 1);
    w.partition("debug", "n[1-4]");
    w.view.settings.enforce = model::enforce_flag::assocs | model::enforce_flag::limits;
    books.set_assoc({.id = 1, .cluster = "c", .account = "root"});
    books.set_assoc({.id = 2, .cluster = "c", .account = "lab", .parent_id = 1});
    books.set_assoc({.id = 3, .cluster = "c", .account = "lab", .user = "ann", .parent_id = 2});
    books.set_assoc({.id = 4, .cluster = "c", .account = "lab", .user = "bob", .parent_id = 2});
    books.qos.set(1, {.id = 1, .name = "normal"});
    for (std::uint32_t id : {1u, 2u, 4u, 5u}) books.tres.set(id, {.id = id});
    keep();
  }
  void keep() { w.view.books = std::make_shared<const acct::Books>(books); }
  void limit(std::uint32_t id, void (*change)(acct::AssocLimits&)) {
    acct::Assoc changed = *books.assocs().find(id);
    change(changed.limits);
    books.set_assoc(std::move(changed));
    keep();
  }
  JobId submit(std::uint32_t assoc, JobSpec spec) {
    spec.request.user_id = assoc;
    const JobId id = w.submit(std::move(spec));
    auto job = std::make_shared<model::Job>(*w.view.pending.find(id.v));
    job->assoc = assoc;
    job->qos = 1;
    w.view.pending.set(id.v, job);
    return id;
  }
  std::uint32_t reason(JobId id) const { return static_cast<std::uint32_t>(w.view.pending.find(id.v)->reason); }

  World w;
  acct::Books books;
};

TEST_F(PolicingTest, a_pass_counts_what_it_starts) {
  limit(2, [](acct::AssocLimits& l) { l.grp_jobs = 3; });
  const JobId array = submit(3, job().tasks_of_array("1-10"));
  EXPECT_EQ(w.step().starts.size(), 3u);
  EXPECT_EQ(reason(array), acct::reason_assoc_grp_jobs);
  EXPECT_TRUE(w.step().starts.empty()) << "they run";
}

TEST_F(PolicingTest, below_the_threshold_of_priority_a_job_keeps_nobody_waiting) {
  w.view.settings.backfill = false;
  submit(4, job().nodes(4).exclusive());
  w.step();
  w.view.active.for_each([&](std::uint64_t, const auto& one) {
    auto half = std::make_shared<model::Job>(*one);
    auto allocation = std::make_shared<model::Allocation>(*one->allocation);
    allocation->shares.resize(2);
    half->allocation = allocation;
    w.view.active.set(half->id.v, half);
    return false;
  });
  const JobId wide = submit(3, job().nodes(3).exclusive().at_priority(1500));
  const JobId small = submit(4, job().nodes(1).exclusive());
  limit(3, [](acct::AssocLimits& l) { l.min_prio_thresh = 1500; });
  EXPECT_TRUE(w.plan().starts.empty()) << "at the threshold others wait behind it";
  limit(3, [](acct::AssocLimits& l) { l.min_prio_thresh = 1501; });
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].job, small);
  (void)wide;
}

TEST_F(PolicingTest, a_limit_narrows_a_range_of_nodes) {
  limit(2, [](acct::AssocLimits& l) { l.grp_tres = {{acct::tres_node, 2}}; });
  submit(3, job().nodes(1, 4).exclusive());
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].shares.size(), 2u);
  const JobId wide = submit(3, job().nodes(3, 4));
  w.step();
  EXPECT_EQ(reason(wide), acct::limit_reason(acct::TresLimit::assoc_grp, acct::tres_node, "node"));
}

TEST_F(PolicingTest, a_qos_may_ask_for_a_fair_share) {
  books.qos.set(
      1,
      {.id = 1, .name = "normal", .flags = acct::qos_flag::enforce_usage_thres, .usage_factor = 1, .usage_thres = 2});
  keep();
  const JobId id = submit(3, job());
  EXPECT_TRUE(w.step().starts.empty()) << "nobody has twice his share";
  EXPECT_EQ(reason(id), static_cast<std::uint32_t>(JobReason::qos_usage_threshold));
  books.qos.set(1, {.id = 1, .name = "normal", .flags = acct::qos_flag::enforce_usage_thres, .usage_thres = 0});
  keep();
  EXPECT_EQ(w.step().starts.size(), 1u);
}

TEST_F(PolicingTest, one_that_is_over_its_limit_holds_nobody_back) {
  limit(3, [](acct::AssocLimits& l) { l.max_tres_pj = {{1, 4}}; });
  const JobId big = submit(3, job().tasks(8).at_priority(2000));
  const JobId other = submit(4, job().tasks(8));
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].job, other);
  EXPECT_EQ(reason(big), acct::limit_reason(acct::TresLimit::assoc_max_job, 1, "cpu"));
}

TEST_F(PolicingTest, backfill_does_not_overstep_a_limit) {
  limit(4, [](acct::AssocLimits& l) { l.max_jobs = 1; });
  submit(3, job().nodes(3).exclusive().minutes(100));
  w.step();
  submit(3, job().nodes(4).exclusive().at_priority(2000));
  const JobId first = submit(4, job().minutes(5)), second = submit(4, job().minutes(5));
  const Plan plan = w.step();
  ASSERT_EQ(plan.starts.size(), 1u);
  EXPECT_EQ(plan.starts[0].job, first);
  EXPECT_EQ(reason(second), acct::reason_assoc_max_jobs);
}

TEST_F(PolicingTest, a_qos_may_free_a_job_of_the_partitions_time_limit) {
  auto partition = std::make_shared<model::Partition>(*w.view.partitions.front());
  partition->max_time = 30;
  w.view.partitions = {partition};
  const JobId id = submit(3, job().minutes(60));
  w.step();
  EXPECT_EQ(reason(id), static_cast<std::uint32_t>(JobReason::part_time_limit));
  books.qos.set(1, {.id = 1, .name = "normal", .flags = acct::qos_flag::part_time_limit});
  keep();
  EXPECT_EQ(w.step().starts.size(), 1u);
}

TEST_F(PolicingTest, accounts_that_a_partition_does_not_take_wait) {
  auto partition = std::make_shared<model::Partition>(*w.view.partitions.front());
  partition->deny_accounts = "lab";
  w.view.partitions = {partition};
  const JobId id = submit(3, job());
  w.step();
  EXPECT_EQ(reason(id), static_cast<std::uint32_t>(JobReason::account));
  EXPECT_EQ(w.view.pending.find(id.v)->state_desc,
            "Job's account not permitted to use this partition (debug denies lab including lab)");
  EXPECT_TRUE(w.step().waiting.empty()) << "said once";
}

TEST_F(PolicingTest, without_enforcement_nothing_is_in_the_way) {
  limit(2, [](acct::AssocLimits& l) { l.grp_jobs = 0; });
  w.view.settings.enforce = 0;
  submit(3, job());
  EXPECT_EQ(w.step().starts.size(), 1u);
}

}  // namespace
}  // namespace flurm::sched::test
