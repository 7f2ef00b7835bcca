// ctld/translate/tres.cpp — see tres.hpp.
#include "ctld/translate/tres.hpp"

#include "fmt/core.h"

namespace flurm::ctld {

std::string memory_text(std::uint64_t mib) {
  constexpr const char* kUnits[] = {"M", "G", "T", "P"};
  bool half = false;
  int unit = 0;
  for (; mib >= 1024 && mib % 512 == 0 && !half && unit < 3; ++unit) {
    half = mib % 1024 != 0;
    mib /= 1024;
  }
  return fmt::format("{}{}{}", mib, half ? ".50" : "", kUnits[unit]);
}

namespace {

std::string tres(std::uint64_t cpus, std::uint64_t mem_mib, std::uint64_t nodes, std::uint64_t billing) {
  std::string out = fmt::format("cpu={}", cpus);
  if (mem_mib) out += ",mem=" + memory_text(mem_mib);
  if (nodes) out += fmt::format(",node={}", nodes);
  out += fmt::format(",billing={}", billing);
  return out;
}

}  // namespace

std::string requested_tres(const model::Job& job) {
  const model::JobRequest& r = *job.request;
  const std::uint64_t memory = r.pn_min_memory & model::kMemoryPerCpu
                                   ? (r.pn_min_memory & ~model::kMemoryPerCpu) * r.min_cpus
                                   : r.pn_min_memory * r.min_nodes;
  return tres(r.min_cpus, memory, r.min_nodes, r.min_cpus);
}

std::string allocated_tres(const model::Job& job) {
  if (!job.allocation) return {};
  std::uint64_t memory = 0;
  for (const model::NodeShare& share : job.allocation->shares) memory += share.memory_mib;
  const std::uint64_t cpus = job.allocation->total_cpus();
  return tres(cpus, memory, job.allocation->shares.size(), cpus);
}

std::string allocated_tres(const model::Step& step) {
  std::uint64_t memory = 0;
  for (const model::StepShare& share : step.placement->shares) memory += share.memory_mib;
  std::string out = fmt::format("cpu={}", step.placement->cpu_count);
  if (memory) out += ",mem=" + memory_text(memory);
  return out + fmt::format(",node={}", step.placement->shares.size());
}

std::string configured_tres(std::uint64_t cpus, std::uint64_t mem_mib, std::uint64_t nodes, bool with_node_count) {
  return tres(cpus, mem_mib, with_node_count ? nodes : 0, cpus);
}

std::string used_tres(const model::Node& node) {
  if (!node.cpus_used && !node.memory_used) return {};
  std::string out;
  if (node.cpus_used) out += fmt::format("cpu={}", node.cpus_used);
  if (node.memory_used) out += (out.empty() ? "mem=" : ",mem=") + memory_text(node.memory_used);
  return out;
}

}  // namespace flurm::ctld
