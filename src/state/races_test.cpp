// state/races_test.cpp — reports, orders and configurations that come at an unlucky moment.
#include "gtest/gtest.h"
#include "state/edit.hpp"
#include "state/world.hpp"

namespace flurm::state {
namespace {

using model::JobReason;
using test::World;

Target one(JobId id) { return {.job = id, .tasks = {}, .whole_array = false}; }
Target whole(JobId array) { return {.job = array, .tasks = {}, .whole_array = true}; }

TEST(Races, a_report_counts_for_the_run_it_came_in_for) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  EndBatch report{.job = id, .restart_count = 0, .node = "n1", .wait_status = 256};  // comes in now …
  w.run(RequeueJobs{.targets = {one(id)}});
  w.clean(id);
  w.start(id);
  EXPECT_EQ(w.run(report).code, Errc::already_done);  // … and has its turn now
  EXPECT_EQ(w.shown(id), "RUNNING");
  report.restart_count = 1;
  report.node = "n2";
  EXPECT_EQ(w.run(report).code, Errc::already_done) << "from a node that the job has left";
  report.node = "n1";
  EXPECT_EQ(w.run(report).code, Errc::success);
  EXPECT_TRUE(w.at(id).state.completing());
}

TEST(Races, a_requeued_job_does_not_start_before_its_node_has_cleaned_up) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(RequeueJobs{.targets = {one(id)}});
  for (const model::NodeId node : {0u, 1u}) {
    w.start(id, node);
    EXPECT_TRUE(w.at(id).state.completing());
    EXPECT_EQ(w.at(id).restart_count, 0u);
  }
  w.clean(id, 1);  // another node's word does not count
  EXPECT_TRUE(w.at(id).state.completing());
  w.clean(id, 0);
  EXPECT_EQ(w.at(id).restart_count, 1u);
  w.start(id, 1);
  EXPECT_EQ(w.shown(id), "RUNNING");
}

TEST(Races, a_cleaning_that_is_reported_late_ends_nothing) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(RequeueJobs{.targets = {one(id)}});
  w.clean(id);
  w.start(id);
  w.clean(id);  // the report of the first run, which was answered by a repeated order before
  EXPECT_EQ(w.shown(id), "RUNNING");
  EXPECT_EQ(w.state.node(0u)->jobs, (std::vector<JobId>{id}));
}

TEST(Races, a_task_that_started_after_the_question_is_cancelled_with_its_array) {
  World w;
  const JobId array = w.submit_array("0-3");
  const Target asked = whole(array);
  w.start(array, 0, 1, 2);
  EXPECT_EQ(w.cancel({asked}).code, Errc::success);
  EXPECT_EQ(w.state.array_task(array, 2)->state.base, model::JobBase::cancelled);
  EXPECT_EQ(w.shown(array), "CANCELLED");
}

TEST(Races, an_array_is_found_when_the_record_with_its_number_is_over) {
  World w;
  const JobId array = w.submit_array("0-1");
  w.start(array, 0, 1, 0);
  w.cancel({one(array)});  // task 1, which has the array's number
  w.now = w.now + 400;
  w.run(Tick{});
  ASSERT_EQ(w.shown(array), "CANCELLED");
  const JobId waits = w.submit_after("afterany:" + std::to_string(array.v));
  EXPECT_EQ(w.at(waits).reason, JobReason::dependency);  // task 0 still runs
  Configure same;
  same.settings = w.state.settings;
  same.settings.first_job_id = array.v;  // counting begins anew at the array's number
  w.state.settings = same.settings;
  w.state.next_job_id = array.v;
  EXPECT_NE(w.submit(), array);
  EXPECT_EQ(w.cancel({whole(array)}).code, Errc::success);
  w.clean(w.state.array_task(array, 0)->id);
  EXPECT_TRUE(w.at(waits).dependencies.empty());
}

TEST(Races, after_an_array_means_after_all_its_tasks_began) {
  World w;
  const JobId array = w.submit_array("0-1");
  const JobId waits = w.submit_after("after:" + std::to_string(array.v));
  w.start(array, 0, 1, 0);
  EXPECT_FALSE(w.at(waits).dependencies.empty());
  w.start(array, 0, 2, 1);
  EXPECT_TRUE(w.at(waits).dependencies.empty());
}

