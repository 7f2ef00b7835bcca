// state/requeue_test.cpp — jobs that start over: who asks for it, what is told of it, and what keeps it from going on
// for ever; deadlines; scontrol top; mail for arrays.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "state/world.hpp"

namespace flurm::state::test {
namespace {

using model::JobReason;
namespace job_flag = model::job_flag;
namespace bit = model::mail_bit;

constexpr std::uint32_t exited(std::uint32_t code) { return code << 8; }

/// A cluster with these RequeueExit and RequeueExitHold.
World with_exit_codes(const char* again, const char* held) {
  World w;
  Configure configure;
  configure.settings = w.state.settings;
  configure.settings.requeue_exit = *model::TaskSet::parse(again, 255);
  configure.settings.requeue_exit_hold = *model::TaskSet::parse(held, 255);
  for (const char* name : {"n1", "n2", "n3", "n4"}) configure.nodes.push_back(w.state.node(name)->config);
  for (const auto& partition : w.state.partitions) configure.partitions.push_back(*partition);
  w.run(std::move(configure));
  return w;
}

TEST(Requeue, exit_codes_that_start_a_job_over) {
  World w = with_exit_codes("3,10-12", "4");
  const JobId again = w.submit(), held = w.submit(), over = w.submit();
  for (JobId id : {again, held, over}) w.start(id, id.v - again.v);
  w.finish(again, exited(11), 0);
  w.finish(held, exited(4), 1);
  w.finish(over, exited(5), 2);

  EXPECT_EQ(w.shown(again), "PENDING");
  EXPECT_EQ(w.at(again).reason, JobReason::begin_time);
  EXPECT_GT(w.at(again).request->begin_time, w.now + 60) << "what fails at once does not run without end";
  EXPECT_EQ(w.at(again).restart_count, 1u);
  EXPECT_EQ(w.shown(held), "PENDING");
  EXPECT_TRUE(w.at(held).state.has(job_flag::special_exit));
  EXPECT_EQ(w.at(held).priority, 0u);
  EXPECT_EQ(w.at(held).reason, JobReason::held_user);
  EXPECT_EQ(w.shown(over), "FAILED");

  w.run(UpdateJobs{.targets = {{.job = held, .tasks = {}}}, .uid = 1000, .priority = kInfinite32});
  EXPECT_FALSE(w.at(held).state.has(job_flag::special_exit));
  EXPECT_NE(w.at(held).priority, 0u);
}

TEST(Requeue, a_cancelled_job_stays_cancelled) {
  World w = with_exit_codes("0,3", "9");
  const JobId id = w.submit();
  w.start(id);
  w.cancel({{.job = id, .tasks = {}}});
  w.clean(id);
  EXPECT_EQ(w.shown(id), "CANCELLED");
}

TEST(Requeue, of_a_job_that_is_cleaning_up_waits_for_that) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.end(id, exited(1));
  EXPECT_EQ(w.run(RequeueJobs{.targets = {{.job = id, .tasks = {}}}, .hold = true}).code, Errc::success);
  EXPECT_EQ(w.shown(id), "COMPLETING");
  EXPECT_EQ(w.run(RequeueJobs{.targets = {{.job = id, .tasks = {}}}}).code, Errc::job_pending);
  w.clean(id);
  EXPECT_EQ(w.shown(id), "PENDING");
  EXPECT_EQ(w.at(id).state_desc, "job requeued in held state");
  EXPECT_EQ(w.at(id).restart_count, 1u);
}

TEST(Requeue, a_job_waits_as_long_as_a_credential_lives) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(RequeueJobs{.targets = {{.job = id, .tasks = {}}}});
  w.clean(id);
  EXPECT_EQ(w.at(id).request->begin_time.v, 0) << "not where an older release may be the leader's peer";
  w.state.settings.requeue_wait_s = 121;
  w.start(id);
  w.run(RequeueJobs{.targets = {{.job = id, .tasks = {}}}});
  w.clean(id);
  EXPECT_EQ(w.at(id).request->begin_time, w.now + 121);
  EXPECT_EQ(w.at(id).reason, JobReason::begin_time);
  w.start(id);
  EXPECT_EQ(w.shown(id), "PENDING");
  w.now = w.now + 121;
  w.start(id);
  EXPECT_EQ(w.shown(id), "RUNNING");
}

