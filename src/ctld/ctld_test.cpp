// ctld/ctld_test.cpp — the controller's pure parts: names of jobs, what is due, texts, and records for clients.
#include <algorithm>

#include "ctld/clockwork.hpp"
#include "ctld/info_cache.hpp"
#include "ctld/job_text.hpp"
#include "ctld/mail.hpp"
#include "ctld/reported_run.hpp"
#include "ctld/translate/info.hpp"
#include "ctld/translate/job_request.hpp"
#include "ctld/translate/launch.hpp"
#include "ctld/translate/tres.hpp"
#include "gtest/gtest.h"
#include "state/world.hpp"

namespace flurm::ctld {
namespace {

using state::test::World;

TEST(JobText, names_jobs_tasks_and_arrays) {
  World w;
  const JobId plain = w.submit(), array = w.submit_array("0-5");
  w.start(array, 0, 1, 3);
  const JobId three = w.state.array_task(array, 3)->id;
  const auto targets = [&](const std::string& text) { return job_targets(w.state, text); };
  ASSERT_EQ(targets("1,2_[1,4-5],3")->size(), 3u);
  EXPECT_EQ(targets("1")->front().job, plain);
  EXPECT_FALSE(targets("1")->front().whole_array);
  EXPECT_TRUE(targets("2")->front().whole_array);
  EXPECT_TRUE(targets("2_*")->front().whole_array);
  EXPECT_EQ(targets("2_[1,4-5]")->front().tasks.text(), "1,4-5");
  EXPECT_EQ(targets("2_[1,4-5%2]")->front().tasks.text(), "1,4-5");
  EXPECT_EQ(targets(std::to_string(three.v))->front().job, three);
  EXPECT_FALSE(targets(std::to_string(three.v))->front().whole_array);
  for (const char* bad : {"", "x", "0", "99", "99_1", "2_", "2_x", "2x", "1,", "4294967296", "2_[", "2_]["})
    EXPECT_FALSE(targets(bad)) << bad;
}

TEST(JobText, an_array_is_known_while_any_task_is) {
  World w;
  const JobId array = w.submit_array("0-1");
  w.start(array, 0, 1, 0);
  w.cancel({{.job = array, .tasks = {}}});
  w.now = w.now + 400;
  w.run(state::Tick{});
  ASSERT_EQ(w.shown(array), "CANCELLED") << "task 1, which has the array's number";
  const auto targets = job_targets(w.state, std::to_string(array.v));
  ASSERT_TRUE(targets);
  EXPECT_TRUE(targets->front().whole_array);
  EXPECT_TRUE(record_of(w.state, targets->front()));
  EXPECT_EQ(record_of(w.state, {.job = JobId{77}, .tasks = {}}), nullptr);
}

TEST(JobText, components_of_a_heterogeneous_job) {
  World w;
  w.use_newest_format();
  const JobId plain = w.submit();
  const JobId leader = w.run(state::SubmitHetJob{{w.job(), w.job()}}).job;
  const auto named = [&](const std::string& text) { return job_targets(w.state, text); };
  const std::string first = std::to_string(leader.v);
  ASSERT_TRUE(named(first + "+1"));
  EXPECT_EQ(named(first + "+1")->front().job.v, leader.v + 1);
  EXPECT_EQ(named(first + "+0")->front().job, leader);
  EXPECT_EQ(named(first + "+2").error().code, Errc::invalid_job_id);
  EXPECT_EQ(named(first + "+x").error().code, Errc::invalid_job_id);
  EXPECT_EQ(named(std::to_string(leader.v + 1) + "+0").error().code, Errc::invalid_job_id) << "not the first one";
  EXPECT_EQ(named(std::to_string(plain.v) + "+0").error().code, Errc::not_het_job);
}

TEST(Clockwork, a_tick_is_due_at_limits_and_forgetting_times_only) {
  World w;
  const JobId id = w.submit();
  EXPECT_FALSE(tick_due(w.state, w.now));
  w.start(id);
  EXPECT_FALSE(tick_due(w.state, w.now + 599));
  EXPECT_TRUE(tick_due(w.state, w.now + 600));
  w.finish(id);
  EXPECT_FALSE(tick_due(w.state, w.now + 299));
  EXPECT_TRUE(tick_due(w.state, w.now + 300));
  w.state.settings.min_job_age_s = 0;
  EXPECT_FALSE(tick_due(w.state, w.now + 300));
  state::SubmitJob late = w.job();
  late.request.deadline = w.now + 650;  // it needs 600 of them
  w.run(std::move(late));
  EXPECT_FALSE(tick_due(w.state, w.now + 50));
  EXPECT_TRUE(tick_due(w.state, w.now + 51));
}

TEST(ReportedRun, the_first_run_needs_no_proof) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  EXPECT_EQ(reported_run(w.at(id), false).fate, ReportedRun::Fate::take);
}

TEST(ReportedRun, a_later_run_reports_after_its_node_took_it) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(state::RequeueJobs{.targets = {{.job = id, .tasks = {}}}});
  EXPECT_EQ(reported_run(w.at(id), true).restart_count, 0u) << "the node still cleans up";
  w.clean(id);
  EXPECT_EQ(reported_run(w.at(id), false).fate, ReportedRun::Fate::too_late) << "it waits; nothing of it runs";
  w.start(id);
  EXPECT_EQ(reported_run(w.at(id), false).fate, ReportedRun::Fate::unclear);
  const ReportedRun run = reported_run(w.at(id), true);
  EXPECT_EQ(run.fate, ReportedRun::Fate::take);
  EXPECT_EQ(run.restart_count, 1u);
}

