// state/step_test.cpp — allocations that clients hold, and the life of steps in them.
#include <gtest/gtest.h>

#include "state/world.hpp"

namespace flurm::state {
namespace {

using model::JobReason;
using News = Effect::News;

/// A job of user 1000 with four cores on each of two nodes, held by a client that listens on port 7000.
struct Held : test::World {
  JobId id;

  explicit Held(bool no_kill = false, bool batch = false) : World(3) {
    use_newest_format();
    SubmitJob submit = job();
    submit.request.batch = batch;
    submit.request.resp_host = "login";
    submit.request.other_port = batch ? 0 : 7000;
    submit.request.alloc_resp_port = batch ? 0 : 7001;
    submit.request.kill_on_node_fail = no_kill ? 0 : 1;
    id = run(std::move(submit)).job;
  }
  void begin() {
    Schedule plan;
    plan.starts.push_back({.job = id, .partition = "all", .shares = {}});
    for (model::NodeId node : {0u, 1u}) {
      model::NodeShare share{.node = node, .cpus = 4};
      share.memory_mib = 500;
      share.cores = {0xf};
      plan.starts.back().shares.push_back(share);
    }
    run(std::move(plan));
  }
  /// A step of one task on `cores` of each of these nodes.
  CreateStep step(std::uint64_t cores = 1, std::vector<model::NodeId> on = {0}, std::uint16_t port = 8000) {
    CreateStep create{.job = id, .restart_count = at(id).restart_count};
    create.request.host = "login";
    create.request.port = port;
    create.request.num_tasks = static_cast<std::uint32_t>(on.size());
    create.placement.num_tasks = create.request.num_tasks;
    create.placement.counts_memory = false;
    for (model::NodeId node : on)
      create.placement.shares.push_back({.node = node,
                                         .cpus = static_cast<std::uint16_t>(__builtin_popcountll(cores)),
                                         .memory_mib = 0,
                                         .cores = {cores},
                                         .tasks = {node}});
    create.nodes = "n1";
    return create;
  }
  QueueStep waiting(std::uint16_t port) {
    QueueStep queue{.job = id, .restart_count = at(id).restart_count};
    queue.request.host = "login";
    queue.request.port = port;
    return queue;
  }
  Errc end_step(std::uint32_t number, std::uint32_t first, std::uint32_t last, std::uint32_t status = 0) {
    return run(EndStep{.job = id, .step = number, .range_first = first, .range_last = last, .wait_status = status})
        .code;
  }
  std::size_t steps() const {
    std::size_t count = 0;
    state.for_steps_of(id, [&](const auto&) { ++count; });
    return count;
  }
  /// Ports that were told `news`, in order.
  std::vector<int> told(News news) const {
    std::vector<int> out;
    state.effects.for_each([&](std::uint64_t, const auto& effect) {
      if (effect->kind == Effect::Kind::tell_client && effect->news == news) out.push_back(effect->port);
      return true;
    });
    return out;
  }
  std::size_t effects(Effect::Kind kind) const {
    std::size_t count = 0;
    state.effects.for_each([&](std::uint64_t, const auto& effect) {
      count += effect->kind == kind;
      return true;
    });
    return count;
  }
};

/// A job whose steps may have the ports 12000 to 12004.
struct Ports : Held {
  Ports() {
    state.settings.step_port_min = 12000;
    state.settings.step_port_max = 12004;
    begin();
  }
  CreateStep with_ports(std::uint16_t count, std::uint64_t cores, std::vector<model::NodeId> on = {0}) {
    CreateStep create = step(cores, std::move(on));
    create.request.resv_port_cnt = count;
    return create;
  }
  std::string ports(std::uint32_t number) { return state.step(id, number)->resv_ports; }
};

TEST(StepPorts, are_taken_in_turn_and_given_back) {
  Ports w;
  EXPECT_EQ(w.run(w.with_ports(2, 1)).code, Errc::success);
  EXPECT_EQ(w.ports(0), "12001-12002");
  EXPECT_EQ(w.run(w.with_ports(2, 2)).code, Errc::success);
  EXPECT_EQ(w.ports(1), "12003-12004");
  EXPECT_EQ(w.run(w.with_ports(2, 4)).code, Errc::ports_busy);
  EXPECT_EQ(w.end_step(0, 0, 0), Errc::success);
  EXPECT_EQ(w.run(w.with_ports(2, 4)).code, Errc::success);
  EXPECT_EQ(w.ports(2), "12000-12001");
  EXPECT_EQ(w.run(w.with_ports(1, 8)).code, Errc::success);
  EXPECT_EQ(w.ports(3), "12002");
}

TEST(StepPorts, are_counted_on_each_node_by_itself) {
  Ports w;
  EXPECT_EQ(w.run(w.with_ports(4, 1, {0})).code, Errc::success);
  EXPECT_EQ(w.run(w.with_ports(5, 1, {1})).code, Errc::success);
  EXPECT_EQ(w.ports(1), "12000-12004");
  EXPECT_EQ(w.run(w.with_ports(1, 2, {0, 1})).code, Errc::ports_busy);
}

TEST(StepPorts, more_than_there_are) {
  Ports w;
  EXPECT_EQ(w.run(w.with_ports(6, 1)).code, Errc::ports_invalid);
  EXPECT_EQ(w.steps(), 0u);
}

TEST(StepPorts, are_given_by_default_where_mpi_params_say_something) {
  Ports w;
  EXPECT_EQ(w.run(w.step(1)).code, Errc::success);
  EXPECT_EQ(w.ports(0), "");
  w.state.settings.step_ports_by_default = true;
  EXPECT_EQ(w.run(w.step(2)).code, Errc::success);
  EXPECT_EQ(w.ports(1), "12001-12002");  // one task, and one more
  EXPECT_EQ(w.run(w.with_ports(0, 4)).code, Errc::success);
  EXPECT_EQ(w.ports(2), "");
}

TEST(Allocation, a_client_that_waits_is_told_of_the_start) {
  Held w;
  EXPECT_EQ(w.run(AwaitStart{.job = w.id}).code, Errc::success);
  w.begin();
  EXPECT_EQ(w.shown(w.id), "RUNNING");
  EXPECT_EQ(w.told(News::started), (std::vector{7001}));
  EXPECT_EQ(w.effects(Effect::Kind::launch_batch), 0u);
}

TEST(Allocation, a_client_that_was_answered_is_not_told) {
  Held w;
  w.begin();
  EXPECT_TRUE(w.told(News::started).empty());
  EXPECT_EQ(w.run(AwaitStart{.job = w.id}).code, Errc::job_started);
}

TEST(Allocation, at_once_or_never) {
  Held w;
  EXPECT_EQ(w.run(AwaitStart{.job = w.id, .or_never = true}).code, Errc::success);
  EXPECT_EQ(w.shown(w.id), "FAILED");
  EXPECT_EQ(w.at(w.id).reason, JobReason::bad_constraints);
}

TEST(Allocation, a_waiting_client_is_told_of_the_cancellation) {
  Held w;
  w.run(AwaitStart{.job = w.id});
  w.cancel({{.job = w.id, .tasks = {}}});
  EXPECT_EQ(w.told(News::ended), (std::vector{7001}));
}

TEST(Allocation, is_given_back) {
  Held w;
  w.begin();
  EXPECT_EQ(w.run(EndAllocation{.job = w.id, .uid = 1000, .wait_status = 0x300}).code, Errc::success);
  EXPECT_EQ(w.at(w.id).state.base, model::JobBase::failed);
  EXPECT_EQ(w.at(w.id).exit_code, 0x300u);
  EXPECT_TRUE(w.told(News::ended).empty()) << "its client knows";
  w.clean(w.id, 0);
  w.clean(w.id, 1);
  EXPECT_EQ(w.shown(w.id), "FAILED");
  EXPECT_EQ(w.run(EndAllocation{.job = w.id}).code, Errc::already_done);
}

TEST(Allocation, cancelled_by_another_its_client_is_told) {
  Held w;
  w.begin();
  w.run(w.step(1, {0}, 8000));
  w.cancel({{.job = w.id, .tasks = {}}});
  EXPECT_EQ(w.told(News::ended), (std::vector{7000, 8000}));
}

TEST(Step, numbers_count_up_and_cores_are_kept) {
  Held w;
  EXPECT_EQ(w.run(w.step()).code, Errc::duplicate_job_id) << "not before the job runs";
  w.begin();
  EXPECT_EQ(w.run(w.step(1)).step, 0u);
  EXPECT_EQ(w.run(w.step(1)).code, Errc::nodes_busy);
  EXPECT_EQ(w.run(w.step(2)).step, 1u);
  EXPECT_EQ(w.end_step(0, 0, 0), Errc::success);
  EXPECT_EQ(w.run(w.step(1)).step, 2u);
  EXPECT_EQ(w.run(w.step(1, {2})).code, Errc::nodes_busy) << "a node that is not the job's";
  CreateStep again = w.step(4);
  again.slot = 1;
  EXPECT_EQ(w.run(again).code, Errc::duplicate_step_id);
}

TEST(Step, components_share_a_number) {
  EXPECT_EQ(model::component_of_slot(7), kNoVal32);
  EXPECT_EQ(model::number_of_slot(kInteractiveStep), kInteractiveStep);
  EXPECT_EQ(model::number_of_slot(model::step_slot(model::kStepNumberMax, 126)), model::kStepNumberMax);
  EXPECT_EQ(model::component_of_slot(model::step_slot(model::kStepNumberMax, 126)), 126u);
  Held w;
  w.begin();
  EXPECT_EQ(w.run(w.step(1)).step, 0u);
  const std::uint32_t first = model::step_slot(1, 0), second = model::step_slot(1, 1);
  CreateStep create = w.step(2);
  create.slot = first;
  EXPECT_EQ(w.run(create).step, first);
  EXPECT_EQ(w.run(create).code, Errc::duplicate_step_id);
  create = w.step(1, {1}, 8001);
  create.slot = second;
  EXPECT_EQ(format_of(create), 6) << "earlier releases know no such slots";
  EXPECT_EQ(w.run(create).step, second);
  EXPECT_EQ(w.state.step(w.id, second)->number(), 1u);
  create.slot = model::step_slot(0, 0);
  EXPECT_EQ(w.run(create).code, Errc::duplicate_step_id) << "0 is a whole step";
  EXPECT_EQ(w.run(w.step(4)).step, 2u) << "the next number";

  // What is said of the number is said of both; what is said of one is not said of the other.
  EXPECT_EQ(w.run(SignalStep{.job = w.id, .step = 1, .signal = 9, .flags = 0, .uid = 0}).code, Errc::success);
  EXPECT_EQ(w.told(News::ended), (std::vector{8000, 8001}));
  EXPECT_EQ(w.run(UpdateStep{.job = w.id, .step = second, .time_limit = 5}).code, Errc::success);
  EXPECT_EQ(w.state.step(w.id, second)->time_limit, 5u);
  EXPECT_EQ(w.state.step(w.id, first)->time_limit, kInfinite32);
  EXPECT_EQ(w.end_step(first, 0, 0), Errc::success);
  EXPECT_FALSE(w.state.step(w.id, first));
  EXPECT_TRUE(w.state.step(w.id, second));
}

TEST(Step, those_in_line_are_told_when_one_ends) {
  Held w;
  w.begin();
  w.run(w.step(1, {0}, 8000));
  for (std::uint16_t port = 9000; port < 9012; ++port) w.run(w.waiting(port));
  w.run(w.waiting(9000));  // asks again: it has its place
  EXPECT_EQ(w.steps(), 13u);
  w.end_step(0, 0, 0);
  EXPECT_EQ(w.told(News::try_again).size(), 8u);
  EXPECT_EQ(w.steps(), 4u);
  EXPECT_EQ(w.run(w.step(1, {0}, 9009)).code, Errc::success);
  EXPECT_EQ(w.steps(), 4u) << "it left the line";
}

TEST(Step, ends_when_all_its_nodes_have_said_so) {
  Held w;
  w.begin();
  w.run(w.step(1, {0, 1}));
  EXPECT_EQ(w.end_step(0, 1, 1, 0x500), Errc::success);
  EXPECT_EQ(w.end_step(0, 1, 1, 0x100), Errc::success) << "said twice";
  EXPECT_EQ(w.steps(), 1u);
  EXPECT_EQ(w.end_step(0, 0, 2), Errc::einval);
  EXPECT_EQ(w.end_step(0, 0, 0), Errc::success);
  EXPECT_EQ(w.steps(), 0u);
  EXPECT_EQ(w.at(w.id).derived_exit_code, 0x500u);
  EXPECT_EQ(w.end_step(0, 0, 0), Errc::invalid_job_id);
}

TEST(Step, steps_go_with_their_job) {
  Held w;
  w.begin();
  w.run(w.step(1));
  w.run(w.waiting(9000));
  w.cancel({{.job = w.id, .tasks = {}}});
  EXPECT_EQ(w.steps(), 2u) << "until the nodes are clean";
  EXPECT_EQ(w.end_step(0, 0, 0, 9), Errc::success);
  w.clean(w.id, 0);
  w.clean(w.id, 1);
  EXPECT_EQ(w.steps(), 0u);
  EXPECT_EQ(w.shown(w.id), "CANCELLED");
  EXPECT_EQ(w.at(w.id).derived_exit_code, 9u);
}

TEST(Step, numbers_begin_anew_with_each_run) {
  Held w(false, true);
  w.begin();
  w.run(w.step(1));
  const CreateStep late = w.step(2);
  w.run(RequeueJobs{.targets = {{.job = w.id, .tasks = {}}}});
  w.clean(w.id, 0);
  w.clean(w.id, 1);
  EXPECT_EQ(w.shown(w.id), "PENDING");
  EXPECT_EQ(w.steps(), 0u);
  w.begin();
  EXPECT_EQ(w.run(late).code, Errc::already_done) << "asked for in the run before";
  EXPECT_EQ(w.run(w.step(1)).step, 0u);
}

TEST(Step, a_lost_node_ends_the_step) {
  Held w(true);
  w.begin();
  w.run(w.step(1, {0, 1}));
  w.run(w.step(2, {1}, 8001));
  CreateStep goes_on = w.step(4, {0, 1}, 8002);
  goes_on.request.flags = model::step_flag::no_kill;
  w.run(goes_on);
  w.run(UpdateNodes{.nodes = {1}, .state = 1 /* down */});
  EXPECT_EQ(w.shown(w.id), "RUNNING");
  EXPECT_EQ(w.at(w.id).allocation->nodes, "n1");
  EXPECT_EQ(w.told(News::node_failed), (std::vector{8000, 8001, 8002, 7000}));
  EXPECT_EQ(w.steps(), 2u) << "one was on that node alone";
  EXPECT_EQ(w.effects(Effect::Kind::signal_step), 2u) << "one step everywhere, one on that node";
  EXPECT_EQ(w.end_step(0, 0, 0), Errc::success);
  EXPECT_EQ(w.at(w.id).derived_exit_code, 9u);
  EXPECT_TRUE(w.state.node(1u)->jobs.empty());
}

TEST(Step, one_that_its_node_knows_nothing_of_is_told_to_its_srun) {
  Held w;
  w.begin();
  w.run(w.step(1, {0, 1}, 8000));
  w.run(w.step(2, {1}, 8001));
  w.run(w.step(4, {0}, 8002));
  const CreateStep component = [&] {
    CreateStep create = w.step(8, {1}, 8003);
    create.slot = model::step_slot(3, 1);
    return create;
  }();
  ASSERT_EQ(w.run(component).code, Errc::success);
  RegisterNode report{.name = "n2", .config_overrides = true};
  report.running_steps.emplace();
  w.run(report);
  EXPECT_TRUE(w.told(News::step_missing).empty()) << "they began in this second";
  w.now = w.now + 1;
  w.run(decode(encode({.now = w.now, .command = report}, 6))->command);
  EXPECT_TRUE(w.told(News::step_missing).empty()) << "an entry of an earlier format does not say";
  report.running_steps = {{.job = w.id, .slot = 1}, {.job = w.id, .slot = 3}, {.job = JobId{99}, .slot = 0}};
  w.run(decode(encode({.now = w.now, .command = report}, kFormat))->command);
  EXPECT_EQ(w.told(News::step_missing), (std::vector{8000}));
  EXPECT_EQ(w.steps(), 4u) << "its srun finds out whether it is over";
}

TEST(Step, without_no_kill_a_lost_node_ends_the_job) {
  Held w;
  w.begin();
  w.run(UpdateNodes{.nodes = {1}, .state = 1 /* down */});
  EXPECT_EQ(w.at(w.id).state.base, model::JobBase::node_fail);
}

TEST(Step, is_signalled_alone) {
  Held w;
  w.begin();
  w.run(w.step(1));
  EXPECT_EQ(w.run(SignalStep{.job = w.id, .step = 0, .signal = 10}).code, Errc::success);
  EXPECT_TRUE(w.told(News::ended).empty());
  EXPECT_EQ(w.run(SignalStep{.job = w.id, .step = 0, .signal = 9}).code, Errc::success);
  EXPECT_EQ(w.told(News::ended), (std::vector{8000}));
  EXPECT_EQ(w.effects(Effect::Kind::signal_step), 2u);
  EXPECT_EQ(w.run(SignalStep{.job = w.id, .step = 7, .signal = 9}).code, Errc::invalid_job_id);
}

TEST(Step, its_own_time_limit) {
  Held w;
  w.begin();
  CreateStep create = w.step(1);
  create.request.time_limit = 2;
  w.run(create);
  w.now = w.now + 60;
  w.run(SuspendJobs{.targets = {{.job = w.id, .tasks = {}}}});
  w.now = w.now + 600;
  w.run(SuspendJobs{.targets = {{.job = w.id, .tasks = {}}}, .resume = true});
  w.run(Tick{});
  EXPECT_EQ(w.effects(Effect::Kind::time_out_step), 0u) << "it stood still";
  w.run(UpdateStep{.job = w.id, .step = 0, .time_limit = 1});
  w.run(Tick{});
  w.run(Tick{});
  EXPECT_EQ(w.effects(Effect::Kind::time_out_step), 1u);
}

TEST(Step, interactive_steps_take_nothing) {
  Held w;
  w.begin();
  CreateStep shell = w.step(0xf);
  shell.slot = kInteractiveStep;
  EXPECT_EQ(w.run(shell).step, kInteractiveStep);
  EXPECT_EQ(w.run(shell).code, Errc::duplicate_step_id);
  EXPECT_EQ(w.run(w.step(0xf)).step, 0u);
}

TEST(Step, is_stored) {
  Held w;
  w.begin();
  w.run(w.step(1, {0, 1}));
  w.run(w.waiting(9000));
  w.end_step(0, 0, 0, 3);
  const auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(state_hash(*loaded), state_hash(w.state));
  EXPECT_EQ(*loaded->step(w.id, 0)->placement, *w.state.step(w.id, 0)->placement);
  EXPECT_EQ(step_uses(*loaded, w.id).at(0).cpus, 1u);
}

}  // namespace
}  // namespace flurm::state
