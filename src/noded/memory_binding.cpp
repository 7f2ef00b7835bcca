// noded/memory_binding.cpp — see memory_binding.hpp.
#include "noded/memory_binding.hpp"

#include <algorithm>
#include <charconv>

#include "base/bitmap.hpp"
#include "conf/lines.hpp"
#include "fmt/format.h"
#include "noded/step_environment.hpp"

namespace flurm::noded {
namespace {

Bitmap nodes_of(const std::vector<std::uint64_t>& cpus, const CpuMap& map, std::size_t count) {
  Bitmap nodes(count);
  for (std::size_t cpu = 0; cpu < map.numa_node.size(); ++cpu) {
    const bool is_there = cpu / 64 < cpus.size() && (cpus[cpu / 64] >> (cpu % 64) & 1) != 0;
    if (cpus.empty() || is_there) nodes.set(map.numa_node[cpu]);
  }
  return nodes;
}

/// The task's part of a list that is gone through again and again.
std::string_view part_of(std::string_view list, std::uint32_t local_id) {
  const auto parts = conf::split_list(list);
  return parts.empty() ? std::string_view{} : parts[local_id % parts.size()];
}

Result<Bitmap> chosen(std::uint16_t type, std::string_view list, const MemoryTask& task, std::uint32_t step_cpus,
                      const CpuMap& map, std::size_t count) {
  if (type & mem_bind_local) return nodes_of(task.cpus, map, count);
  Bitmap nodes(count);
  std::string_view part = part_of(list, task.local_id);
  if (type & mem_bind_mask) {
    auto mask = Bitmap::from_hex(part, count);
    if (!mask || mask->none())
      return fail(Errc::einval, "NUMA mask {} is of no use to local task {} (--mem-bind=mask_mem)", part,
                  task.local_id);
    return mask;
  }
  std::uint32_t node = task.local_id % std::max(step_cpus, 1u);
  if (type & mem_bind_map) {
    const int base = part.starts_with("0x") ? 16 : 10;
    if (base == 16) part.remove_prefix(2);
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), node, base);
    if (error != std::errc{} || end != part.data() + part.size())
      return fail(Errc::einval, "--mem-bind=map_mem:{} is no NUMA node for local task {}", part, task.local_id);
  }
  if (node >= count)
    return fail(Errc::einval, "NUMA node {} does not exist; cannot bind local task {} to it (--mem-bind={})", node,
                task.local_id, type & mem_bind_map ? "map_mem" : "rank");
  nodes.set(node);
  return nodes;
}

std::string_view word_of(std::uint16_t type) {
  if (type & mem_bind_rank) return "RANK";
  if (type & mem_bind_local) return "LOC";
  if (type & mem_bind_map) return "MAP";
  return "MASK";
}

}  // namespace

Result<MemoryBinding> bind_memory(std::uint16_t type, std::string_view list, const MemoryTask& task,
                                  std::uint32_t step_cpus, const CpuMap& map, const std::string& host_name) {
  const std::size_t count = map.numa_node.empty() ? 1 : std::size_t{std::ranges::max(map.numa_node)} + 1;
  const bool binds = type & (mem_bind_rank | mem_bind_local | mem_bind_map | mem_bind_mask);
  MemoryBinding binding;
  Bitmap shown(count);
  if (binds) {
    FLURM_TRY(shown, chosen(type, list, task, step_cpus, map, count));
    binding.nodes = shown.words();
    binding.preferred = type & mem_bind_prefer;
  } else {
    shown.set_all();
  }
  if (type & mem_bind_verbose)
    binding.report = fmt::format("mem-bind{}{} - {}, task {:2} {:2} [{{}}]: mask {}{}",
                                 binds && binding.preferred ? " PREFER " : "=",
                                 binds                  ? word_of(type)
                                 : type & mem_bind_none ? "NONE"
                                                        : "NULL",
                                 host_name, task.global_id, task.local_id, shown.hex(), binds ? " set" : "");
  return binding;
}

}  // namespace flurm::noded