TEST(Races, corresponding_tasks_start_one_by_one) {
  World w;
  const JobId first = w.submit_array("0-2");
  SubmitJob submit = w.job();
  submit.dependencies = *model::parse_dependencies("aftercorr:" + std::to_string(first.v));
  submit.array.emplace();
  submit.array->pending = *model::TaskSet::parse("0-2", 10);
  const JobId second = w.run(std::move(submit)).job;
  for (std::uint32_t task : {1u, 0u}) {
    w.start(first, 0, 1, task);
    w.finish(w.state.array_task(first, task)->id);
    EXPECT_TRUE(w.state.array_task(second, task)->dependencies.empty()) << task;
  }
  EXPECT_FALSE(w.state.array_task(second, 2)->dependencies.empty());
}

TEST(Races, a_long_chain_of_dependencies_is_walked_without_recursion) {
  World w;
  const JobId first = w.submit();
  JobId last = first;
  for (int i = 0; i < 3'000; ++i) last = w.submit_after("afterok:" + std::to_string(last.v));
  UpdateJobs update{.targets = {one(first)}};
  update.dependency_text = "afterok:" + std::to_string(last.v);
  update.dependencies = *model::parse_dependencies(*update.dependency_text);
  EXPECT_EQ(w.run(std::move(update)).code, Errc::circular_dependency);
}

TEST(Races, a_job_cancelled_for_its_dependency_decides_about_those_behind_it) {
  World w;
  const JobId first = w.submit();
  SubmitJob submit = w.job();
  submit.request.bitflags = model::job_bit::kill_invalid_dependency;
  submit.dependencies = *model::parse_dependencies("afterok:" + std::to_string(first.v));
  const JobId killed = w.run(std::move(submit)).job;
  // Of a lower number than `killed` would be tested first, so give it a second pass to prove itself.
  const JobId behind = w.submit_after("afterany:" + std::to_string(killed.v));
  w.cancel({one(first)});
  EXPECT_EQ(w.shown(killed), "CANCELLED");
  EXPECT_TRUE(w.at(behind).dependencies.empty());
}

TEST(Races, tasks_count_as_jobs) {
  World w;
  w.state.settings.max_job_count = 10;
  EXPECT_EQ(w.run([&] {
               SubmitJob submit = w.job();
               submit.array.emplace();
               submit.array->pending = *model::TaskSet::parse("0-8", 100);
               return submit;
             }())
                .code,
            Errc::success);
  EXPECT_EQ(w.state.job_count(), 9u);
  EXPECT_EQ(w.run(w.job()).code, Errc::success);
  EXPECT_NE(w.run(w.job()).code, Errc::success);
}

TEST(Races, without_a_free_number_a_task_waits) {
  World w;
  const JobId array = w.submit_array("0-2");
  w.state.settings.first_job_id = w.state.settings.max_job_id = array.v;
  w.start(array, 0, 1, 0);
  EXPECT_EQ(w.state.jobs.size(), 1u);
  EXPECT_EQ(w.shown(array), "PENDING");
}

TEST(Races, a_user_may_not_lengthen_a_job_by_its_end_nor_write_for_administrators) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  UpdateJobs later{.targets = {one(id)}};
  later.end_time = w.at(id).end_time + 60;
  EXPECT_EQ(w.run(later).code, Errc::access_denied);
  UpdateJobs sooner = later;
  sooner.end_time = w.at(id).end_time - 60;
  EXPECT_EQ(w.run(sooner).code, Errc::success);
  EXPECT_EQ(w.at(id).time_limit, 9u);
  later.by_operator = true;
  EXPECT_EQ(w.run(later).code, Errc::success);
  UpdateJobs comment{.targets = {one(id)}};
  comment.admin_comment = "x";
  EXPECT_EQ(w.run(comment).code, Errc::access_denied);
}

TEST(Races, a_job_cancelled_while_suspended_ran_until_it_was_suspended) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.now = w.now + 10;
  w.run(SuspendJobs{.targets = {one(id)}});
  w.now = w.now + 100;
  w.cancel({one(id)});
  w.clean(id);
  EXPECT_EQ(w.at(id).run_time(w.now), 10);
}

TEST(Races, a_launch_that_is_answered_during_a_suspension_counts) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(SuspendJobs{.targets = {one(id)}});
  w.run(LaunchAnswered{.job = id, .effect = 1});
  EXPECT_TRUE(w.at(id).launched);
  const JobId other = w.submit();
  w.start(other, 1);
  w.run(SuspendJobs{.targets = {one(other)}});
  w.run(LaunchAnswered{.job = other, .effect = 3, .rc = Errc::node_fork_failed});
  EXPECT_FALSE(w.at(other).state.suspended());  // not for ever
  EXPECT_TRUE(w.at(other).state.completing());
}

