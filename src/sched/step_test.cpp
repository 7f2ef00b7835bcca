// sched/step_test.cpp — tasks over nodes as Slurm deals them, and steps that never take what is not theirs.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>
#include <set>

#include "sched/step_place.hpp"
#include "sched/task_layout.hpp"

namespace flurm::sched {
namespace {

namespace dist = model::task_dist;
namespace flag = model::step_flag;
using Layout = std::vector<std::vector<std::uint32_t>>;

Layout lay_out(std::vector<std::uint32_t> slots, std::uint32_t tasks, std::uint32_t task_dist,
               std::uint16_t plane = 0) {
  return *lay_out_tasks(
      {.slots = std::move(slots), .num_tasks = tasks, .task_dist = task_dist, .plane_size = plane, .node_of_task = {}});
}

TEST(TaskLayout, block_fills_evenly_and_in_order) {
  EXPECT_EQ(lay_out({4, 4}, 4, dist::block), (Layout{{0, 1}, {2, 3}}));
  EXPECT_EQ(lay_out({4, 1}, 4, dist::block), (Layout{{0, 1, 2}, {3}}));
  EXPECT_EQ(lay_out({2, 1}, 6, dist::block), (Layout{{0, 1, 2, 3}, {4, 5}})) << "more than fit are shared out in turn";
}

TEST(TaskLayout, packed_nodes_are_filled_one_by_one) {
  EXPECT_EQ(lay_out({4, 4, 4}, 6, dist::block | dist::pack_nodes), (Layout{{0, 1, 2, 3}, {4}, {5}}));
}

TEST(TaskLayout, cyclic_goes_round) {
  EXPECT_EQ(lay_out({4, 2, 4, 2}, 12, dist::cyclic), (Layout{{0, 4, 8, 10}, {1, 5}, {2, 6, 9, 11}, {3, 7}}));
  EXPECT_EQ(lay_out({2, 1}, 5, dist::cyclic), (Layout{{0, 2, 4}, {1, 3}}));
}

TEST(TaskLayout, planes) {
  EXPECT_EQ(lay_out({4, 1, 1}, 6, dist::plane, 2), (Layout{{0, 1, 4, 5}, {2}, {3}}));
  EXPECT_FALSE(
      lay_out_tasks({.slots = {1}, .num_tasks = 1, .task_dist = dist::plane, .plane_size = 0, .node_of_task = {}}));
}

TEST(TaskLayout, a_size_without_planes_is_the_most_per_node) {
  EXPECT_EQ(lay_out({4, 4}, 2, dist::block | dist::pack_nodes, 1), (Layout{{0}, {1}}));
}

TEST(TaskLayout, arbitrary_does_as_it_is_told) {
  const auto layout = lay_out_tasks(
      {.slots = {4, 4}, .num_tasks = 3, .task_dist = dist::arbitrary, .plane_size = 0, .node_of_task = {1, 0, 1}});
  EXPECT_EQ(*layout, (Layout{{1}, {0, 2}}));
  EXPECT_EQ(
      lay_out_tasks({.slots = {4}, .num_tasks = 3, .task_dist = dist::arbitrary, .plane_size = 0, .node_of_task = {0}})
          .error()
          .code,
      Errc::bad_dist);
}

RC_GTEST_PROP(TaskLayoutProperty, EveryTaskIsPlacedOnce, ()) {
  std::vector<std::uint32_t> slots(*rc::gen::inRange<std::size_t>(1, 6));
  for (std::uint32_t& each : slots) each = *rc::gen::inRange<std::uint32_t>(0, 5);
  const auto tasks = *rc::gen::inRange<std::uint32_t>(1, 40);
  const auto how = *rc::gen::elementOf(
      std::vector<std::uint32_t>{dist::block, dist::cyclic, dist::plane, 0x12, 0x21, dist::block | dist::pack_nodes});
  const Layout layout = lay_out(slots, tasks, how, *rc::gen::inRange<std::uint16_t>(1, 4));
  RC_ASSERT(layout.size() == slots.size());
  std::vector<std::uint32_t> all;
  for (const auto& node : layout) {
    RC_ASSERT(std::is_sorted(node.begin(), node.end()));
    all.insert(all.end(), node.begin(), node.end());
  }
  std::sort(all.begin(), all.end());
  std::vector<std::uint32_t> expected(tasks);
  std::iota(expected.begin(), expected.end(), 0);
  RC_ASSERT(all == expected);
}

/// A job that has some cores on each of some nodes, and its running steps.
struct World {
  PersistentMap<model::Node> nodes;
  model::Settings settings;
  model::Job job;
  std::vector<model::Step> steps;

