// noded/step_accounting_test.cpp — what a step used, by node and task, and added up over nodes.
#include "noded/step_accounting.hpp"

#include <gtest/gtest.h>

namespace flurm::noded {
namespace {

constexpr std::size_t kCpu = 0, kEnergy = 2, kDisk = 5, kPages = 7;

exec::TaskState task(std::uint32_t id, std::uint64_t read_bytes, std::uint64_t written_bytes) {
  exec::TaskState task;
  task.global_id = id;
  task.usage.rss_max_bytes = 1 << 20;
  task.usage.read_bytes = read_bytes;
  task.usage.written_bytes = written_bytes;
  task.usage.major_faults = id;
  task.usage.cpu_frequency = 2000 + id;
  return task;
}

exec::StepState node(std::uint32_t rank, std::vector<exec::TaskState> tasks) {
  exec::StepState state;
  state.key = {.job_id = 7, .step_id = 0};
  state.node_rank = rank;
  state.tasks = std::move(tasks);
  return state;
}

TEST(StepAccounting, disk_and_pages_are_the_tasks) {
  const wire::JobAcctInfo acct = step_accounting(node(3, {task(4, 100, 7), task(5, 300, 5), task(6, 200, 6)}));
  EXPECT_EQ(acct.tres_usage_in_tot[kDisk], 600u);
  EXPECT_EQ(acct.tres_usage_in_max[kDisk], 300u);
  EXPECT_EQ(acct.tres_usage_in_max_taskid[kDisk], 5u);
  EXPECT_EQ(acct.tres_usage_in_max_nodeid[kDisk], 3u);
  EXPECT_EQ(acct.tres_usage_in_min[kDisk], 100u);
  EXPECT_EQ(acct.tres_usage_in_min_taskid[kDisk], 4u);
  EXPECT_EQ(acct.tres_usage_out_tot[kDisk], 18u);
  EXPECT_EQ(acct.tres_usage_out_max_taskid[kDisk], 4u);
  EXPECT_EQ(acct.tres_usage_in_tot[kPages], 15u);
  EXPECT_EQ(acct.tres_usage_out_tot[kPages], kInfinite64) << "nothing goes out";
  EXPECT_EQ(acct.act_cpufreq, 2004u + 2005u + 2006u);
}

TEST(StepAccounting, a_single_task_has_its_own) {
  exec::StepState state = node(0, {task(9, 100, 7)});
  state.usage.user_us = 2'000'000;
  const wire::JobAcctInfo acct = step_accounting(state);
  EXPECT_EQ(acct.tres_usage_in_tot[kCpu], 2000u) << "the step's";
  EXPECT_EQ(acct.tres_usage_in_max[kDisk], 100u);
  EXPECT_EQ(acct.tres_usage_in_max_taskid[kDisk], 9u);
}

TEST(StepAccounting, energy_is_a_nodes_and_no_tasks) {
  const wire::JobAcctInfo acct = step_accounting(node(1, {task(0, 0, 0)}));
  EXPECT_EQ(acct.tres_usage_in_tot[kEnergy], 0u);
  EXPECT_EQ(acct.tres_usage_in_max_nodeid[kEnergy], 1u);
  EXPECT_EQ(acct.tres_usage_in_max_taskid[kEnergy], kInfinite64);
  EXPECT_EQ(acct.consumed_energy, 0u);
}

TEST(StepAccounting, nodes_add_up) {
  std::optional<wire::JobAcctInfo> sum = step_accounting(node(0, {task(0, 100, 50)}));
  EXPECT_TRUE(add_accounting(sum, step_accounting(node(1, {task(1, 200, 40)}))));
  EXPECT_EQ(sum->tres_usage_in_tot[kDisk], 300u);
  EXPECT_EQ(sum->tres_usage_in_max_nodeid[kDisk], 1u);
  EXPECT_EQ(sum->tres_usage_in_min_nodeid[kDisk], 0u);
  EXPECT_EQ(sum->tres_usage_out_max_nodeid[kDisk], 0u);
  EXPECT_EQ(sum->tres_usage_out_min_taskid[kDisk], 1u);
  EXPECT_EQ(sum->act_cpufreq, 4001u) << "whoever keeps the record divides it by the tasks";
  wire::JobAcctInfo other = *sum;
  other.tres_usage_out_max.pop_back();
  EXPECT_FALSE(add_accounting(sum, other)) << "another count of TRES";
  EXPECT_EQ(sum->tres_usage_in_tot[kDisk], 300u);
}

}  // namespace
}  // namespace flurm::noded