TEST(Races, killing_the_script_alone_leaves_the_ending_to_the_script) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(CancelJobs{.targets = {one(id)}, .signal = 9, .flags = 1, .uid = 1000});
  EXPECT_EQ(w.shown(id), "RUNNING");
  w.finish(id, 9);
  EXPECT_EQ(w.shown(id), "FAILED");
}

TEST(Races, a_reboot_ends_what_ran_before_it) {
  for (const std::uint16_t return_to_service : {1, 2}) {
    World w;
    w.state.settings.return_to_service = return_to_service;
    RegisterNode report{.name = "n1"};
    report.config_overrides = true;
    report.boot_time = w.now - 1000;
    w.run(report);
    const JobId id = w.submit();
    w.start(id);
    w.now = w.now + 5;  // younger than BatchStartTimeout, and its launch not even answered
    report.boot_time = w.now;
    w.now = w.now + 2;
    w.run(report);
    EXPECT_FALSE(w.at(id).state.running());
    EXPECT_EQ(w.at(id).failed_node, "n1");
  }
}

TEST(Races, a_node_that_grows_has_books_for_its_new_cores) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  Configure bigger;
  bigger.settings = w.state.settings;
  for (int i = 0; i < 4; ++i) bigger.nodes.push_back(w.state.node(static_cast<model::NodeId>(i))->config);
  bigger.nodes[0].cpus = bigger.nodes[0].cores = 130;
  bigger.partitions.push_back(*w.state.partitions.front());
  EXPECT_EQ(w.run(std::move(bigger)).code, Errc::success);
  EXPECT_EQ(w.state.node(0u)->cores_used, (std::vector<std::uint64_t>{1, 0, 0}));
}

TEST(Races, a_partition_keeps_the_nodes_there_are) {
  World w;
  Configure shrunk;
  shrunk.settings = w.state.settings;
  for (model::NodeId i : {1u, 2u}) shrunk.nodes.push_back(w.state.node(i)->config);
  model::Partition all = *w.state.partitions.front();
  all.nodes_text = "n3,n1,n2";
  shrunk.partitions.push_back(all);
  EXPECT_EQ(w.run(std::move(shrunk)).code, Errc::invalid_node_name);
  EXPECT_EQ(w.state.partition("all")->nodes, (std::vector<model::NodeId>{1, 2}));
  EXPECT_EQ(w.state.partition("all")->total_nodes, 2u);
}

TEST(Races, a_partition_with_waiting_jobs_stays) {
  World w;
  w.run(PutPartition{.partition = {.name = "other"}, .create = true});
  SubmitJob submit = w.job();
  submit.partitions = "other,all";
  const JobId id = w.run(std::move(submit)).job;
  EXPECT_EQ(w.run(DeletePartition{"all"}).code, Errc::partition_in_use);
  w.cancel({one(id)});
  EXPECT_EQ(w.run(DeletePartition{"all"}).code, Errc::success);
  EXPECT_EQ(w.run(DeletePartition{"all"}).code, Errc::invalid_partition_name);
}

TEST(Races, jobs_are_kept_for_ever_where_the_configuration_says_so) {
  World w;
  w.state.settings.min_job_age_s = 0;
  const JobId id = w.submit();
  w.start(id);
  w.finish(id);
  w.now = w.now + 100'000;
  w.run(Tick{});
  EXPECT_EQ(w.shown(id), "COMPLETED");
}

TEST(Races, a_finished_task_starts_over_with_a_warning_of_its_own) {
  World w;
  SubmitJob submit = w.job(1);
  submit.request.warn_signal = 10;
  submit.request.warn_time = 30;
  const JobId id = w.run(std::move(submit)).job;
  w.start(id);
  w.now = w.now + 40;
  w.run(Tick{});
  EXPECT_TRUE(w.at(id).time_limit_signaled);
  w.finish(id);
  EXPECT_EQ(w.run(RequeueJobs{.targets = {one(id)}}).code, Errc::success);
  EXPECT_FALSE(w.at(id).time_limit_signaled);
  EXPECT_TRUE(w.state.job_effects.empty());
}

}  // namespace
}  // namespace flurm::state
