// noded/memory_binding_test.cpp — tasks get the NUMA nodes that --mem-bind names, on a machine of four.
#include "noded/memory_binding.hpp"

#include <gtest/gtest.h>

#include "noded/step_environment.hpp"

namespace flurm::noded {
namespace {

const CpuMap kMachine{.system_number = {0, 1, 2, 3, 4, 5, 6, 7}, .numa_node = {0, 0, 1, 1, 2, 2, 3, 3}};

std::vector<std::uint64_t> nodes(std::uint16_t type, std::string_view list, std::uint32_t local_id,
                                 std::vector<std::uint64_t> cpus = {}) {
  const auto binding =
      bind_memory(type, list, {.local_id = local_id, .global_id = 9, .cpus = std::move(cpus)}, 8, kMachine, "n1");
  return binding ? binding->nodes : std::vector<std::uint64_t>{~std::uint64_t{0}};
}
const std::vector<std::uint64_t> kRefused{~std::uint64_t{0}};
using Words = std::vector<std::uint64_t>;

TEST(MemoryBinding, FollowsTheRequest) {
  EXPECT_EQ(nodes(mem_bind_none, "", 0), Words{});
  EXPECT_EQ(nodes(mem_bind_local, "", 0, {0b1100}), Words{0b10});
  EXPECT_EQ(nodes(mem_bind_local, "", 0), Words{0b1111});
  EXPECT_EQ(nodes(mem_bind_rank, "", 3), Words{0b1000});
  EXPECT_EQ(nodes(mem_bind_map, "2,0x3", 1), Words{0b1000});
  EXPECT_EQ(nodes(mem_bind_map, "2,3", 2), Words{0b100});
  EXPECT_EQ(nodes(mem_bind_mask, "0x3,0xc", 1), Words{0b1100});
}

TEST(MemoryBinding, RefusesNodesThatAreNotThere) {
  EXPECT_EQ(nodes(mem_bind_rank, "", 4), kRefused);
  EXPECT_EQ(nodes(mem_bind_map, "4", 0), kRefused);
  EXPECT_EQ(nodes(mem_bind_map, "first", 0), kRefused);
  EXPECT_EQ(nodes(mem_bind_map, "", 0), kRefused);
  EXPECT_EQ(nodes(mem_bind_mask, "0x10", 0), kRefused);
  EXPECT_EQ(nodes(mem_bind_mask, "0x0", 0), kRefused);
}

TEST(MemoryBinding, SaysWhatItDoes) {
  const auto said = [](int type) {
    return bind_memory(static_cast<std::uint16_t>(type), "1", {.local_id = 1, .global_id = 9, .cpus = {}}, 8, kMachine,
                       "n1")
        ->report;
  };
  EXPECT_EQ(said(mem_bind_map), "");
  EXPECT_EQ(said(mem_bind_map | mem_bind_verbose), "mem-bind=MAP - n1, task  9  1 [{}]: mask 0x2 set");
  EXPECT_EQ(said(mem_bind_map | mem_bind_prefer | mem_bind_verbose),
            "mem-bind PREFER MAP - n1, task  9  1 [{}]: mask 0x2 set");
  EXPECT_EQ(said(mem_bind_none | mem_bind_verbose), "mem-bind=NONE - n1, task  9  1 [{}]: mask 0xF");
}

}  // namespace
}  // namespace flurm::noded
