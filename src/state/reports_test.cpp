// state/reports_test.cpp — what accounting is told of jobs, steps and nodes.
#include "gtest/gtest.h"
#include "state/world.hpp"

namespace flurm::state::test {
namespace {

using Kind = Report::Kind;

struct Accounted : World {
  Accounted() {
    use_newest_format();
    account();
    run(ForgetReports{.up_to = state.next_report});
  }
  void account(std::uint32_t reports_max = 1000) {
    Configure configure;
    configure.settings = state.settings;
    configure.settings.accounting = true;
    configure.settings.reports_max = reports_max;
    configure.settings.requeue_wait_s = 121;
    state.nodes.for_each([&](std::uint64_t, const auto& node) {
      configure.nodes.push_back(node->config);
      return true;
    });
    for (const auto& partition : state.partitions) configure.partitions.push_back(*partition);
    run(std::move(configure));
  }
  static std::string word(const Report& report) {
    std::string of;
    if (report.step) of = report.step->slot == kBatchStep ? ".batch" : "." + std::to_string(report.step->slot);
    switch (report.kind) {
      case Kind::job_start:
        return "start " + std::string(model::job_state_name(report.job->state));
      case Kind::job_end:
        return "end " + std::string(model::job_state_name({report.job->state.base, 0})) +
               (report.job->state.has(model::job_flag::requeue) ? " requeued" : "");
      case Kind::job_suspend:
        return report.job->state.suspended() ? "suspend" : "resume";
      case Kind::step_start:
        return "start" + of;
      case Kind::step_end:
        return "end" + of + " " + std::to_string(report.step->exit_code);
      case Kind::node_down:
        return report.node->config.name + " down " + report.node->reason;
      case Kind::node_up:
        return report.node->config.name + " up";
      case Kind::flush_jobs:
        return "flush";
      default:
        return report.reservation->name;
    }
  }
  /// What was reported since the last call.
  std::string told() {
    std::string out;
    state.reports.for_each([&](std::uint64_t, const auto& report) {
      out += (out.empty() ? "" : ", ") + word(*report);
      return true;
    });
    run(ForgetReports{.up_to = state.next_report});
    EXPECT_TRUE(state.reports.empty());
    return out;
  }
};

TEST(Reports, a_job_from_its_submission_to_its_end) {
  Accounted w;
  const JobId id = w.submit();
  EXPECT_EQ(w.told(), "start PENDING");
  w.start(id);
  EXPECT_EQ(w.told(), "start RUNNING, start.batch");
  w.end(id, 256);
  EXPECT_EQ(w.told(), "end.batch 256, end FAILED");
  w.clean(id);
  EXPECT_EQ(w.told(), "");
}

TEST(Reports, nothing_without_accounting_or_in_an_older_format) {
  World w;
  w.start(w.submit());
  EXPECT_TRUE(w.state.reports.empty());
  w.state.settings.accounting = true;
  w.submit();
  EXPECT_TRUE(w.state.reports.empty());
  w.use_newest_format();
  w.submit();
  EXPECT_EQ(w.state.reports.size(), 1u);
}

TEST(Reports, a_cluster_without_jobs_has_none_left_over_and_one_with_jobs_tells_them) {
  Accounted fresh;
  World old;
  old.use_newest_format();
  old.start(old.submit());
  Accounted with_jobs;
  const JobId id = with_jobs.submit();
  with_jobs.start(id);
  with_jobs.told();
  with_jobs.run(ReportAll{});
  EXPECT_EQ(with_jobs.told(), "start RUNNING");
  fresh.state.settings.accounting = false;
  fresh.account();
  EXPECT_EQ(fresh.told(), "flush");
}

TEST(Reports, a_requeued_job_ends_and_begins_anew) {
  Accounted w;
  const JobId id = w.submit();
  w.start(id);
  w.told();
  w.run(RequeueJobs{.targets = {{.job = id}}});
  EXPECT_EQ(w.told(), "end PENDING requeued");
  w.clean(id);
  EXPECT_EQ(w.told(), "end.batch 4294967294, start PENDING");
  EXPECT_FALSE(w.at(id).batch_step);
}

TEST(Reports, a_suspended_job_that_is_cancelled_is_suspended_no_more) {
  Accounted w;
  const JobId id = w.submit();
  w.start(id);
  w.told();
  w.now = w.now + 10;
  w.run(SuspendJobs{.targets = {{.job = id}}});
  EXPECT_EQ(w.told(), "suspend");
  w.now = w.now + 5;
  w.run(CancelJobs{.targets = {{.job = id}}});
  EXPECT_EQ(w.told(), "resume, end CANCELLED");
}

TEST(Reports, tasks_of_an_array_leave_its_record_one_by_one) {
  Accounted w;
  const JobId array = w.submit_array("0-2");
  EXPECT_EQ(w.told(), "start PENDING");
  w.start(array, 0, 1, 0);
  EXPECT_EQ(w.told(), "start PENDING, start RUNNING, start.batch");
}

TEST(Reports, what_a_step_used_is_told_once_with_its_end) {
  Accounted w;
  const JobId id = w.submit();
  w.start(id);
  w.told();
  CreateStep create{.job = id};
  create.placement.shares = {
      {.node = 0, .cpus = 1, .cores = {1}, .tasks = {0}},
  };
  create.placement.num_tasks = create.placement.cpu_count = 1;
  ASSERT_EQ(w.run(create).code, Errc::success);
  EXPECT_EQ(w.told(), "start.0");
  model::StepUsage usage{.user_us = 7};
  usage.tres.push_back({.id = 2, .in = {.max = 5, .max_node = 0, .max_task = 0, .total = 5}});
  w.run(EndStep{.job = id, .step = 0, .usage = usage});
  const Report* end = w.state.reports.find(w.state.next_report - 1);
  ASSERT_TRUE(end && end->kind == Kind::step_end && end->step->usage);
  EXPECT_EQ(*end->step->usage, usage);
  w.run(EndStep{.job = id, .step = 0, .usage = usage});
  EXPECT_EQ(w.told(), "end.0 0");
}

TEST(Reports, nodes_go_out_of_use_and_come_back) {
  Accounted w;
  w.run(UpdateNodes{.nodes = {1}, .state = model::node_flag::drain, .reason = "fan"});
  EXPECT_EQ(w.told(), "n2 down fan");
  const JobId id = w.submit();
  w.start(id);
  w.told();
  w.run(UpdateNodes{.nodes = {0}, .state = model::node_flag::drain, .reason = "disk"});
  EXPECT_EQ(w.told(), "");
  w.finish(id);
  EXPECT_EQ(w.told(), "end.batch 0, end COMPLETED, n1 down disk");
  w.run(UpdateNodes{.nodes = {0, 1}, .state = model::node_flag::resume});
  EXPECT_EQ(w.told(), "n1 up, n2 up");
}

TEST(Reports, steps_make_room_for_jobs) {
  Accounted w;
  w.account(4);
  for (int i = 0; i < 3; ++i) w.start(w.submit(), static_cast<model::NodeId>(i));
  EXPECT_EQ(w.told(), "start PENDING, start RUNNING, start PENDING, start RUNNING, start PENDING, start RUNNING");
  EXPECT_EQ(w.state.reports_dropped, 3u);
}

TEST(Reports, without_accounting_they_are_forgotten) {
  Accounted w;
  const JobId id = w.submit();
  w.start(id);
  Configure configure;
  configure.settings = w.state.settings;
  configure.settings.accounting = false;
  w.run(configure);
  EXPECT_TRUE(w.state.reports.empty());
  w.finish(id);
  EXPECT_TRUE(w.state.reports.empty());
}

TEST(Reports, they_are_kept_with_the_state) {
  Accounted w;
  const JobId id = w.submit();
  w.start(id);
  w.run(UpdateNodes{.nodes = {1}, .state = model::node_flag::drain, .reason = "fan"});
  auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(state_hash(*loaded), state_hash(w.state));
  w.state = std::move(*loaded);
  EXPECT_EQ(w.state.step_reports, 1u);
  w.end(id);
  EXPECT_EQ(w.told(), "start PENDING, start RUNNING, start.batch, n2 down fan, end.batch 0, end COMPLETED");
}

}  // namespace
}  // namespace flurm::state::test
