// state/reboot_test.cpp — scontrol reboot: when it begins, when it is over, and how it is taken back.
#include "state/reboot.hpp"

#include <gtest/gtest.h>

#include "state/world.hpp"

namespace flurm::state::test {
namespace {

namespace node_flag = model::node_flag;

struct Reboot : World {
  Reboot() { use_newest_format(); }
  const model::Node& n1() const { return *state.node(model::NodeId{0}); }
  bool ask(bool asap = false, std::uint32_t next = kNoVal32) {
    return run(RebootNodes{.nodes = {0}, .asap = asap, .next_state = next, .uid = 7}).code == Errc::success;
  }
  void tick() {
    if (reboots_due(state, now)) run(Tick{});
  }
  int orders() const {
    int count = 0;
    state.effects.for_each([&](std::uint64_t, const auto& effect) {
      count += effect->kind == Effect::Kind::reboot_node;
      return true;
    });
    return count;
  }
  void come_back(std::int64_t booted_after_s) {
    RegisterNode report{.name = "n1"};
    report.boot_time = n1().reboot_asked + booted_after_s;
    report.config_overrides = true;
    run(std::move(report));
  }
};

TEST(Reboot, waits_for_the_last_job) {
  Reboot w;
  const JobId id = w.submit();
  w.start(id);
  w.ask();
  w.tick();
  EXPECT_EQ(w.orders(), 0);
  EXPECT_TRUE(w.n1().has(node_flag::reboot_requested));
  EXPECT_FALSE(w.n1().has(node_flag::drain)) << "not asap: it goes on to take jobs";
  w.finish(id);
  w.tick();
  EXPECT_EQ(w.orders(), 1);
  EXPECT_EQ(w.n1().base, model::NodeBase::down);
  EXPECT_TRUE(w.n1().has(node_flag::reboot_issued));
  EXPECT_EQ(w.n1().reason, "reboot requested : reboot issued");
  w.tick();
  EXPECT_EQ(w.orders(), 1) << "once";
}

TEST(Reboot, is_over_when_the_node_has_booted_since) {
  Reboot w;
  w.ask(true);
  EXPECT_TRUE(w.n1().has(node_flag::drain));
  w.tick();
  w.come_back(-1);
  EXPECT_TRUE(w.n1().has(node_flag::reboot_issued)) << "it registered once more before it went";
  w.come_back(1);
  EXPECT_EQ(w.n1().base, model::NodeBase::idle);
  EXPECT_EQ(w.n1().flags & (node_flag::drain | node_flag::reboot_issued | node_flag::reboot_requested), 0u);
  EXPECT_TRUE(w.n1().reason.empty());
}

TEST(Reboot, the_node_may_be_wanted_down_after_it) {
  Reboot w;
  w.ask(false, 1);
  w.tick();
  w.come_back(1);
  EXPECT_EQ(w.n1().base, model::NodeBase::down);
  EXPECT_EQ(w.n1().reason, "reboot requested : reboot issued : reboot complete");
}

TEST(Reboot, one_that_does_not_come_back_is_down) {
  Reboot w;
  w.state.settings.reboot_timeout_s = 30;
  w.ask(true);
  w.tick();
  w.now = w.now + 30;
  w.tick();
  EXPECT_TRUE(w.n1().has(node_flag::reboot_issued));
  w.now = w.now + 1;
  w.tick();
  EXPECT_FALSE(w.n1().has(node_flag::reboot_issued | node_flag::drain));
  EXPECT_EQ(w.n1().base, model::NodeBase::down);
  EXPECT_TRUE(w.n1().reason.ends_with("reboot timed out")) << w.n1().reason;
}

TEST(Reboot, is_taken_back_while_nobody_has_begun_it) {
  Reboot w;
  const JobId id = w.submit();
  w.start(id);
  w.ask(true);
  w.run(UpdateNodes{.nodes = {0}, .state = node_flag::reboot_cancel});
  EXPECT_EQ(w.n1().flags & (node_flag::reboot_requested | node_flag::drain), 0u);
  w.ask();
  w.finish(id);
  w.tick();
  EXPECT_EQ(w.run(UpdateNodes{.nodes = {0}, .state = node_flag::reboot_cancel}).code, Errc::reboot_in_progress);
}

TEST(Reboot, a_job_that_asks_for_it_begins_when_its_nodes_have_booted) {
  Reboot w;
  SubmitJob submit = w.job(10);
  submit.request.reboot = 1;
  const JobId id = w.run(submit).job;
  Schedule plan;
  plan.starts.push_back({.job = id, .task = kNoVal32, .partition = "all", .shares = {}});
  for (model::NodeId node : {0u, 1u}) plan.starts[0].shares.push_back({.node = node, .cpus = 1, .memory_mib = 10, .cores = {1}});
  w.run(plan);
  EXPECT_EQ(w.shown(id), "CONFIGURING");
  EXPECT_EQ(w.orders(), 2);
  const auto launches = [&] {
    int count = 0;
    w.state.effects.for_each([&](std::uint64_t, const auto& effect) {
      count += effect->kind == Effect::Kind::launch_batch;
      return true;
    });
    return count;
  };
  w.now = w.now + 20;
  w.come_back(-100);
  EXPECT_TRUE(w.n1().has(node_flag::reboot_issued)) << "it only registered once more";
  w.come_back(10);
  EXPECT_EQ(w.n1().base, model::NodeBase::allocated);
  EXPECT_EQ(w.shown(id), "CONFIGURING") << "the other node is not there yet";
  EXPECT_EQ(launches(), 0);
  RegisterNode other{.name = "n2"};
  other.boot_time = w.now;
  other.config_overrides = true;
  w.run(std::move(other));
  EXPECT_EQ(w.shown(id), "RUNNING");
  EXPECT_EQ(launches(), 1);
  EXPECT_EQ(w.at(id).end_time, w.now + 600) << "the time to boot is not the job's";
}

TEST(Reboot, a_job_whose_node_does_not_come_back_goes_elsewhere) {
  Reboot w;
  SubmitJob submit = w.job();
  submit.request.reboot = 1;
  const JobId id = w.run(submit).job;
  w.start(id);
  w.now = w.now + w.state.settings.reboot_timeout_s + 1;
  w.tick();
  EXPECT_EQ(w.n1().base, model::NodeBase::down);
  EXPECT_EQ(w.shown(id), "PENDING");
  EXPECT_EQ(w.at(id).restart_count, 1u);
}

TEST(Reboot, a_job_waits_for_the_reboot_and_the_controllers_prolog) {
  Reboot w;
  w.state.settings.controller_prolog = true;
  SubmitJob submit = w.job();
  submit.request.reboot = 1;
  const JobId id = w.run(submit).job;
  w.start(id);
  std::uint64_t prolog = 0;
  w.state.effects.for_each([&](std::uint64_t, const auto& effect) {
    if (effect->kind == Effect::Kind::controller_prolog) prolog = effect->id;
    return true;
  });
  w.come_back(1);
  EXPECT_EQ(w.shown(id), "CONFIGURING");
  w.run(ControllerScriptEnded{.job = id, .effect = prolog});
  EXPECT_EQ(w.shown(id), "RUNNING");
}

}  // namespace
}  // namespace flurm::state::test
