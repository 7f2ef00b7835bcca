// noded/step_plan_test.cpp — streams, limits, memory and tracking that a batch step is started with.
#include "noded/step_plan.hpp"

#include "exec/rlimits.hpp"
#include "gtest/gtest.h"

namespace flurm::noded {
namespace {

struct Fixture {
  wire::BatchJobLaunch job;
  conf::Config config;
  NodeFacts facts{.node_name = "n2", .host_name = "vm"};
  StepSettings settings{.spool_directory = "/spool", .log_file = "/log"};

  Fixture() {
    job.job_id = JobId{7};
    job.restart_cnt = 2;
    job.work_dir = "/home/ann";
    job.script = "#!/bin/sh\n";
    job.argv = {"job.sh", "a", "b"};
    job.environment = {"SLURM_JOB_NAME=nm", "SLURM_UMASK=0027", "SLURM_PRIO_PROCESS=3"};
    job.cred.job_hostlist = "n[1-3]";
    job.cred.job_mem_alloc = {100, 300};
    job.cred.job_mem_alloc_rep_count = {1, 2};
  }
  exec::StepLaunch plan() const {
    return plan_batch_step(job, {.uid = 5, .gid = 6, .gids = {6}, .name = "ann"}, facts, settings, config);
  }
};

bool has(const exec::StepLaunch& plan, std::string_view name) {
  return exec::Environment(plan.env).get(name).has_value();
}

TEST(StepPlan, batch_step) {
  Fixture f;
  f.config.proctrack_type = "proctrack/linuxproc";
  const exec::StepLaunch plan = f.plan();
  EXPECT_EQ(plan.key, (exec::StepKey{7, kBatchStep, 2}));
  EXPECT_EQ(plan.directory, "/spool/job00007");
  ASSERT_EQ(plan.tasks.size(), 1u);
  EXPECT_EQ(plan.tasks[0].argv, (std::vector<std::string>{plan.directory + "/slurm_script", "a", "b"}));
  EXPECT_EQ(plan.tasks[0].in.path, "/dev/null");
  EXPECT_EQ(plan.tasks[0].out.path, "/home/ann/slurm-7.out");
  EXPECT_EQ(plan.tasks[0].err.path, plan.tasks[0].out.path);
  EXPECT_EQ(plan.umask, 027u);
  EXPECT_FALSE(has(plan, "SLURM_UMASK"));
  EXPECT_FALSE(plan.nice);
  EXPECT_TRUE(has(plan, "SLURM_PRIO_PROCESS"));
  EXPECT_EQ(plan.memory_mib, 300u);
  EXPECT_EQ(plan.rlimit_mask, exec::kAllRlimits);
  EXPECT_EQ(plan.tracker, exec::TrackerKind::session);
  EXPECT_EQ(plan.sample_interval_s, 0u);
  EXPECT_FALSE(plan.append);
}

TEST(StepPlan, streams) {
  Fixture f;
  f.job.std_in = "in.%j";
  f.job.std_out = "/o/%x.%u";
  f.job.std_err = "e%%";
  f.job.open_mode = 1;
  const exec::StepLaunch plan = f.plan();
  EXPECT_EQ(plan.tasks[0].in.path, "/home/ann/in.7");
  EXPECT_EQ(plan.tasks[0].out.path, "/o/nm.ann");
  EXPECT_EQ(plan.tasks[0].err.path, "/home/ann/e%");
  EXPECT_TRUE(plan.append);
  f.job.open_mode = 0;
  f.config.job_file_append = 1;
  EXPECT_TRUE(f.plan().append);
  f.job.open_mode = 2;
  EXPECT_FALSE(f.plan().append);
}

TEST(StepPlan, priority_of_the_submitting_shell) {
  Fixture f;
  f.config.propagate_prio_process = 1;
  EXPECT_EQ(f.plan().nice, 3);
  EXPECT_FALSE(has(f.plan(), "SLURM_PRIO_PROCESS"));
  f.config.propagate_prio_process = 2;
  f.settings.own_nice = 9;
  EXPECT_EQ(f.plan().nice, 10);
}

TEST(StepPlan, memory_enforcement) {
  Fixture f;
  f.config.job_acct_gather_params = "UsePss,OverMemoryKill";
  f.job.acctg_freq = "task=5";
  EXPECT_TRUE(f.plan().kill_over_memory);
  EXPECT_EQ(f.plan().sample_interval_s, 5u);
  EXPECT_FALSE(f.plan().limit_memory);
  f.config.task_plugin = "task/affinity,task/cgroup";
  f.settings.constrain_memory = true;
  EXPECT_TRUE(f.plan().limit_memory);
}

TEST(StepPlan, memory_of_a_node) {
  Fixture f;
  EXPECT_EQ(job_memory_mib(f.job.cred, "n1"), 100u);
  EXPECT_EQ(job_memory_mib(f.job.cred, "n3"), 300u);
  EXPECT_EQ(job_memory_mib(f.job.cred, "n4"), 0u);
  f.job.cred.job_mem_alloc.clear();
  EXPECT_EQ(job_memory_mib(f.job.cred, "n1"), 0u);
}

TEST(StepPlan, limits_to_propagate) {
  using exec::rlimit_bit;
  EXPECT_EQ(rlimit_mask("ALL", ""), exec::kAllRlimits);
  EXPECT_EQ(rlimit_mask("NONE", ""), 0u);
  EXPECT_EQ(rlimit_mask("core,NOFILE", ""), rlimit_bit("CORE") | rlimit_bit("NOFILE"));
  EXPECT_EQ(rlimit_mask("ALL", "MEMLOCK"), ~rlimit_bit("MEMLOCK"));
  EXPECT_EQ(rlimit_mask("ALL", "ALL"), 0u);
}

TEST(StepPlan, sampling) {
  EXPECT_EQ(sample_interval_s("", "30"), 30u);
  EXPECT_EQ(sample_interval_s("", "energy=9,task=10"), 10u);
  EXPECT_EQ(sample_interval_s("0", "30"), 0u);
  EXPECT_EQ(sample_interval_s("", ""), 30u);
}

}  // namespace
}  // namespace flurm::noded