TEST(Mail, subjects_read_as_slurms) {
  World w;
  const JobId id = w.submit();
  w.now = w.now + 65;
  w.start(id);
  EXPECT_EQ(mail_subject(w.at(id), 1, w.now), "Slurm Job_id=1 Name=job Began, Queued time 00:01:05");
  w.now = w.now + 3;
  w.finish(id, 2 << 8);
  EXPECT_EQ(mail_subject(w.at(id), 2, w.now), "Slurm Job_id=1 Name=job Ended, Run time 00:00:03, FAILED, ExitCode 2");
  EXPECT_EQ(mail_subject(w.at(id), 4, w.now), "Slurm Job_id=1 Name=job Failed, Run time 00:00:03, FAILED, ExitCode 2");
}

TEST(Tres, memory_is_written_in_the_largest_whole_unit) {
  EXPECT_EQ(memory_text(0), "0M");
  EXPECT_EQ(memory_text(1000), "1000M");
  EXPECT_EQ(memory_text(1536), "1.50G");
  EXPECT_EQ(memory_text(2304), "2304M");
  EXPECT_EQ(memory_text(2048), "2G");
  EXPECT_EQ(memory_text(3ull << 20), "3T");
  EXPECT_EQ(configured_tres(8, 2048, 2, true), "cpu=8,mem=2G,node=2,billing=8");
  World w;
  const JobId id = w.submit();
  acct::Books books;
  books.tres.set(1001, {.id = 1001, .type = "license", .name = "matlab"});
  EXPECT_EQ(allocated_tres(w.at(id), w.state.settings, books), "");
  w.start(id, 0, 0b11, kNoVal32, 512);
  EXPECT_EQ(allocated_tres(w.at(id), w.state.settings, books), "cpu=2,mem=512M,node=1,billing=2");
  model::Job with_licenses = w.at(id);
  model::JobRequest request = *with_licenses.request;
  request.licenses = "matlab:3,maple";
  with_licenses.request = std::make_shared<const model::JobRequest>(request);
  EXPECT_EQ(allocated_tres(with_licenses, w.state.settings, books), "cpu=2,mem=512M,node=1,billing=2,license/matlab=3")
      << "maple is not counted";
  EXPECT_EQ(used_tres(*w.state.node(0u)), "cpu=2,mem=512M");
}

TEST(JobInfo, a_jobs_life) {
  World w;
  const JobId id = w.submit();
  wire::JobInfo info = job_info(w.state, w.at(id), true);
  EXPECT_EQ(info.job_state, 0u);
  EXPECT_EQ(info.nodes, "");
  EXPECT_FALSE(info.job_resrcs);
  w.start(id, 1, 0b110);
  info = job_info(w.state, w.at(id), true);
  EXPECT_EQ(info.job_state, 1u);
  EXPECT_EQ(info.nodes, "n2");
  EXPECT_EQ(info.num_cpus, 2u);
  ASSERT_TRUE(info.job_resrcs);
  EXPECT_TRUE(info.job_resrcs->core_bitmap.test(1) && info.job_resrcs->core_bitmap.test(2));
  EXPECT_FALSE(info.job_resrcs->core_bitmap.test(0));
  EXPECT_EQ(info.end_time - info.start_time, 600);
  w.end(id, 9);
  info = job_info(w.state, w.at(id), true);
  EXPECT_EQ(info.job_state, 5u | 0x8000);  // failed, completing
  w.clean(id, 1);
  info = job_info(w.state, w.at(id), true);
  EXPECT_EQ(info.job_state, 5u);
  EXPECT_EQ(info.exit_code, 9u);
  EXPECT_EQ(info.nodes, "n2");
}

