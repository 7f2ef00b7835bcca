// ctld/accounting/records_test.cpp — reports in the words of the accounting daemon.
#include "ctld/accounting/records.hpp"

#include "gtest/gtest.h"
#include "state/world.hpp"

namespace flurm::ctld {
namespace {

using state::Report;

struct Told {
  state::test::World world{2};
  TresIds tres;
  HostSet nodes;

  Told() {
    world.use_newest_format();
    world.state.settings.accounting = true;
    nodes = cluster_nodes(world.state);
  }
  RecordContext context(std::uint64_t db_index = 0) const { return {world.state, tres, nodes, true, db_index}; }
  /// The last report of the kind.
  const Report& last(Report::Kind kind) const {
    const Report* found = nullptr;
    world.state.reports.for_each([&](std::uint64_t, const auto& report) {
      if (report->kind == kind) found = report.get();
      return true;
    });
    EXPECT_TRUE(found);
    return *found;
  }
};

TEST(Records, a_running_job) {
  Told told;
  auto submit = told.world.job(30);
  submit.request.pn_min_memory = 100;
  submit.request.comment = "why";
  const JobId id = told.world.run(submit).job;
  EXPECT_EQ(job_start_record(told.last(Report::Kind::job_start), told.context()).tres_alloc_str, "");
  told.world.now = told.world.now + 7;
  told.world.start(id, 1, 3);
  const auto start = job_start_record(told.last(Report::Kind::job_start), told.context(5));
  EXPECT_EQ(start.db_index, 5u);
  EXPECT_EQ(start.nodes, "n2");
  EXPECT_EQ(start.node_inx, "1");
  EXPECT_EQ(start.tres_alloc_str, "1=2,2=100,3=18446744073709551614,4=1,5=2");
  EXPECT_EQ(start.tres_req_str, "1=1,2=100,4=1,5=1");
  EXPECT_EQ(start.start_time, told.world.now);
  EXPECT_EQ(start.submit_time, told.world.now - 7);
  const auto batch = step_start_record(told.last(Report::Kind::step_start), told.context());
  EXPECT_EQ(batch.name, "batch");
  EXPECT_EQ(batch.tres_alloc_str, "1=2,2=100,4=1");
  EXPECT_EQ(batch.step_id.step_id, kBatchStep);
  told.world.end(id, 256);
  const auto end = job_end_record(told.last(Report::Kind::job_end), told.context());
  EXPECT_EQ(end.job_state, 5u);
  EXPECT_EQ(end.exit_code, 256u);
  EXPECT_EQ(end.comment, "why");
  EXPECT_EQ(end.req_uid, kInfinite32) << "nobody killed it";
}

TEST(Records, what_waits_has_no_start_and_an_array_its_tasks) {
  Told told;
  told.world.submit_array("1-3");
  const auto record = job_start_record(told.last(Report::Kind::job_start), told.context());
  EXPECT_FALSE(record.start_time);
  EXPECT_EQ(record.array_task_str, "0xE");
  EXPECT_EQ(record.array_task_pending, 3u);
  EXPECT_EQ(record.het_job_offset, kNoVal32);
}

TEST(Records, script_and_environment_go_when_they_are_wanted) {
  Told told;
  told.world.state.settings.store_script = told.world.state.settings.store_environment = true;
  auto submit = told.world.job();
  submit.payload.script = "#!/bin/sh\n";
  submit.payload.environment = {"A=1", "B=2"};
  told.world.run(submit);
  const Report& report = told.last(Report::Kind::job_start);
  const auto record = job_start_record(report, told.context());
  ASSERT_TRUE(report.payload);
  const auto heavy = job_heavy_record(*report.payload, std::uint64_t{1} << 35 | 1u << 6);
  EXPECT_EQ(heavy.script, submit.payload.script);
  EXPECT_EQ(heavy.env, "A=1\nB=2\n");
  EXPECT_EQ(heavy.script_hash, record.script_hash);
  EXPECT_EQ(heavy.env_hash, record.env_hash);
  EXPECT_TRUE(record.env_hash.starts_with("2:"));
  EXPECT_EQ(job_heavy_record(*report.payload, 0), wire::DbdJobHeavy{});
  EXPECT_TRUE(job_start_record(report, told.context(5)).script_hash.empty()) << "told before";
}

TEST(Records, the_cluster_counts_all_that_has_a_number) {
  Told told;
  told.tres.add({.id = 1001, .name = "gpu", .type = "gres"});
  const auto record = cluster_record(told.world.state, told.tres, told.nodes);
  EXPECT_EQ(record.cluster_nodes, "n[1-2]");
  EXPECT_EQ(record.tres_str, "1=8,2=2000,3=0,4=2,5=8,6=0,7=0,8=0,1001=0");
}

TEST(Records, a_node_that_is_drained) {
  Told told;
  told.world.run(state::UpdateNodes{.nodes = {0}, .uid = 7, .state = model::node_flag::drain, .reason = "fan"});
  const auto record = node_record(told.last(Report::Kind::node_down), told.context());
  EXPECT_EQ(record.hostlist, "n1");
  EXPECT_EQ(record.new_state, 1);
  EXPECT_EQ(record.reason, "fan");
  EXPECT_EQ(record.reason_uid, 7u);
  EXPECT_EQ(record.tres_str, "1=4,2=1000,5=4");
}

}  // namespace
}  // namespace flurm::ctld
