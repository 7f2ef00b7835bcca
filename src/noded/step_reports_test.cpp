// noded/step_reports_test.cpp — the tree over a step's nodes, and reports put together.
#include "noded/step_reports.hpp"

#include <gtest/gtest.h>

#include "noded/step_accounting.hpp"

namespace flurm::noded {
namespace {

TEST(StepTree, small_steps_have_none) {
  for (std::uint32_t rank = 0; rank < 6; ++rank) EXPECT_EQ(tree_place(rank, 6), TreePlace{});
}

TEST(StepTree, as_slurms) {
  // From a run of slurm 22.05's reverse_tree_info() with width 7.
  EXPECT_EQ(tree_place(0, 7), (TreePlace{std::nullopt, 6}));
  EXPECT_EQ(tree_place(6, 7), (TreePlace{0, 0}));
  EXPECT_EQ(tree_place(1, 64), (TreePlace{0, 56}));
  EXPECT_EQ(tree_place(58, 64), (TreePlace{0, 5}));
  EXPECT_EQ(tree_place(9, 64), (TreePlace{2, 0}));
}

TEST(StepTree, all_ranks_below_a_node_lead_to_it) {
  for (const std::uint32_t count : {7u, 8u, 9u, 57u, 58u, 64u, 400u, 401u, 1000u}) {
    std::vector<std::uint32_t> below(count, 0);
    for (std::uint32_t rank = 1; rank < count; ++rank)
      for (auto up = tree_place(rank, count).parent; up; up = tree_place(*up, count).parent) {
        ++below[*up];
        ASSERT_LT(*up, rank);
        ASSERT_LE(rank, *up + tree_place(*up, count).below) << rank << " of " << count;
      }
    for (std::uint32_t rank = 0; rank < count; ++rank)
      ASSERT_EQ(below[rank], tree_place(rank, count).below) << rank << " of " << count;
  }
}

TEST(StepTree, names) {
  EXPECT_EQ(node_above("n[0-7]", 0), "");
  EXPECT_EQ(node_above("n[0-7]", 5), "n0");
  EXPECT_EQ(node_above("n[0-5]", 5), "");
}

wire::StepComplete report(std::uint32_t first, std::uint32_t last, std::uint32_t rc = 0, std::uint64_t rss = 10) {
  exec::StepState state;
  state.node_rank = first;
  state.usage.rss_max_bytes = rss;
  state.usage.user_us = 600'000;
  wire::StepComplete report;
  report.range_first = first;
  report.range_last = last;
  report.step_rc = rc;
  report.jobacct = step_accounting(state);
  return report;
}

TEST(StepReports, neighbours_become_one) {
  const auto merged = merge_reports({report(3, 3, 256, 30), report(1, 2, 0, 20), report(0, 0, 9, 10)});
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(merged[0].range_first, 0u);
  EXPECT_EQ(merged[0].range_last, 3u);
  EXPECT_EQ(merged[0].step_rc, 256u);
  const wire::JobAcctInfo& acct = *merged[0].jobacct;
  EXPECT_EQ(acct.user_cpu_sec, 1u);
  EXPECT_EQ(acct.user_cpu_usec, 800'000u);
  EXPECT_EQ(acct.tres_usage_in_max[1], 30u);
  EXPECT_EQ(acct.tres_usage_in_max_nodeid[1], 3u);
  EXPECT_EQ(acct.tres_usage_in_min[1], 10u);
  EXPECT_EQ(acct.tres_usage_in_min_nodeid[1], 0u);
  EXPECT_EQ(acct.tres_usage_in_tot[1], 60u);
}

TEST(StepReports, a_gap_stays_and_what_came_twice_counts_once) {
  const auto merged = merge_reports({report(5, 6), report(0, 1), report(1, 1), report(5, 6)});
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].range_last, 1u);
  EXPECT_EQ(merged[1].range_first, 5u);
  EXPECT_EQ(merged[1].jobacct->tres_usage_in_tot[1], 10u);
}

TEST(StepReports, other_counts_are_not_added) {
  wire::StepComplete other = report(1, 1);
  other.jobacct->tres_ids.back() = 1001;
  EXPECT_EQ(merge_reports({report(0, 0), other}).size(), 2u);
}

TEST(StepReports, out_of_memory_outweighs_all) {
  EXPECT_EQ(merge_reports({report(0, 0, 256), report(1, 1, exec::kSignalOutOfMemory)})[0].step_rc,
            exec::kSignalOutOfMemory);
}

}  // namespace
}  // namespace flurm::noded
