// noded/profile_test.cpp — samples of tasks as InfluxDB takes them.
#include "noded/profile.hpp"

#include <gtest/gtest.h>

namespace flurm::noded {
namespace {

exec::StepState state_of(std::uint64_t cpu_us, std::uint64_t read_bytes) {
  exec::StepState state;
  state.key = {.job_id = 7, .step_id = kBatchStep};
  exec::TaskState& task = state.tasks.emplace_back();
  task.global_id = 3;
  task.usage.user_us = cpu_us;
  task.usage.rss_total_bytes = 10 << 20;
  task.usage.virtual_total_bytes = 20 << 20;
  task.usage.major_faults = 5;
  task.usage.read_bytes = read_bytes;
  task.usage.cpu_frequency = 2400;
  return state;
}

bool has(const std::string& lines, const std::string& line) { return lines.find(line + "\n") != std::string::npos; }

TEST(TaskSamples, the_first_has_no_times) {
  TaskSamples samples("n1");
  const std::string lines = samples.take(state_of(1'000'000, 1 << 20), TimeS{1000});
  EXPECT_EQ(lines,
            "CPUFrequency,job=7,step=-5,task=3,host=n1 value=2400 1000\n"
            "CPUTime,job=7,step=-5,task=3,host=n1 value=0.00 1000\n"
            "CPUUtilization,job=7,step=-5,task=3,host=n1 value=0.00 1000\n"
            "RSS,job=7,step=-5,task=3,host=n1 value=10240 1000\n"
            "VMSize,job=7,step=-5,task=3,host=n1 value=20480 1000\n"
            "Pages,job=7,step=-5,task=3,host=n1 value=5 1000\n"
            "ReadMB,job=7,step=-5,task=3,host=n1 value=0.00 1000\n"
            "WriteMB,job=7,step=-5,task=3,host=n1 value=0.00 1000\n");
}

TEST(TaskSamples, later_ones_say_what_grew) {
  TaskSamples samples("n1");
  samples.take(state_of(1'000'000, 1 << 20), TimeS{1000});
  const std::string lines = samples.take(state_of(4'000'000, 3 << 20), TimeS{1010});
  EXPECT_TRUE(has(lines, "CPUTime,job=7,step=-5,task=3,host=n1 value=3.00 1010"));
  EXPECT_TRUE(has(lines, "CPUUtilization,job=7,step=-5,task=3,host=n1 value=30.00 1010"));
  EXPECT_TRUE(has(lines, "ReadMB,job=7,step=-5,task=3,host=n1 value=2.00 1010"));
}

TEST(TaskSamples, a_task_that_ended_is_told_of_once_more) {
  TaskSamples samples("n1");
  exec::StepState state = state_of(1'000'000, 0);
  samples.take(state, TimeS{1000});
  state.tasks[0].exited = true;
  EXPECT_NE(samples.take(state, TimeS{1001}), "");
  EXPECT_EQ(samples.take(state, TimeS{1002}), "");
}

TEST(InfluxRequest, names_the_database_and_who_asks) {
  const conf::InfluxConf conf{.host = "db",
                              .path = "/metrics",
                              .port = 8086,
                              .database = "slurm",
                              .retention_policy = "autogen",
                              .user = "writer",
                              .password = "secret",
                              .profile = conf::kProfileAll};
  EXPECT_EQ(influx_request(conf, "a value=1 2\n"),
            "POST /metrics/write?db=slurm&rp=autogen&precision=s HTTP/1.1\r\n"
            "Host: db:8086\r\n"
            "Authorization: Basic d3JpdGVyOnNlY3JldA==\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 12\r\n"
            "Connection: close\r\n\r\n"
            "a value=1 2\n");
}

}  // namespace
}  // namespace flurm::noded
