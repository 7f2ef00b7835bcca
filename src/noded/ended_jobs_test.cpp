// noded/ended_jobs_test.cpp — late launches are refused, new runs are not, and a restart forgets nothing.
#include "noded/ended_jobs.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "gtest/gtest.h"

namespace flurm::noded {
namespace {

constexpr TimeS t(std::int64_t seconds) { return TimeS{1'000'000 + seconds}; }

TEST(EndedJobs, late_and_new_launches) {
  EndedJobs ended("", t(0));
  EXPECT_FALSE(ended.refuses(7, 0, TimeS{}, t(0)));
  ended.ordered(7, 0, TimeS{}, t(10), t(11));
  EXPECT_TRUE(ended.refuses(7, 0, TimeS{}, t(5)));
  EXPECT_TRUE(ended.refuses(7, 0, TimeS{}, t(10)));
  EXPECT_FALSE(ended.refuses(7, 1, TimeS{}, t(10))) << "requeued within the same second";
  EXPECT_FALSE(ended.refuses(7, 0, TimeS{}, t(11))) << "job ids counted anew";
  EXPECT_TRUE(ended.was_here(7, 0));
  EXPECT_FALSE(ended.was_here(7, 1));
}

TEST(EndedJobs, order_before_the_launch) {
  EndedJobs ended("", t(0));
  ended.ordered(7, kNoVal32, TimeS{}, t(10), t(11));
  EXPECT_TRUE(ended.refuses(7, 3, TimeS{}, t(10)));
  EXPECT_FALSE(ended.refuses(7, 3, TimeS{}, t(11)));
  EXPECT_FALSE(ended.was_here(7, 3));
}

TEST(EndedJobs, starts_count_more_than_clocks) {
  EndedJobs ended("", t(0));
  ended.ordered(7, kNoVal32, t(100), t(90), t(90));
  EXPECT_TRUE(ended.refuses(7, 0, t(99), t(500))) << "an earlier run, from a controller whose clock is ahead";
  EXPECT_TRUE(ended.refuses(7, 0, t(100), t(90))) << "this run";
  EXPECT_FALSE(ended.refuses(7, 1, t(101), t(10))) << "a later run, from a controller whose clock is behind";
  ended.carried_out(7, kNoVal32, t(90));
  ended.ordered(7, kNoVal32, t(200), t(91), t(91));
  EXPECT_TRUE(ended.refuses(7, 1, t(150), t(500))) << "the order is about a later run than the one before";
}

TEST(EndedJobs, repeated_order_keeps_what_was_done) {
  EndedJobs ended("", t(0));
  ended.ordered(7, 2, TimeS{}, t(10), t(10));
  EXPECT_FALSE(ended.carried_out(7));
  ended.carried_out(7, 256, t(12));
  ended.ordered(7, kNoVal32, TimeS{}, t(20), t(20));
  EXPECT_TRUE(ended.carried_out(7));
  EXPECT_TRUE(ended.was_here(7, 2));
}

TEST(EndedJobs, survives_a_restart_and_a_torn_line) {
  char path[] = "/tmp/flurm_ended_XXXXXX";
  close(mkstemp(path));
  {
    EndedJobs ended(path, t(0));
    ended.ordered(7, 1, TimeS{}, t(10), t(10));
    ended.carried_out(7, 256, t(11));
    ended.ordered(8, kNoVal32, TimeS{}, t(12), t(12));
    std::ofstream(path, std::ios::app) << "9 0 10001";
  }
  EndedJobs again(path, t(13));
  EXPECT_TRUE(again.carried_out(7));
  EXPECT_TRUE(again.was_here(7, 1));
  EXPECT_EQ(again.wait_status(7), 256u);
  EXPECT_EQ(again.wait_status(8), kNoVal32);
  EXPECT_TRUE(again.refuses(8, 0, TimeS{}, t(12)));
  EXPECT_FALSE(again.refuses(9, 0, TimeS{}, t(0)));
  EndedJobs much_later(path, t(EndedJobs::kSpanS + 100));
  EXPECT_FALSE(much_later.carried_out(7));
  unlink(path);
}

}  // namespace
}  // namespace flurm::noded
