// state/trigger_test.cpp — triggers: what pulls them, when they run, and what keeps and clears them.
#include <gtest/gtest.h>

#include "state/triggers.hpp"
#include "state/world.hpp"

namespace flurm::state::test {
namespace {

using model::Trigger;
using model::TriggerTarget;
namespace event = model::trigger_event;

struct Triggers : World {
  Triggers() { use_newest_format(); }
  Errc set(Trigger trigger) {
    trigger.user_id = 42;
    trigger.program = "/bin/true";
    return run(SetTriggers{{std::move(trigger)}}).code;
  }
  Errc set_on_job(JobId job, std::uint32_t what, std::int64_t offset_s = 0) {
    return set({.target = TriggerTarget::job,
                .target_id = std::to_string(job.v),
                .events = what,
                .offset = static_cast<std::uint16_t>(0x8000 + offset_s),
                .job = job});
  }
  Errc set_on_nodes(std::uint32_t what, std::vector<model::NodeId> nodes = {}, std::uint16_t flags = 0,
                    std::int64_t offset_s = 0) {
    return set({.flags = flags,
                .target = TriggerTarget::node,
                .events = what,
                .offset = static_cast<std::uint16_t>(0x8000 + offset_s),
                .nodes = std::move(nodes)});
  }
  void node_state(std::uint32_t wanted, std::vector<model::NodeId> nodes) {
    run(UpdateNodes{.nodes = std::move(nodes), .state = wanted, .reason = "test"});
  }
  /// What the programs are told that are to run now; they do.
  std::vector<std::string> ran() {
    if (triggers_due(state, now)) run(Tick{});
    std::vector<std::string> out;
    std::vector<std::uint64_t> done;
    state.effects.for_each([&](std::uint64_t id, const auto& effect) {
      if (effect->kind != Effect::Kind::run_trigger) return true;
      out.push_back(effect->host);
      done.push_back(id);
      EXPECT_EQ(effect->text, "/bin/true");
      EXPECT_EQ(effect->user_id, 42u);
      return true;
    });
    run(EffectsDone{done});
    return out;
  }
};

constexpr std::uint32_t kDown = 1, kResume = model::node_flag::resume, kDrain = model::node_flag::drain;
using Told = std::vector<std::string>;

TEST(Trigger, the_end_of_a_job) {
  Triggers w;
  const JobId id = w.submit();
  ASSERT_EQ(w.set_on_job(id, event::fini, 5), Errc::success);
  w.start(id);
  EXPECT_EQ(w.ran(), Told{});
  w.finish(id);
  EXPECT_EQ(w.ran(), Told{});
  EXPECT_FALSE(triggers_due(w.state, w.now)) << "it runs five seconds later";
  w.now = w.now + 5;
  EXPECT_EQ(w.ran(), Told{std::to_string(id.v)});
  EXPECT_TRUE(w.state.triggers.empty());
}

TEST(Trigger, some_time_before_the_limit) {
  Triggers w;
  const JobId id = w.submit();
  w.set_on_job(id, event::time, -60);
  w.start(id);
  w.now = w.now + 539;
  EXPECT_EQ(w.ran(), Told{});
  w.now = w.now + 1;
  EXPECT_EQ(w.ran(), Told{std::to_string(id.v)});
}

TEST(Trigger, nodes_that_go_together_are_told_of_together) {
  Triggers w;
  w.set_on_nodes(event::down);
  w.set_on_nodes(event::down, {1, 3});
  w.node_state(kDown, {0});
  w.node_state(kDown, {1});
  EXPECT_EQ(w.ran(), (Told{"n[1-2]", "n2"}));
  w.node_state(kDown, {2});
  EXPECT_EQ(w.ran(), Told{}) << "they are gone";
  EXPECT_FALSE(triggers_due(w.state, w.now));
}

TEST(Trigger, one_that_is_kept) {
  Triggers w;
  w.set_on_nodes(event::up, {}, 1);
  for (int i = 0; i < 2; ++i) {
    w.node_state(kDown, {0});
    w.node_state(kResume, {0});
    EXPECT_EQ(w.ran(), Told{"n1"});
  }
  EXPECT_EQ(w.run(ClearTriggers{.uid = 7, .id = w.state.triggers[0]->id}).code, Errc::access_denied);
  EXPECT_EQ(w.run(ClearTriggers{.uid = 42, .id = w.state.triggers[0]->id}).code, Errc::success);
  EXPECT_EQ(w.run(ClearTriggers{.uid = 42, .user_id = 42}).code, Errc::esrch);
}

TEST(Trigger, drained_when_the_last_job_has_left) {
  Triggers w;
  const JobId id = w.submit();
  w.start(id, 2);
  w.set_on_nodes(event::drained);
  w.node_state(kDrain, {2});
  EXPECT_EQ(w.ran(), Told{});
  w.finish(id, 0, 2);
  EXPECT_EQ(w.ran(), Told{"n3"});
}

TEST(Trigger, idle_nodes_are_told_of_now_and_then) {
  Triggers w;
  w.set_on_nodes(event::idle, {0}, 1, 30);
  w.now = w.now + 60;
  w.run(Tick{});
  EXPECT_EQ(w.ran(), Told{"n1"});
  w.now = w.now + 14;
  EXPECT_FALSE(triggers_due(w.state, w.now));
  w.now = w.now + 1;
  EXPECT_EQ(w.ran(), Told{"n1"});
}

TEST(Trigger, of_a_node_of_a_job) {
  Triggers w;
  const JobId id = w.submit();
  w.start(id, 1);
  w.set_on_job(id, event::down);
  w.node_state(kDown, {0});
  EXPECT_EQ(w.ran(), Told{});
  w.node_state(kDown, {1});
  EXPECT_EQ(w.ran(), Told{std::to_string(id.v)});
}

TEST(Trigger, what_daemons_report) {
  Triggers w;
  w.set({.target = TriggerTarget::database, .events = event::database_failed});
  w.run(NoteEvent{{.target = TriggerTarget::database, .event = event::database_back}});
  EXPECT_EQ(w.ran(), Told{});
  w.run(NoteEvent{{.target = TriggerTarget::database, .event = event::database_failed}});
  EXPECT_EQ(w.ran(), Told{"primary_database_failure"});
}

TEST(Trigger, is_refused_twice_and_for_what_is_over) {
  Triggers w;
  const JobId id = w.submit();
  EXPECT_EQ(w.set_on_job(id, event::fini), Errc::success);
  EXPECT_EQ(w.set_on_job(id, event::fini), Errc::trigger_duplicate);
  EXPECT_EQ(w.set_on_job(JobId{99}, event::fini), Errc::invalid_job_id);
  w.cancel({{.job = id, .tasks = {}}});
  EXPECT_EQ(w.set_on_job(id, event::time), Errc::already_done);
  const auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded->triggers.at(0), *w.state.triggers.at(0));
}

}  // namespace
}  // namespace flurm::state::test
