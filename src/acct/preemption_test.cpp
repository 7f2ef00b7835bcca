// acct/preemption_test.cpp — the rules of preemption, one by one.
#include "acct/preemption.hpp"

#include <gtest/gtest.h>

#include "acct/policy.hpp"

namespace flurm::acct {
namespace {

using model::PreemptRule;
namespace mode = model::preempt_mode;

class Rules : public testing::Test {
 protected:
  Rules() {
    low_.priority_tier = 1;
    high_.priority_tier = 2;
    high_.qos = "part";
    for (std::uint32_t id : {1u, 2u, 3u, 4u})
      books_.qos.set(id, {.id = id, .name = id == 4 ? "part" : "q", .priority = id * 10});
    change(2, [](Qos& qos) { qos.preempt = {1}; });
    change(3, [](Qos& qos) { qos.preempt = {2}; });
    job_.start_time = TimeS{1000};
    job_.qos = 2;
  }
  void change(std::uint32_t id, void (*how)(Qos&)) {
    Qos qos = *books_.qos.find(id);
    how(qos);
    books_.qos.set(id, std::move(qos));
  }
  bool may(std::uint32_t waiting, std::uint32_t running) const {
    model::Job one, other;
    one.qos = waiting;
    other.qos = running;
    return may_preempt(rule_, books_, {&one, &low_, 1}, {&other, &low_, 1});
  }
  PreemptRule rule_{.by = PreemptRule::By::qos, .mode = mode::cancel};
  Books books_;
  model::Partition low_, high_;
  model::Job job_;
};

TEST_F(Rules, qos_preempt_those_of_their_list_and_no_further) {
  EXPECT_TRUE(may(2, 1));
  EXPECT_TRUE(may(3, 2));
  EXPECT_FALSE(may(3, 1));
  EXPECT_FALSE(may(1, 2));
  EXPECT_FALSE(may(2, 2));
  EXPECT_FALSE(may(2, 0)) << "it has no QOS";
  rule_.mode = mode::off;
  EXPECT_FALSE(may(2, 1));
}

TEST_F(Rules, how_a_job_goes) {
  EXPECT_EQ(preempt_mode_of(rule_, books_, job_, high_), mode::cancel);
  rule_.mode = mode::suspend | mode::gang;
  EXPECT_EQ(preempt_mode_of(rule_, books_, job_, high_), mode::suspend);
  change(2, [](Qos& qos) { qos.preempt_mode = mode::requeue | mode::within; });
  EXPECT_EQ(preempt_mode_of(rule_, books_, job_, high_), mode::requeue);
  high_.preempt_mode = mode::off;
  EXPECT_EQ(preempt_mode_of(rule_, books_, job_, high_), mode::requeue) << "QOS preempt, not partitions";
  rule_.by = PreemptRule::By::partition;
  EXPECT_EQ(preempt_mode_of(rule_, books_, job_, high_), mode::off);
  EXPECT_EQ(preempt_mode_of(rule_, books_, job_, low_), mode::suspend);
}

TEST_F(Rules, grace_is_the_qos_or_the_partitions) {
  change(2, [](Qos& qos) { qos.grace_time = 7; });
  low_.grace_time = 9;
  EXPECT_EQ(preempt_grace_s(rule_, books_, job_, low_), 7u);
  rule_.by = PreemptRule::By::partition;
  EXPECT_EQ(preempt_grace_s(rule_, books_, job_, low_), 9u);
}

TEST_F(Rules, the_exempt_time_is_the_partitions_qos_then_the_jobs_then_the_clusters) {
  const auto exempt_s = [&](const model::Partition& in) {
    return preemptable_from(rule_, books_, job_, in) - job_.start_time;
  };
  EXPECT_EQ(exempt_s(high_), 0);
  rule_.exempt_s = 60;
  EXPECT_EQ(exempt_s(high_), 60);
  rule_.exempt_s = kInfinite32;
  EXPECT_EQ(exempt_s(high_), 0);
  change(2, [](Qos& qos) { qos.preempt_exempt_time = 50; });
  EXPECT_EQ(exempt_s(high_), 50);
  change(4, [](Qos& qos) { qos.preempt_exempt_time = 40; });
  EXPECT_EQ(exempt_s(high_), 40);
  EXPECT_EQ(exempt_s(low_), 50);
  change(2, [](Qos& qos) { qos.flags = qos_flag::over_part_qos; });
  EXPECT_EQ(exempt_s(high_), 50);
}

TEST_F(Rules, who_goes_first_and_who_has_the_cores) {
  auto wide = std::make_shared<model::Allocation>();
  wide->shares.resize(3);
  job_.allocation = wide;
  EXPECT_EQ(preempt_order(rule_, books_, job_, low_), 20u << 16 | 3);
  EXPECT_EQ(preempt_tier(rule_, books_, job_, low_), 1u);
  job_.qos = 3;
  EXPECT_EQ(preempt_tier(rule_, books_, job_, low_), 2u);
  rule_.by = PreemptRule::By::partition;
  EXPECT_EQ(preempt_order(rule_, books_, job_, high_), 2u << 16 | 3);
  EXPECT_EQ(preempt_tier(rule_, books_, job_, high_), 2u);
}

}  // namespace
}  // namespace flurm::acct
