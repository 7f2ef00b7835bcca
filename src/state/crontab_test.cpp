// state/crontab_test.cpp — scrontab: jobs that come back, until their line goes or somebody cancels them.
#include <gtest/gtest.h>

#include "state/world.hpp"

namespace flurm::state::test {
namespace {

constexpr std::uint32_t kUser = 1000;

SubmitJob line(World& w, std::uint32_t number, TimeS begin) {
  SubmitJob job = w.job();
  job.request.begin_time = begin;
  job.cron = model::CronEntry{.minutes = 1, .first_line = number, .last_line = number};
  return job;
}

World with_lines(int count) {
  World w;
  w.use_newest_format();
  UpdateCrontab command{.uid = kUser, .text = "text", .jobs = {}};
  for (int i = 0; i < count; ++i) command.jobs.push_back(line(w, static_cast<std::uint32_t>(i) + 1, w.now));
  EXPECT_EQ(w.run(std::move(command)).code, Errc::success);
  return w;
}

const model::Crontab& crontab(const World& w) { return *w.state.crontabs.find(kUser); }

TEST(Crontab, a_job_comes_back_when_it_has_run_however_that_ended) {
  World w = with_lines(1);
  const JobId id = crontab(w).jobs.at(0);
  for (std::uint32_t run = 0; run < 3; ++run) {
    w.start(id);
    ASSERT_EQ(w.shown(id), "RUNNING");
    w.finish(id, run << 8);
    EXPECT_EQ(w.shown(id), "PENDING");
    EXPECT_EQ(w.at(id).restart_count, run + 1);
    EXPECT_TRUE(w.at(id).cron->start_wanted);
    w.start(id);
    EXPECT_EQ(w.shown(id), "PENDING") << "nobody has said when yet";
    w.run(SetCronStarts{{{id, w.now + 60}}});
    EXPECT_FALSE(w.at(id).cron->start_wanted);
    EXPECT_EQ(w.at(id).reason, model::JobReason::begin_time);
    EXPECT_EQ(w.at(id).eligible_time, w.now + 60);
    w.start(id);
    EXPECT_EQ(w.shown(id), "PENDING");
    w.now = w.now + 60;
  }
}

TEST(Crontab, a_new_one_takes_the_place_of_the_old_and_lets_running_jobs_finish) {
  World w = with_lines(3);
  const std::vector<JobId> old = crontab(w).jobs;
  w.start(old[0]);
  w.start(old[1], 1);
  w.end(old[1]);  // cleaning up, to come back
  EXPECT_EQ(w.run(UpdateCrontab{.uid = kUser, .text = "other", .jobs = {line(w, 1, w.now)}}).code, Errc::success);
  EXPECT_EQ(crontab(w).text, "other");
  EXPECT_EQ(crontab(w).jobs.size(), 1u);
  w.clean(old[1], 1);
  EXPECT_NE(w.shown(old[1]), "PENDING");
  EXPECT_EQ(w.shown(old[2]), "CANCELLED");
  EXPECT_EQ(w.at(old[2]).exit_code, 1u);
  EXPECT_EQ(w.shown(old[0]), "RUNNING");
  w.finish(old[0]);
  EXPECT_EQ(w.shown(old[0]), "COMPLETED");

  EXPECT_EQ(w.run(UpdateCrontab{.uid = kUser, .text = {}, .jobs = {}}).code, Errc::success);
  EXPECT_EQ(w.state.crontabs.find(kUser), nullptr);
}

TEST(Crontab, is_taken_as_a_whole_or_not_at_all) {
  World w = with_lines(1);
  const JobId old = crontab(w).jobs.at(0);
  UpdateCrontab command{.uid = kUser, .text = "bad", .jobs = {line(w, 1, w.now), line(w, 2, w.now)}};
  command.jobs[1].partitions = "nowhere";
  const Reply reply = w.run(std::move(command));
  EXPECT_EQ(reply.code, Errc::invalid_partition_name);
  ASSERT_EQ(reply.results.size(), 1u);
  EXPECT_EQ(reply.results[0].task, 1u) << "which line";
  EXPECT_EQ(crontab(w).text, "text");
  EXPECT_EQ(w.shown(old), "PENDING");
  EXPECT_EQ(w.state.jobs.size(), 1u);
}

TEST(Crontab, a_cancelled_job_does_not_come_back_and_its_line_is_told) {
  World w = with_lines(3);
  const std::vector<JobId> jobs = crontab(w).jobs;
  w.start(jobs[0]);
  w.cancel({{.job = jobs[0], .tasks = {}}}, 10);
  EXPECT_EQ(crontab(w).disabled_lines, "") << "a signal is no end";
  w.cancel({{.job = jobs[0], .tasks = {}}});
  w.clean(jobs[0]);
  EXPECT_EQ(w.shown(jobs[0]), "CANCELLED");
  w.cancel({{.job = jobs[2], .tasks = {}}});
  EXPECT_EQ(w.shown(jobs[2]), "CANCELLED");
  EXPECT_EQ(crontab(w).disabled_lines, "1-1,3-3");
  EXPECT_FALSE(w.at(jobs[2]).cron->comes_back);
}

TEST(Crontab, is_stored_and_comes_back) {
  EXPECT_EQ(format_of(UpdateCrontab{}), 5);
  EXPECT_EQ(format_of(SetCronStarts{}), 5);
  EXPECT_EQ(format_of(UpdateJobs{}), kOldestFormat);
  EXPECT_EQ(format_of(UpdateJobs{.tres_per_node = "gres:gpu:1"}), 5);
  World w = with_lines(2);
  w.start(crontab(w).jobs[0]);
  w.finish(crontab(w).jobs[0]);
  const auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded->crontabs.find(kUser), crontab(w));
  EXPECT_EQ(*loaded->job(crontab(w).jobs[0])->cron, *w.at(crontab(w).jobs[0]).cron);
  EXPECT_EQ(state_hash(*loaded), state_hash(w.state));
}

}  // namespace
}  // namespace flurm::state::test
