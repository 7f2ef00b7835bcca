// ctld/translate/tres.cpp — see tres.hpp.
#include "ctld/translate/tres.hpp"

#include "conf/lines.hpp"
#include "fmt/core.h"
#include "model/gres_request.hpp"

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

/// ",gres/gpu=2,gres/gpu:tesla=2" of counts by kind and type.
std::string counted_gres(const std::vector<model::GresCount>& counts, const model::Settings& settings) {
  std::string out;
  for (std::string_view name : conf::split_list(settings.counted_gres)) {
    std::uint64_t sum = 0;
    for (const model::GresCount& count : counts)
      if (count.name == name || (!count.type.empty() && count.name + ":" + count.type == name)) sum += count.count;
    if (sum != 0) out += fmt::format(",gres/{}={}", name, sum);
  }
  return out;
}

template <class Shares>
std::string counted_gres_of(const Shares& shares, const model::Settings& settings) {
  if (settings.counted_gres.empty()) return {};
  std::vector<model::GresCount> counts;
  for (const auto& share : shares)
    for (const model::GresShare& gres : share.gres) counts.push_back({gres.name, gres.type, gres.count});
  return counted_gres(counts, settings);
}

std::string counted_gres_of(const model::JobRequest& r, const model::Settings& settings) {
  if (settings.counted_gres.empty()) return {};
  std::vector<model::GresCount> counts;
  if (const auto wishes = model::gres_wishes(r, settings.gres_types))
    for (const model::GresWish& wish : *wishes) {
      std::uint64_t count = wish.per_job;
      if (count == 0) count = wish.per_node * r.min_nodes;
      if (count == 0 && r.num_tasks != kNoVal32) count = wish.per_task * r.num_tasks;
      if (count == 0) count = wish.per_socket * r.min_nodes * (r.sockets_per_node == kNoVal16 ? 1 : r.sockets_per_node);
      counts.push_back({wish.name, wish.type, count});
    }
  return counted_gres(counts, settings);
}

}  // namespace

std::string requested_tres(const model::Job& job, const model::Settings& settings) {
  const model::JobRequest& r = *job.request;
  const std::uint64_t memory = r.pn_min_memory & model::kMemoryPerCpu
                                   ? (r.pn_min_memory & ~model::kMemoryPerCpu) * r.min_cpus
                                   : r.pn_min_memory * r.min_nodes;
  return tres(r.min_cpus, memory, r.min_nodes, r.min_cpus) + counted_gres_of(r, settings);
}

std::string allocated_tres(const model::Job& job, const model::Settings& settings) {
  if (!job.allocation) return {};
  std::uint64_t memory = 0;
  for (const model::NodeShare& share : job.allocation->shares) memory += share.memory_mib;
  const std::uint64_t cpus = job.allocation->total_cpus();
  return tres(cpus, memory, job.allocation->shares.size(), cpus) + counted_gres_of(job.allocation->shares, settings);
}

std::string allocated_tres(const model::Step& step, const model::Settings& settings) {
  std::uint64_t memory = 0;
  for (const model::StepShare& share : step.placement->shares) memory += share.memory_mib;
  std::string out = fmt::format("cpu={}", step.placement->cpu_count);
  if (memory) out += ",mem=" + memory_text(memory);
  return out + fmt::format(",node={}", step.placement->shares.size()) +
         counted_gres_of(step.placement->shares, settings);
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
