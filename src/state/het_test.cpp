// state/het_test.cpp — heterogeneous jobs: submitted as one, started together, ended together.
#include <gtest/gtest.h>

#include "state/world.hpp"

namespace flurm::state::test {
namespace {

struct Het : World {
  JobId leader, second;
  Het() {
    use_newest_format();
    leader = run(SubmitHetJob{{job(), job()}}).job;
    second = at(leader).het->components.at(1);
  }
  Schedule::Start on(JobId id, model::NodeId node) {
    model::NodeShare share{.node = node, .cpus = 1};
    share.memory_mib = 100;
    share.cores = {1};
    return {.job = id, .partition = "all", .shares = {share}};
  }
  void start_both(model::NodeId first_node = 0, model::NodeId second_node = 1) {
    run(Schedule{.starts = {on(leader, first_node), on(second, second_node)}});
  }
  std::string both() const { return shown(leader) + " " + shown(second); }
  int launches() const {
    int count = 0;
    state.effects.for_each([&](std::uint64_t, const auto& effect) {
      count += effect->kind == Effect::Kind::launch_batch;
      return true;
    });
    return count;
  }
};

TEST(HetJob, components_know_each_other) {
  Het w;
  EXPECT_EQ(w.at(w.leader).het->offset, 0u);
  EXPECT_EQ(w.at(w.second).het->offset, 1u);
  EXPECT_EQ(w.at(w.second).het->leader(), w.leader);
  const auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->job(w.second)->het, w.at(w.second).het);
}

TEST(HetJob, a_refused_component_refuses_all) {
  World w;
  w.use_newest_format();
  SubmitJob lost = w.job();
  lost.partitions = "nowhere";
  EXPECT_EQ(w.run(SubmitHetJob{{w.job(), lost}}).code, Errc::invalid_partition_name);
  EXPECT_EQ(w.state.jobs.size(), 0u);
  EXPECT_EQ(w.submit().v, 1u) << "no number is lost";
}

TEST(HetJob, starts_together_or_not_at_all) {
  Het w;
  const JobId other = w.submit();
  w.start(other, 1);
  w.start_both();
  EXPECT_EQ(w.both(), "PENDING PENDING") << "the second one's core is taken";
  w.run(Schedule{.starts = {w.on(w.leader, 0)}});
  EXPECT_EQ(w.both(), "PENDING PENDING") << "one alone";
  EXPECT_TRUE(w.state.node(model::NodeId{0})->jobs.empty());
  w.start_both(0, 2);
  EXPECT_EQ(w.both(), "RUNNING RUNNING");
  EXPECT_EQ(w.launches(), 2) << "of the other job, and of the first component";
}

TEST(HetJob, the_end_of_the_script_ends_all) {
  Het w;
  w.start_both();
  w.end(w.leader, 3 << 8);
  EXPECT_EQ(w.at(w.second).exit_code, 3u << 8);
  w.clean(w.leader, 0);
  w.clean(w.second, 1);
  EXPECT_EQ(w.both(), "FAILED FAILED");
}

TEST(HetJob, waiting_it_is_cancelled_as_a_whole) {
  Het w;
  EXPECT_EQ(w.cancel({{.job = w.second, .tasks = {}}}).code, Errc::not_whole_het_job);
  EXPECT_EQ(w.cancel({{.job = w.leader, .tasks = {}}}).code, Errc::success);
  EXPECT_EQ(w.both(), "CANCELLED CANCELLED");
}

TEST(HetJob, of_a_running_one_a_component_may_go) {
  Het w;
  w.start_both();
  EXPECT_EQ(w.cancel({{.job = w.second, .tasks = {}}}).code, Errc::success);
  w.clean(w.second, 1);
  EXPECT_EQ(w.both(), "RUNNING CANCELLED");
  EXPECT_EQ(w.cancel({{.job = w.leader, .tasks = {}}}).code, Errc::success);
}

TEST(HetJob, is_requeued_as_a_whole) {
  Het w;
  w.start_both();
  EXPECT_EQ(w.run(RequeueJobs{.targets = {{.job = w.second, .tasks = {}}}}).code, Errc::not_het_job_leader);
  EXPECT_EQ(w.run(RequeueJobs{.targets = {{.job = w.leader, .tasks = {}}}, .hold = true}).code, Errc::success);
  w.clean(w.leader, 0);
  w.clean(w.second, 1);
  EXPECT_EQ(w.both(), "PENDING PENDING");
  EXPECT_EQ(w.at(w.leader).priority + w.at(w.second).priority, 0u);
}

TEST(HetJob, a_lost_node_takes_all) {
  Het w;
  w.start_both();
  w.run(NodesSeen{.down = {1}});
  w.clean(w.leader, 0);
  EXPECT_EQ(w.both(), "PENDING PENDING");
  EXPECT_EQ(w.at(w.leader).restart_count, 1u);
}

TEST(HetJob, components_count_their_steps_together) {
  Het w;
  w.start_both();
  const auto step = [&](JobId job, std::uint32_t number) {
    CreateStep create{.job = job, .slot = number, .nodes = "n"};
    create.placement.shares.emplace_back();
    create.placement.shares[0].node = job == w.leader ? 0 : 1;
    return w.run(std::move(create)).step;
  };
  EXPECT_EQ(step(w.second, kNoVal32), 0u);
  EXPECT_EQ(step(w.leader, kNoVal32), 1u);
  EXPECT_EQ(step(w.second, 1), 1u) << "the other part of that step";
}

/// PrologSlurmctld and EpilogSlurmctld.
struct Scripts : World {
  JobId id;
  Scripts() {
    use_newest_format();
    state.settings.controller_prolog = state.settings.controller_epilog = true;
    id = submit();
    start(id);
  }
  std::uint64_t effect(Effect::Kind kind) const {
    std::uint64_t found = 0;
    state.effects.for_each([&](std::uint64_t number, const auto& each) {
      if (each->kind == kind) found = number;
      return true;
    });
    return found;
  }
  void ended(bool epilog, bool failed) {
    run(ControllerScriptEnded{
        .job = id,
        .restart_count = at(id).restart_count,
        .effect = effect(epilog ? Effect::Kind::controller_epilog : Effect::Kind::controller_prolog),
        .epilog = epilog,
        .failed = failed});
  }
};

TEST(ControllerScripts, the_launch_waits_for_the_prolog) {
  Scripts w;
  EXPECT_EQ(w.shown(w.id), "CONFIGURING");
  EXPECT_EQ(w.effect(Effect::Kind::launch_batch), 0u);
  w.now = w.now + 30;
  w.ended(false, false);
  EXPECT_EQ(w.shown(w.id), "RUNNING");
  EXPECT_NE(w.effect(Effect::Kind::launch_batch), 0u);
  EXPECT_EQ(w.at(w.id).end_time - w.at(w.id).start_time, 630) << "its time begins when it can run";
}

TEST(ControllerScripts, a_failed_prolog_lets_the_job_start_over) {
  Scripts w;
  w.ended(false, true);
  w.clean(w.id);
  EXPECT_EQ(w.shown(w.id), "COMPLETING") << "the epilog is not over";
  w.ended(true, false);
  EXPECT_EQ(w.shown(w.id), "PENDING");
  EXPECT_EQ(w.at(w.id).restart_count, 1u);
}

TEST(ControllerScripts, one_that_may_not_start_over_is_cancelled) {
  Scripts w;
  SubmitJob once = w.job();
  once.request.requeue = 0;
  w.id = w.run(std::move(once)).job;
  w.start(w.id, 1);
  w.ended(false, true);
  w.clean(w.id, 1);
  w.ended(true, true);
  EXPECT_EQ(w.shown(w.id), "CANCELLED");
}

TEST(ControllerScripts, the_job_is_over_when_nodes_and_epilog_are) {
  Scripts w;
  w.ended(false, false);
  w.end(w.id);
  w.ended(true, false);
  EXPECT_EQ(w.shown(w.id), "COMPLETING");
  w.clean(w.id);
  EXPECT_EQ(w.shown(w.id), "COMPLETED");
}

TEST(ControllerScripts, a_cancelled_job_needs_no_prolog_any_more) {
  Scripts w;
  w.cancel({{.job = w.id, .tasks = {}}});
  w.ended(false, false);
  EXPECT_EQ(w.effect(Effect::Kind::launch_batch), 0u);
  w.clean(w.id);
  w.ended(true, false);
  EXPECT_EQ(w.shown(w.id), "CANCELLED");
}

}  // namespace
}  // namespace flurm::state::test