TEST(Requeue, of_a_waiting_job_is_refused) {
  World w;
  const JobId id = w.submit();
  for (bool hold : {false, true})
    EXPECT_EQ(w.run(RequeueJobs{.targets = {{.job = id, .tasks = {}}}, .hold = hold}).code, Errc::job_pending);
  EXPECT_NE(w.at(id).priority, 0u);
}

TEST(Requeue, the_special_exit_state_lasts_until_release) {
  World w;
  const JobId id = w.submit();
  w.start(id);
  w.run(RequeueJobs{.targets = {{.job = id, .tasks = {}}}, .hold = true, .special_exit = true});
  EXPECT_EQ(w.shown(id), "COMPLETING");
  w.clean(id);
  EXPECT_EQ(w.shown(id), "PENDING");
  EXPECT_TRUE(w.at(id).state.has(job_flag::special_exit));
}

TEST(Requeue, a_job_that_can_never_be_launched_is_held_in_the_end) {
  World w;
  const JobId id = w.submit();
  for (std::uint32_t i = 1; i <= 5; ++i) {
    w.start(id, 0);
    ASSERT_EQ(w.shown(id), "RUNNING") << i;
    w.run(EndBatch{.job = id, .wait_status = exited(1), .slurm_rc = Errc::communications_receive});
    w.clean(id);
    ASSERT_EQ(w.shown(id), "PENDING") << i;
    EXPECT_EQ(w.at(id).reason, i < 5 ? JobReason::begin_time : JobReason::max_requeue) << i;
    w.now = w.now + 200;
  }
  EXPECT_EQ(w.at(id).priority, 0u);
  w.run(UpdateJobs{.targets = {{.job = id, .tasks = {}}}, .uid = 1000, .priority = kInfinite32});
  w.start(id);
  EXPECT_EQ(w.shown(id), "RUNNING");
}

TEST(Forgetting, an_array_keeps_its_number_while_any_task_is_known) {
  World w;
  const JobId array = w.submit_array("0-2");
  w.state.settings.min_job_age_s = 300;
  w.start(array, 0, 1, 0);
  w.start(array, 1, 1, 1);
  w.start(array, 2, 1, 2);  // the last one: the array's own record
  const JobId first = w.state.array_task(array, 0)->id, second = w.state.array_task(array, 1)->id;
  w.finish(array, 0, 2);
  w.finish(first, 0, 0);
  w.now = w.now + 400;
  w.run(Tick{});
  EXPECT_EQ(w.shown(first), "gone");
  EXPECT_EQ(w.shown(array), "COMPLETED") << "by its number the others are asked for";
  w.finish(second, 0, 1);
  w.now = w.now + 300;
  w.run(Tick{});
  EXPECT_EQ(w.state.jobs.size(), 0u);
}

TEST(Deadline, a_job_that_cannot_meet_it_ends) {
  World w;
  SubmitJob late = w.job(10), least = w.job(10), held = w.job(10);
  late.request.deadline = least.request.deadline = held.request.deadline = w.now + 300;
  least.request.time_min = 2;
  held.request.priority = 0;
  const JobId a = w.run(late).job, b = w.run(least).job, c = w.run(held).job;
  w.start(a);
  EXPECT_EQ(w.shown(a), "PENDING") << "it would not end in time";
  w.run(Tick{});
  EXPECT_EQ(w.shown(a), "DEADLINE");
  w.start(b);
  EXPECT_EQ(w.shown(b), "RUNNING");
  EXPECT_EQ(w.at(b).time_limit, 5u) << "until the deadline";
  EXPECT_EQ(w.shown(c), "PENDING") << "nobody knows when it could start";
  w.now = w.now + 301;
  w.run(Tick{});
  EXPECT_EQ(w.shown(c), "DEADLINE");
}

