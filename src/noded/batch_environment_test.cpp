// noded/batch_environment_test.cpp — the environment recorded from jobs under a real slurmctld and slurmd 22.05.
#include "noded/batch_environment.hpp"

#include <algorithm>

#include "gtest/gtest.h"

namespace flurm::noded {
namespace {

NodeFacts facts() {
  return {.node_name = "n1",
          .host_name = "vm",
          .cluster_name = "fnode",
          .slurm_conf = "/etc/slurm/slurm.conf",
          .controller_addr = "127.0.0.1",
          .controller_port = 27600,
          .protocol = wire::v22_05,
          .select_plugin_id = select_plugin_id("select/cons_tres")};
}

exec::Identity ann() { return {.uid = 1001, .gid = 1002, .gids = {}, .name = "ann"}; }

wire::BatchJobLaunch three_tasks() {
  wire::BatchJobLaunch job;
  job.job_id = JobId{1};
  job.partition = "debug";
  job.nodes = "n1";
  job.ntasks = 3;
  job.cpus_per_task = 2;
  job.cpus_per_node = {6};
  job.cpu_count_reps = {1};
  job.pn_min_memory = 50;
  job.environment = {"FOO=a b", "SLURM_JOB_NAME=nm", "SLURM_CPUS_PER_TASK=7", "SLURM_CONF_SERVER=x"};
  return job;
}

std::vector<std::string> sorted(const exec::Environment& env) {
  std::vector<std::string> entries = env.entries();
  std::ranges::sort(entries);
  return entries;
}

TEST(BatchEnvironment, plain_job) {
  EXPECT_EQ(sorted(batch_environment(three_tasks(), ann(), facts())),
            (std::vector<std::string>{
                "ENVIRONMENT=BATCH",
                "FOO=a b",
                "HOSTNAME=n1",
                "SLURMD_NODENAME=n1",
                "SLURM_CLUSTER_NAME=fnode",
                "SLURM_CONF=/etc/slurm/slurm.conf",
                "SLURM_CPUS_ON_NODE=6",
                "SLURM_CPUS_PER_TASK=2",
                "SLURM_GTIDS=0",
                "SLURM_JOBID=1",
                "SLURM_JOB_CPUS_PER_NODE=6",
                "SLURM_JOB_GID=1002",
                "SLURM_JOB_ID=1",
                "SLURM_JOB_NAME=nm",
                "SLURM_JOB_NODELIST=n1",
                "SLURM_JOB_NUM_NODES=1",
                "SLURM_JOB_PARTITION=debug",
                "SLURM_JOB_UID=1001",
                "SLURM_JOB_USER=ann",
                "SLURM_LOCALID=0",
                "SLURM_MEM_PER_NODE=50",
                "SLURM_NNODES=1",
                "SLURM_NODEID=0",
                "SLURM_NODELIST=n1",
                "SLURM_NODE_ALIASES=(null)",
                "SLURM_NPROCS=3",
                "SLURM_NTASKS=3",
                "SLURM_PROCID=0",
                "SLURM_TASKS_PER_NODE=3",
                "SLURM_TOPOLOGY_ADDR=n1",
                "SLURM_TOPOLOGY_ADDR_PATTERN=node",
                "SLURM_WORKING_CLUSTER=fnode:127.0.0.1:27600:9728:109",
            }));
}

TEST(BatchEnvironment, requeued_array_task) {
  wire::BatchJobLaunch job = three_tasks();
  job.array_job_id = JobId{2};
  job.array_task_id = 13;
  job.restart_cnt = 1;
  job.pn_min_memory = (std::uint64_t{1} << 63) | 20;
  job.account = "acct";
  job.qos = "normal";
  job.resv_name = "r";
  const exec::Environment env = batch_environment(job, ann(), facts());
  EXPECT_EQ(env.get("SLURM_ARRAY_JOB_ID"), "2");
  EXPECT_EQ(env.get("SLURM_ARRAY_TASK_ID"), "13");
  EXPECT_EQ(env.get("SLURM_RESTART_COUNT"), "1");
  EXPECT_EQ(env.get("SLURM_MEM_PER_CPU"), "20");
  EXPECT_EQ(env.get("SLURM_MEM_PER_NODE"), std::nullopt);
  EXPECT_EQ(env.get("SLURM_JOB_ACCOUNT"), "acct");
  EXPECT_EQ(env.get("SLURM_JOB_QOS"), "normal");
  EXPECT_EQ(env.get("SLURM_JOB_RESERVATION"), "r");
}

TEST(BatchEnvironment, values_with_repetitions) {
  const std::uint16_t cpus[] = {8, 4, 2};
  const std::uint32_t reps[] = {2, 1, 3};
  EXPECT_EQ(repeated_values(cpus, reps), "8(x2),4,2(x3)");
  EXPECT_EQ(repeated_values({}, {}), "");
}

TEST(BatchEnvironment, tasks_are_dealt_in_turn) {
  const std::uint16_t cpus[] = {4, 2};
  const std::uint32_t reps[] = {1, 2};
  using Tasks = std::vector<std::uint16_t>;
  EXPECT_EQ(tasks_per_node(4, 1, cpus, reps), (Tasks{2, 1, 1}));
  EXPECT_EQ(tasks_per_node(8, 1, cpus, reps), (Tasks{4, 2, 2}));
  EXPECT_EQ(tasks_per_node(10, 1, cpus, reps), (Tasks{5, 3, 2}));
  EXPECT_EQ(tasks_per_node(0, 1, cpus, reps), (Tasks{4, 2, 2}));
  EXPECT_EQ(tasks_per_node(0, 3, cpus, reps), (Tasks{1, 0, 0}));
  EXPECT_EQ(tasks_per_node(3, 3, cpus, reps), (Tasks{1, 1, 1}));
  EXPECT_EQ(tasks_per_node(5, 1, {}, {}), Tasks{});
}

TEST(BatchEnvironment, arbitrary_distribution) {
  wire::BatchJobLaunch job = three_tasks();
  job.nodes = "n[1-2]";
  job.environment.push_back("SLURM_ARBITRARY_NODELIST=n1,n1,n2");
  EXPECT_EQ(batch_environment(job, ann(), facts()).get("SLURM_TASKS_PER_NODE"), "2,1");
}

}  // namespace
}  // namespace flurm::noded
