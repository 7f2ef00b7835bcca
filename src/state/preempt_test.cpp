// state/preempt_test.cpp — jobs that give way: how they end, what their grace time is worth, what the planner was late
// for.
#include <gtest/gtest.h>

#include <random>

#include "state/world.hpp"

namespace flurm::state {
namespace {

namespace mode = model::preempt_mode;
using model::PreemptRule;

class PreemptTest : public testing::Test {
 protected:
  explicit PreemptTest(std::uint16_t how = mode::cancel) {
    w.use_newest_format();
    Configure again;
    again.settings = w.state.settings;
    again.settings.preempt.by = PreemptRule::By::partition;
    again.settings.preempt.mode = how;
    w.state.nodes.for_each([&](std::uint64_t, const auto& node) {
      again.nodes.push_back(node->config);
      return true;
    });
    again.partitions.push_back(*w.state.partitions[0]);
    again.partitions.push_back(*w.state.partitions[0]);
    again.partitions[1].name = "high";
    again.partitions[1].flags = 0;
    again.partitions[1].priority_tier = 10;
    configuration = again;
    w.run(again);
  }
  JobId running(bool may_come_back = true) {
    SubmitJob submit = w.job();
    submit.request.requeue = may_come_back ? 1 : 0;
    const JobId id = w.run(std::move(submit)).job;
    w.start(id);
    return id;
  }
  JobId waiting() {
    SubmitJob submit = w.job();
    submit.partitions = "high";
    return w.run(std::move(submit)).job;
  }
  void preempt(JobId job, JobId preemptor) { w.run(PreemptJobs{{{job, preemptor, "high"}}}); }
  void give_grace(std::uint32_t seconds) {
    configuration.partitions[0].grace_time = seconds;
    w.run(configuration);
  }
  void pass(std::int64_t seconds) {
    w.now = w.now + seconds;
    w.run(Tick{});
  }
  std::vector<std::uint16_t> signals() const {
    std::vector<std::uint16_t> out;
    w.state.effects.for_each([&](std::uint64_t, const auto& effect) {
      if (effect->kind == Effect::Kind::signal_job) out.push_back(effect->signal);
      return true;
    });
    return out;
  }
  test::World w;
  Configure configuration;
};

TEST_F(PreemptTest, a_job_is_cancelled) {
  const JobId low = running(), high = waiting();
  w.now = w.now + 5;
  preempt(low, high);
  EXPECT_EQ(w.at(low).state, (model::JobState{model::JobBase::preempted, model::job_flag::completing}));
  EXPECT_EQ(w.at(low).preempt_time, w.now);
  EXPECT_EQ(w.at(low).end_time, w.now);
  bool told = false;
  w.state.effects.for_each([&](std::uint64_t, const auto& effect) {
    told |= effect->kind == Effect::Kind::end_job && effect->end == Effect::End::preempted;
    return true;
  });
  EXPECT_TRUE(told);
  w.clean(low);
  EXPECT_EQ(w.shown(low), "PREEMPTED");
}

TEST_F(PreemptTest, the_planner_may_be_late) {
  const JobId low = running(), high = waiting();
  w.cancel({{.job = high}});
  preempt(low, high);
  EXPECT_EQ(w.shown(low), "RUNNING") << "its preemptor is gone";
  preempt(high, low);
  preempt(low, JobId{4711});
  preempt(JobId{4711}, high);
  const JobId other = w.submit();
  w.run(PreemptJobs{{{low, other, "all"}}});
  EXPECT_EQ(w.shown(low), "RUNNING") << "both are of one tier";
}

TEST_F(PreemptTest, what_is_to_be_suspended_is_not_ended) {
  const JobId low = running(), high = waiting();
  configuration.partitions[0].preempt_mode = mode::suspend;
  w.run(configuration);
  preempt(low, high);
  EXPECT_EQ(w.shown(low), "RUNNING");
  configuration.partitions[0].preempt_mode = mode::requeue;
  w.run(configuration);
  preempt(low, high);
  EXPECT_TRUE(w.at(low).state.has(model::job_flag::requeue));
}

TEST_F(PreemptTest, a_time_of_grace_ends_it_later) {
  give_grace(60);
  const JobId low = running(), high = waiting();
  preempt(low, high);
  EXPECT_EQ(w.shown(low), "RUNNING");
  EXPECT_EQ(w.at(low).end_time, w.now + 60);
  EXPECT_EQ(signals(), (std::vector<std::uint16_t>{18, 15}));
  pass(30);
  preempt(low, high);
  EXPECT_EQ(w.at(low).end_time, w.now + 30) << "once is enough";
  w.cancel({{.job = high}});
  pass(29);
  EXPECT_EQ(w.shown(low), "RUNNING");
  pass(1);
  EXPECT_EQ(w.at(low).state.base, model::JobBase::preempted) << "as in Slurm, nothing takes it back";
}

TEST_F(PreemptTest, what_borrows_from_a_reservation_goes_in_the_time_that_it_asked_for) {
  SubmitJob submit = w.job();
  submit.request.warn_flags = 1 << 8;
  submit.request.warn_time = 20;
  const JobId borrower = w.run(std::move(submit)).job;
  w.start(borrower);
  auto own = std::make_shared<model::Reservation>();
  own->name = "own";
  own->nodes.push_back({w.at(borrower).allocation->shares.front().node, {}});
  SubmitJob within = w.job();
  within.request.reservation = "own";
  w.state.reservations.push_back(own);
  const JobId owner = w.run(std::move(within)).job;
  w.run(PreemptJobs{{{borrower, owner, w.at(borrower).partition}}});
  EXPECT_FALSE(w.at(borrower).preempt_time) << "it has no MaxStartDelay";
  own->max_start_delay_s = 30;
  w.run(PreemptJobs{{{borrower, owner, w.at(borrower).partition}}});
  EXPECT_EQ(w.at(borrower).end_time, w.now + 20);
  EXPECT_EQ(signals(), (std::vector<std::uint16_t>{18, 15}));
}

TEST_F(PreemptTest, grace_does_not_prolong_and_a_new_limit_does_not_save) {
  give_grace(3600);
  const JobId low = running(), high = waiting();
  const TimeS end = w.at(low).end_time;
  preempt(low, high);
  EXPECT_EQ(w.at(low).end_time, end);
  UpdateJobs update{.targets = {{.job = low}}, .by_operator = true};
  update.time_limit = 600;
  w.run(update);
  EXPECT_EQ(w.at(low).end_time, end);
  EXPECT_EQ(w.at(low).time_limit, 600u);
}

TEST_F(PreemptTest, a_job_that_ends_in_its_grace_time_has_just_ended) {
  give_grace(60);
  const JobId low = running(), high = waiting();
  preempt(low, high);
  w.finish(low);
  EXPECT_EQ(w.shown(low), "COMPLETED");
}

TEST_F(PreemptTest, its_own_signal_instead_of_sigterm) {
  configuration.settings.preempt.send_user_signal = true;
  give_grace(60);
  SubmitJob submit = w.job();
  submit.request.warn_signal = 10;
  const JobId low = w.run(std::move(submit)).job, high = waiting();
  w.start(low);
  preempt(low, high);
  EXPECT_EQ(signals(), (std::vector<std::uint16_t>{18, 10}));
}

class RequeueTest : public PreemptTest {
 protected:
  RequeueTest() : PreemptTest(mode::requeue) {}
};

TEST_F(RequeueTest, a_job_starts_over) {
  const JobId low = running(), high = waiting();
  preempt(low, high);
  EXPECT_TRUE(w.at(low).state.has(model::job_flag::requeue));
  w.clean(low);
  EXPECT_EQ(w.shown(low), "PENDING");
  EXPECT_EQ(w.at(low).restart_count, 1u);
  EXPECT_FALSE(w.at(low).preempt_time);
}

TEST_F(RequeueTest, one_that_may_not_is_cancelled) {
  SubmitJob submit = w.job();
  submit.request.requeue = 0;
  const JobId batch = w.run(std::move(submit)).job, high = waiting();
  w.start(batch);
  preempt(batch, high);
  w.clean(batch);
  EXPECT_EQ(w.shown(batch), w.at(batch).requeue_allowed ? "PENDING" : "PREEMPTED");
}

TEST_F(RequeueTest, a_snapshot_keeps_it_all) {
  give_grace(60);
  const JobId low = running(), high = waiting();
  preempt(low, high);
  auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(state_hash(*loaded), state_hash(w.state));
  EXPECT_EQ(loaded->settings.preempt, w.state.settings.preempt);
  apply(*loaded, {.now = w.now + 61, .command = Tick{}});
  EXPECT_TRUE(loaded->job(low)->state.has(model::job_flag::requeue));
}

class GangTest : public PreemptTest {
 protected:
  GangTest() : PreemptTest(mode::suspend | mode::gang) {}
  JobId start_in(const std::string& partition, std::uint64_t cores) {
    SubmitJob submit = w.job();
    submit.partitions = partition;
    const JobId id = w.run(std::move(submit)).job;
    model::NodeShare share{.node = 0, .cpus = 1, .memory_mib = 100, .cores = {cores}};
    Schedule plan;
    plan.starts.push_back({.job = id, .partition = partition, .shares = {share}});
    w.run(std::move(plan));
    return id;
  }
  void share_cores(std::uint16_t rows) {
    configuration.partitions[0].max_share = rows | model::kShareForce;
    w.run(configuration);
  }
};

TEST_F(GangTest, a_higher_tier_suspends_a_lower_one_until_it_is_over) {
  const JobId low = start_in("all", 3), beside = start_in("all", 4);
  w.now = w.now + 10;
  const JobId high = start_in("high", 1);
  EXPECT_EQ(w.shown(low), "SUSPENDED");
  EXPECT_TRUE(w.at(low).waits_turn);
  EXPECT_EQ(w.shown(beside), "RUNNING");
  EXPECT_EQ(w.shown(high), "RUNNING");
  const TimeS end = w.at(low).end_time;
  pass(1000);
  EXPECT_EQ(w.shown(low), "SUSPENDED") << "slices of time are for those of one tier";
  w.end(high);
  EXPECT_EQ(w.shown(low), "SUSPENDED") << "until the cores are clean";
  w.clean(high);
  EXPECT_EQ(w.shown(low), "RUNNING");
  EXPECT_EQ(w.at(low).end_time, end + 1000);
  EXPECT_EQ(w.at(low).run_time(w.now), 10);
}

TEST_F(GangTest, nobody_starts_over_one_of_its_own_tier_or_without_memory) {
  const JobId low = start_in("all", 1);
  EXPECT_EQ(w.shown(start_in("all", 1)), "PENDING");
  const JobId high = start_in("high", 1);
  EXPECT_EQ(w.shown(high), "RUNNING");
  EXPECT_EQ(w.shown(start_in("high", 1)), "PENDING");
  EXPECT_EQ(w.shown(low), "SUSPENDED");
}

TEST_F(GangTest, jobs_of_one_tier_take_turns) {
  share_cores(3);
  const JobId one = start_in("all", 1);
  const JobId two = start_in("all", 3), three = start_in("all", 2);
  EXPECT_EQ(w.shown(one), "RUNNING");
  EXPECT_EQ(w.shown(two), "SUSPENDED");
  EXPECT_EQ(w.shown(three), "RUNNING") << "it is in nobody's way but that of one that waits";
  pass(29);
  EXPECT_EQ(w.shown(two), "SUSPENDED");
  pass(1);
  EXPECT_EQ(w.shown(one), "SUSPENDED");
  EXPECT_EQ(w.shown(two), "RUNNING");
  EXPECT_EQ(w.shown(three), "SUSPENDED");
  pass(30);
  EXPECT_EQ(w.shown(one), "RUNNING");
  EXPECT_EQ(w.shown(two), "SUSPENDED");
  EXPECT_EQ(w.shown(three), "RUNNING");
  w.finish(one);
  EXPECT_EQ(w.shown(two), "SUSPENDED");
  w.finish(three);
  EXPECT_EQ(w.shown(two), "RUNNING");
}

TEST_F(GangTest, what_a_person_suspends_stays_so) {
  const JobId low = start_in("all", 1), high = start_in("high", 1);
  w.run(SuspendJobs{.targets = {{.job = low}}});
  EXPECT_FALSE(w.at(low).waits_turn);
  w.finish(high);
  EXPECT_EQ(w.shown(low), "SUSPENDED");
  w.run(SuspendJobs{.targets = {{.job = low}}, .resume = true});
  EXPECT_EQ(w.shown(low), "RUNNING");
}

TEST_F(GangTest, without_gang_scheduling_all_go_on) {
  const JobId low = start_in("all", 1);
  start_in("high", 1);
  EXPECT_EQ(w.shown(low), "SUSPENDED");
  configuration.settings.preempt.mode = mode::cancel;
  w.run(configuration);
  EXPECT_EQ(w.shown(low), "RUNNING");
}

/// Whatever comes and goes: who runs has its cores for itself, and nobody waits for cores that are free.
TEST_F(GangTest, cores_are_never_used_twice_nor_left_idle) {
  std::mt19937 random(7);
  share_cores(4);
  std::vector<JobId> jobs;
  for (int step = 0; step < 3000; ++step) {
    const JobId some = jobs.empty() ? JobId{1} : jobs[random() % jobs.size()];
    w.now = w.now + static_cast<int>(random() % 12);
    switch (random() % 6) {
      case 0:
      case 1:
        if (w.state.active.size() < 12) jobs.push_back(start_in(random() % 3 ? "all" : "high", random() % 15 + 1));
        break;
      case 2:
        w.run(Tick{});
        break;
      case 3:
        w.end(some);
        break;
      case 4:
        w.clean(some);
        break;
      default:
        w.run(SuspendJobs{.targets = {{.job = some}}, .resume = random() % 3 != 0});
    }
    std::uint64_t used = 0;
    std::vector<const model::Job*> waiting;
    w.state.active.for_each([&](std::uint64_t, const auto& job) {
      const std::uint64_t cores = job->allocation->shares[0].cores[0];
      if (job->state.running()) {
        EXPECT_EQ(used & cores, 0u) << "step " << step;
      } else if (job->waits_turn) {
        waiting.push_back(job.get());
      }
      if (job->state.running() || job->state.completing()) used |= cores;
      return true;
    });
    for (const model::Job* job : waiting) EXPECT_NE(used & job->allocation->shares[0].cores[0], 0u) << "step " << step;
    if (HasFailure()) break;
  }
  EXPECT_GT(jobs.size(), 100u);
}

}  // namespace
}  // namespace flurm::state