  explicit World(std::size_t count = 2, std::uint16_t sockets = 1, std::uint16_t cores = 4, std::uint16_t threads = 1) {
    settings.cr_type = 0x4 | 0x10;  // cores and memory
    job.id = JobId{1};
    job.request = std::make_shared<model::JobRequest>();
    auto allocation = std::make_shared<model::Allocation>();
    for (std::size_t i = 0; i < count; ++i) {
      auto node = std::make_shared<model::Node>();
      node->id = static_cast<model::NodeId>(i);
      node->base = model::NodeBase::allocated;
      node->config.name = "n" + std::to_string(i + 1);
      node->config.sockets = sockets;
      node->config.cores = cores;
      node->config.threads = threads;
      node->config.cpus = static_cast<std::uint16_t>(sockets * cores * threads);
      nodes.set(i, node);
      model::NodeShare share{.node = node->id, .cpus = node->config.cpus};
      share.memory_mib = 1000;
      share.cores = {(std::uint64_t{1} << (sockets * cores)) - 1};
      allocation->shares.push_back(share);
    }
    job.allocation = allocation;
  }
  model::StepUses uses() const {
    model::StepUses sum;
    for (const model::Step& step : steps) model::add_use(sum, step);
    return sum;
  }
  Result<model::StepPlacement> place(const model::StepRequest& request) const {
    const model::StepUses sum = uses();
    return place_step({.job = job, .uses = sum, .nodes = nodes, .settings = settings}, request);
  }
  /// Places the step, and it runs. Returns success or why not.
  Errc run(const model::StepRequest& request) {
    auto placement = place(request);
    if (!placement) return placement.error().code;
    model::Step step;
    step.job = job.id;
    step.slot = static_cast<std::uint32_t>(steps.size());
    step.request = std::make_shared<const model::StepRequest>(request);
    step.placement = std::make_shared<const model::StepPlacement>(std::move(*placement));
    steps.push_back(std::move(step));
    return Errc::success;
  }
  const model::StepPlacement& last() const { return *steps.back().placement; }
};

/// srun -n TASKS --exact, as srun sends it.
model::StepRequest exact(std::uint32_t tasks, std::uint32_t cpus_per_task = 1) {
  model::StepRequest r;
  r.num_tasks = tasks;
  r.cpu_count = tasks * cpus_per_task;
  r.min_nodes = r.max_nodes = 1;
  r.task_dist = dist::block;
  return r;
}
model::StepRequest whole(std::uint32_t tasks) {
  model::StepRequest r = exact(tasks);
  r.flags = flag::whole;
  return r;
}

TEST(StepPlace, exact_steps_share_a_node) {
  World w(1);
  for (int i = 0; i < 4; ++i) ASSERT_EQ(w.run(exact(1)), Errc::success);
  std::uint64_t cores = 0;
  for (const model::Step& step : w.steps) {
    EXPECT_EQ(cores & step.placement->shares[0].cores[0], 0u);
    cores |= step.placement->shares[0].cores[0];
  }
  EXPECT_EQ(cores, 0xfu);
  EXPECT_EQ(w.run(exact(1)), Errc::nodes_busy);
}

TEST(StepPlace, without_exact_a_step_has_its_nodes_for_itself) {
  World w(2);
  ASSERT_EQ(w.run(whole(1)), Errc::success);
  EXPECT_EQ(w.last().shares.size(), 1u);
  EXPECT_EQ(w.last().cpu_count, 4u);
  ASSERT_EQ(w.run(whole(1)), Errc::success) << "on the other node";
  EXPECT_EQ(w.last().shares[0].node, 1u);
  EXPECT_EQ(w.run(whole(1)), Errc::nodes_busy);
  EXPECT_EQ(w.run(exact(1)), Errc::nodes_busy);
}

TEST(StepPlace, overlap_shares_and_takes_nothing) {
  World w(1);
  ASSERT_EQ(w.run(whole(4)), Errc::success);
  model::StepRequest beside = whole(4);
  beside.flags |= flag::overlap;
  ASSERT_EQ(w.run(beside), Errc::success);
  EXPECT_FALSE(w.last().counts_cpus);
  EXPECT_EQ(w.uses()[0].cpus, 4u);
}

TEST(StepPlace, what_can_never_be_is_told_at_once) {
  World w(2);
  model::StepRequest many = exact(9);
  many.max_nodes = 2;
  EXPECT_EQ(w.run(many), Errc::too_many_requested_cpus);
  model::StepRequest r = exact(1);
  r.min_nodes = r.max_nodes = 3;
  EXPECT_EQ(w.run(r), Errc::nodes_busy) << "as in Slurm: the job may not get them, but srun waits";
  r = exact(1);
  r.node_list = "elsewhere";
  EXPECT_EQ(w.run(r), Errc::requested_node_config_unavailable);
  r = exact(1);
  r.pn_min_memory = 2000;
  r.min_nodes = r.max_nodes = 2;
  EXPECT_EQ(w.run(r), Errc::invalid_task_memory);
  r = exact(1);
  r.task_dist = 0x4000;
  EXPECT_EQ(w.run(r), Errc::bad_dist);
  r = exact(0);
  EXPECT_EQ(w.run(r), Errc::bad_task_count);
  r = exact(1);
  r.threads_per_core = 2;
  EXPECT_EQ(w.run(r), Errc::bad_thread_per_core);
}

TEST(StepPlace, memory_is_kept_from_others) {
  World w(1);
  model::StepRequest r = exact(1);
  r.pn_min_memory = 600;
  ASSERT_EQ(w.run(r), Errc::success);
  EXPECT_EQ(w.last().shares[0].memory_mib, 600u);
  EXPECT_EQ(w.run(r), Errc::nodes_busy);
  r.pn_min_memory = 400 | model::kMemoryPerCpu;
  EXPECT_EQ(w.run(r), Errc::success);
  model::StepRequest zero = exact(1);  // --mem=0: all of it, and it does not count
  EXPECT_EQ(w.run(zero), Errc::success);
  EXPECT_EQ(w.last().shares[0].memory_mib, 1000u);
}

TEST(StepPlace, relative_named_and_excluded_nodes) {
  World w(3);
  model::StepRequest r = exact(1);
  r.relative = 1;
  EXPECT_EQ(w.place(r)->shares[0].node, 1u);
  r = exact(1);
  r.node_list = "n3";
  EXPECT_EQ(w.place(r)->shares[0].node, 2u);
  r = exact(2);
  r.min_nodes = r.max_nodes = 2;
  r.exc_nodes = "n1";
  EXPECT_EQ(w.place(r)->shares[0].node, 1u);
  r.node_list = "n1";
  EXPECT_EQ(w.place(r).error().code, Errc::requested_node_config_unavailable);
}

TEST(StepPlace, idle_nodes_come_first) {
  World w(2);
  ASSERT_EQ(w.run(exact(1)), Errc::success);
  ASSERT_EQ(w.run(exact(1)), Errc::success);
  EXPECT_EQ(w.last().shares[0].node, 1u);
}

TEST(StepPlace, overcommit_takes_no_cpus) {
  World w(2);
  model::StepRequest r = exact(20);
  r.flags = flag::overcommit | flag::whole;
  r.min_nodes = r.max_nodes = 2;
  ASSERT_EQ(w.run(r), Errc::success);
  EXPECT_EQ(w.last().shares[0].tasks.size() + w.last().shares[1].tasks.size(), 20u);
}

TEST(StepPlace, a_tasks_cores_are_of_one_socket) {
  World w(1, 2, 4);
  ASSERT_EQ(w.run(exact(2, 2)), Errc::success);
  EXPECT_EQ(w.last().shares[0].cores[0], 0x33u) << "one task's cores on each socket";
  model::StepRequest packed = exact(1, 3);
  packed.task_dist = dist::block | dist::socket_block;
  World other(1, 2, 4);
  ASSERT_EQ(other.run(packed), Errc::success);
  EXPECT_EQ(other.last().shares[0].cores[0], 0x7u);
}

TEST(StepPlace, threads_of_a_core_are_taken_together) {
  World w(1, 1, 4, 2);
  ASSERT_EQ(w.run(exact(1, 2)), Errc::success);
  EXPECT_EQ(w.last().shares[0].cores[0], 0x1u);
  ASSERT_EQ(w.run(exact(3, 2)), Errc::success);
  EXPECT_EQ(w.last().shares[0].cores[0], 0xeu);
}

/// Whatever comes and goes: a step that was placed fits by the rule that `apply` knows, cores are never shared unless
/// asked for, and all tasks are there.
RC_GTEST_PROP(StepPlaceProperty, NothingIsTakenTwice, ()) {
  World w(*rc::gen::inRange<std::size_t>(1, 4), *rc::gen::elementOf(std::vector<std::uint16_t>{1, 2}),
          *rc::gen::elementOf(std::vector<std::uint16_t>{2, 4}), *rc::gen::elementOf(std::vector<std::uint16_t>{1, 2}));
  const int rounds = *rc::gen::inRange(1, 25);
  for (int round = 0; round < rounds; ++round) {
    if (!w.steps.empty() && *rc::gen::inRange(0, 3) == 0) {
      w.steps.erase(w.steps.begin() +
                    *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(w.steps.size())));
      continue;
    }
    model::StepRequest r = exact(*rc::gen::inRange<std::uint32_t>(1, 9), *rc::gen::inRange<std::uint32_t>(1, 4));
    r.min_nodes = *rc::gen::inRange<std::uint32_t>(0, 3);
    r.max_nodes = 0;
    r.flags = *rc::gen::elementOf(
        std::vector<std::uint32_t>{0, 0, flag::whole, flag::overlap, flag::overlap | flag::whole, flag::overcommit});
    r.task_dist = *rc::gen::elementOf(std::vector<std::uint32_t>{dist::block, dist::cyclic, 0x21, 0x32});
    r.pn_min_memory = *rc::gen::elementOf(std::vector<std::uint64_t>{0, 300, 100 | model::kMemoryPerCpu});
    const model::StepUses before = w.uses();
    const auto placed = w.place(r);
    if (!placed) continue;
    RC_ASSERT(model::fits(*w.job.allocation, before, r, *placed, true));
    std::set<std::uint32_t> tasks;
    for (const model::StepShare& share : placed->shares) tasks.insert(share.tasks.begin(), share.tasks.end());
    RC_ASSERT(tasks.size() == r.num_tasks);
    RC_ASSERT(w.run(r) == Errc::success);
  }
}

}  // namespace
}  // namespace flurm::sched