TEST(JobInfo, arrays_show_their_tasks_and_throttle) {
  World w;
  state::SubmitJob submit = w.job();
  submit.array.emplace();
  submit.array->pending = *model::TaskSet::parse("0-3", 10);
  submit.array->max_running = 2;
  const JobId array = w.run(std::move(submit)).job;
  w.start(array, 0, 1, 1);
  const wire::JobInfo rest = job_info(w.state, w.at(array), false);
  EXPECT_EQ(rest.array_task_str, "0xD");
  EXPECT_EQ(rest.array_max_tasks, 2u);
  const wire::JobInfo task = job_info(w.state, *w.state.array_task(array, 1), false);
  EXPECT_EQ(task.array_job_id, array);
  EXPECT_EQ(task.array_task_id, 1u);
}

TEST(StepInfo, the_batch_step_is_on_the_first_node) {
  World w;
  const JobId array = w.submit_array("0-1");
  w.start(array, 1, 1, 1);
  w.now = w.now + 7;
  const model::Job& task = *w.state.array_task(array, 1);
  const wire::JobStepInfo step = batch_step_info(w.state, task, w.now);
  EXPECT_EQ(step.step_id.job_id, task.id);
  EXPECT_EQ(step.step_id.step_id, kBatchStep);
  EXPECT_EQ(step.array_job_id, array);
  EXPECT_EQ(step.array_task_id, 1u);
  EXPECT_EQ(step.nodes, "n2");
  EXPECT_TRUE(step.node_inx.test(1));
  EXPECT_FALSE(step.node_inx.test(0));
  EXPECT_EQ(step.run_time.v, 7);
  EXPECT_EQ(step.start_time, task.start_time);
}

TEST(InfoCache, follows_the_job_and_the_head_of_its_array) {
  World w;
  const JobId array = w.submit_array("0-3");
  w.start(array, 0, 1, 1);
  const auto task = [&] { return w.state.jobs.get(w.state.array_task(array, 1)->id.v); };
  InfoCache cache;
  const std::string before(cache.job(w.state, task(), wire::v22_05, false));
  EXPECT_EQ(cache.job(w.state, task(), wire::v22_05, false), before);
  state::UpdateJobs throttle{.targets = {{.job = array, .tasks = {}}}};
  throttle.array_throttle = 1;
  w.run(std::move(throttle));
  EXPECT_NE(cache.job(w.state, task(), wire::v22_05, false), before);
}

TEST(InfoCache, follows_what_accounting_counts) {
  World w;
  state::SubmitJob submit = w.job();
  submit.request.licenses = "lic:2";
  const JobId id = w.run(std::move(submit)).job;
  InfoCache cache;
  const auto shown = [&] {
    cache.set_time(w.state, w.now);
    return std::string(cache.job(w.state, w.state.jobs.get(id.v), wire::v22_05, false));
  };
  EXPECT_EQ(shown().find("license/lic=2"), std::string::npos);
  auto books = std::make_shared<acct::Books>(*w.state.books);
  books->tres.set(1001, {.id = 1001, .type = "license", .name = "lic"});
  w.state.books = books;
  EXPECT_NE(shown().find("license/lic=2"), std::string::npos) << "though the job is as it was";
}

TEST(Launch, an_array_task_knows_its_place) {
  World w;
  state::SubmitJob submit = w.job();
  submit.payload.script = "#!/bin/sh\n";
  submit.array.emplace();
  submit.array->pending = *model::TaskSet::parse("0-3", 10);
  submit.array->task_count = 4;
  submit.array->task_max = 3;
  const JobId array = w.run(std::move(submit)).job;
  w.start(array, 2, 0b1000, 1);
  const model::Job& task = *w.state.array_task(array, 1);
  const wire::BatchJobLaunch launch = batch_launch(w.state, task, {.name = "u"}, w.now, wire::v22_05);
  EXPECT_EQ(launch.job_id, task.id);
  EXPECT_EQ(launch.array_job_id, array);
  EXPECT_EQ(launch.array_task_id, 1u);
  EXPECT_EQ(launch.nodes, "n3");
  EXPECT_EQ(launch.cpus_per_node, (std::vector<std::uint16_t>{1}));
  EXPECT_EQ(std::count(launch.environment.begin(), launch.environment.end(), "SLURM_ARRAY_TASK_COUNT=4"), 1);
  EXPECT_FALSE(launch.cred.signed_bytes.empty());
}

}  // namespace
}  // namespace flurm::ctld