TEST(Top, jobs_of_one_user_change_places) {
  World w;
  const JobId first = w.submit(), second = w.submit(), third = w.submit();
  SubmitJob foreign = w.job();
  foreign.request.user_id = 1001;
  const JobId other = w.run(foreign).job;
  const std::uint32_t best = w.at(first).priority, others = w.at(other).priority;
  EXPECT_EQ(w.run(TopJobs{.jobs = {third}, .uid = 1001}).code, Errc::access_denied);
  EXPECT_EQ(w.run(TopJobs{.jobs = {third, third}, .uid = 1000}).code, Errc::success);
  EXPECT_EQ(w.at(third).priority, best);
  EXPECT_LT(w.at(first).priority, best);
  EXPECT_LT(w.at(second).priority, w.at(first).priority);
  EXPECT_EQ(w.at(other).priority, others);
  std::int64_t nice = 0;
  for (JobId id : {first, second, third}) nice += std::int64_t{w.at(id).request->nice} - 0x80000000;
  EXPECT_EQ(nice, 0) << "what one gains the others lose";

  w.start(third);
  EXPECT_EQ(w.run(TopJobs{.jobs = {third}, .uid = 1000}).code, Errc::job_not_pending);
  EXPECT_EQ(w.run(TopJobs{.jobs = {JobId{99}}, .uid = 1000}).code, Errc::invalid_job_id);
}

/// The mails that wait to be sent: which, about which job.
std::vector<std::pair<std::uint16_t, std::uint32_t>> mails(const World& w) {
  std::vector<std::pair<std::uint16_t, std::uint32_t>> out;
  w.state.effects.for_each([&](std::uint64_t, const auto& effect) {
    if (effect->kind == Effect::Kind::mail) out.emplace_back(effect->mail_event, effect->job.v);
    return true;
  });
  return out;
}

JobId array_with_mail(World& w, std::uint16_t type) {
  SubmitJob submit = w.job();
  submit.request.mail_type = type;
  submit.array.emplace();
  submit.array->pending = *model::TaskSet::parse("1-2", 10);
  return w.run(std::move(submit)).job;
}

TEST(Mail, of_an_array_comes_once) {
  World w;
  const JobId array = array_with_mail(w, bit::begin | bit::end | bit::fail);
  w.start(array, 0, 1, 1);
  w.start(array, 0, 2, 2);
  const JobId first = w.state.array_task(array, 1)->id;
  w.finish(first, exited(3));
  const std::pair<std::uint16_t, std::uint32_t> began{bit::begin, array.v}, failed{bit::fail, array.v};
  EXPECT_EQ(mails(w), std::vector{began});
  w.finish(array);
  EXPECT_EQ(mails(w), (std::vector{began, failed}));
  EXPECT_EQ(w.at(array).array->least_status, 0u);
  EXPECT_EQ(w.at(array).array->worst_status, exited(3));
}

TEST(Mail, of_an_arrays_tasks_when_asked_for) {
  World w;
  const JobId array = array_with_mail(w, bit::begin | bit::end | bit::array_tasks);
  w.start(array, 0, 1, 1);
  w.start(array, 0, 2, 2);
  const JobId first = w.state.array_task(array, 1)->id;
  w.finish(first);
  w.finish(array);
  EXPECT_EQ(mails(w).size(), 4u);
}

TEST(Mail, of_a_failed_job_is_not_that_of_its_end) {
  for (const auto& [type, count] : {std::pair{bit::end, 0u}, {bit::fail, 1u}, {bit::end | bit::fail, 1u}}) {
    World w;
    SubmitJob submit = w.job();
    submit.request.mail_type = static_cast<std::uint16_t>(type);
    const JobId id = w.run(std::move(submit)).job;
    w.start(id);
    w.finish(id, exited(1));
    EXPECT_EQ(mails(w).size(), count);
  }
}

}  // namespace
}  // namespace flurm::state::test
