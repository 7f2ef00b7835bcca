// noded/cpu_binding_test.cpp — bindings on machines of several shapes; what slurmd 22.05 makes of them.
#include "noded/cpu_binding.hpp"

#include <numeric>

#include "gtest/gtest.h"

namespace flurm::noded {
namespace {

/// Two sockets of four cores of two threads; the system numbers first threads first.
struct Machine {
  NodeShape shape{.cpus = 16, .sockets = 2, .cores_per_socket = 4, .threads_per_core = 2};
  CpuMap map;
  Machine() {
    for (std::uint32_t i = 0; i < 16; ++i) map.system_number.push_back(i / 2 + (i % 2) * 8);
    for (std::uint32_t i = 0; i < 16; ++i) map.numa_node.push_back(i % 8 / 4);
  }
};

wire::LaunchTasks step(std::size_t tasks, std::initializer_list<std::uint32_t> cores) {
  wire::LaunchTasks order;
  order.tasks.resize(1);
  order.tasks[0].global_task_ids.resize(tasks);
  std::iota(order.tasks[0].global_task_ids.begin(), order.tasks[0].global_task_ids.end(), 0);
  order.cpus_per_task = 1;
  order.task_dist = 0x2000;
  order.cred.step_core_bitmap = wire::Bits(8);
  for (const std::uint32_t core : cores) order.cred.step_core_bitmap.set(core);
  return order;
}

std::string bound(const wire::LaunchTasks& order, BindDefaults defaults = {}, const Machine& machine = {}) {
  const auto binding = bind_tasks(order, 0, {.first = 0, .count = 8, .sockets = 2, .cores_per_socket = 4},
                                  machine.shape, machine.map, defaults);
  return binding ? binding->list : "error " + std::to_string(static_cast<int>(binding.error().code));
}

constexpr std::initializer_list<std::uint32_t> kAll = {0, 1, 2, 3, 4, 5, 6, 7};

TEST(CpuBinding, as_many_tasks_as_sockets_cores_or_threads) {
  EXPECT_EQ(bound(step(2, kAll)), "0x0F0F,0xF0F0");
  EXPECT_EQ(bound(step(8, kAll)), "0x0101,0x1010,0x0202,0x2020,0x0404,0x4040,0x0808,0x8080") << "sockets in turn";
  EXPECT_EQ(bound(step(16, kAll)).substr(0, 27), "0x0001,0x0010,0x0100,0x1000");
  EXPECT_EQ(bound(step(3, kAll)), "0xFFFF") << "all to all of the step's";
}

TEST(CpuBinding, only_the_steps_cores) {
  EXPECT_EQ(bound(step(2, {1, 2})), "0x0202,0x0404");
  EXPECT_EQ(bound(step(3, {1, 2})), "0x0606");
}

TEST(CpuBinding, block_fills_a_socket_first) {
  wire::LaunchTasks order = step(3, kAll);
  order.cpu_bind_type = cpu_bind_to_cores;
  EXPECT_EQ(bound(order), "0x0101,0x1010,0x0202");
  order.task_dist = 0x22;
  EXPECT_EQ(bound(order), "0x0101,0x0202,0x0404");
  order.task_dist = 0x2000;
  EXPECT_EQ(bound(order, {.block_by_default = true}), "0x0101,0x0202,0x0404");
  order.cpus_per_task = 2;
  order.cpu_bind_type = cpu_bind_to_threads;
  EXPECT_EQ(bound(order, {.block_by_default = true}), "0x0101,0x0202,0x0404");
  order.cpu_bind_type = cpu_bind_to_sockets;
  EXPECT_EQ(bound(order), "0x0F0F,0xF0F0,0x0F0F");
}

TEST(CpuBinding, as_asked) {
  wire::LaunchTasks order = step(3, kAll);
  order.cpu_bind_type = cpu_bind_map;
  order.cpu_bind = "0,0x9";
  const Machine machine;
  const auto binding = bind_tasks(order, 0, {.first = 0, .count = 8, .sockets = 2, .cores_per_socket = 4},
                                  machine.shape, machine.map, {});
  ASSERT_TRUE(binding);
  EXPECT_EQ(binding->cpus, (std::vector<std::vector<std::uint64_t>>{{1}, {1 << 9}, {1}}));
  order.cpu_bind_type = cpu_bind_mask;
  order.cpu_bind = "0xff,0x100";
  EXPECT_EQ(bound(order), "0xff,0x100");
  order.cpu_bind_type = cpu_bind_none;
  EXPECT_EQ(bound(order), "0xff,0x100");
  order.cpu_bind_type = cpu_bind_rank;
  EXPECT_NE(bound(order).substr(0, 5), "error");
}

TEST(CpuBinding, what_lies_outside_is_refused) {
  wire::LaunchTasks order = step(1, {0});
  order.cpu_bind_type = cpu_bind_map;
  order.cpu_bind = "3";
  EXPECT_EQ(bound(order), "error 4032");
  order.cpu_bind = "nonsense";
  EXPECT_EQ(bound(order), "error 4032");
  order.cpu_bind = "";
  EXPECT_EQ(bound(order), "error 4032");
  order.cpu_bind_type = cpu_bind_mask;
  order.cpu_bind = "0x2";
  EXPECT_EQ(bound(order), "error 4032");
  order.cpu_bind_type = cpu_bind_rank;
  EXPECT_EQ(bound(order), "error 4032") << "the node is not the step's alone";
  order.cpu_bind_type = cpu_bind_none;
  EXPECT_EQ(bound(order), "0x0101") << "then the step's CPUs, whatever the task";
}

TEST(CpuBinding, more_tasks_than_cpus) {
  wire::LaunchTasks order = step(3, {0});
  order.cpu_bind_type = cpu_bind_to_threads;
  EXPECT_EQ(bound(order), "error 4033");
  order.flags = wire::launch_overcommit;
  EXPECT_EQ(bound(order), "0x0101");
}

TEST(CpuBinding, a_machine_smaller_than_its_description) {
  Machine machine;
  machine.map.system_number = {0, 1};
  machine.map.numa_node = {0, 0};
  EXPECT_EQ(bound(step(8, kAll), {}, machine), "error 4033") << "as slurmd has it";
  EXPECT_EQ(bound(step(3, kAll), {}, machine), "0x3");
}

TEST(CpuBinding, report) {
  wire::LaunchTasks order = step(2, kAll);
  order.cpu_bind_type = cpu_bind_verbose;
  const Machine machine;
  const auto binding = bind_tasks(order, 0, {.first = 0, .count = 8, .sockets = 2, .cores_per_socket = 4},
                                  machine.shape, machine.map, {});
  ASSERT_TRUE(binding);
  EXPECT_EQ(bind_report(*binding, "n1", 7, 1), "cpu-bind=MASK - n1, task  7  1 [{}]: mask 0xF0F0 set");
}

}  // namespace
}  // namespace flurm::noded
