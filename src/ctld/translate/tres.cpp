// ctld/translate/tres.cpp — see tres.hpp.
#include "ctld/translate/tres.hpp"

#include <charconv>

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

/// `billing` kNoVal64: it is not counted of this.
TresAmounts amounts(std::uint64_t cpus, std::uint64_t mem_mib, std::uint64_t nodes, std::uint64_t billing = kNoVal64) {
  TresAmounts out{{"cpu", cpus}};
  if (mem_mib) out.push_back({"mem", mem_mib});
  if (nodes) out.push_back({"node", nodes});
  if (billing != kNoVal64) out.push_back({"billing", billing});
  return out;
}

/// Adds "gres/gpu", "gres/gpu:tesla" of counts by kind and type.
void add_counted_gres(TresAmounts& out, const std::vector<model::GresCount>& counts, const model::Settings& settings) {
  for (std::string_view name : conf::split_list(settings.counted_gres)) {
    std::uint64_t sum = 0;
    for (const model::GresCount& count : counts)
      if (count.name == name || (!count.type.empty() && count.name + ":" + count.type == name)) sum += count.count;
    if (sum != 0) out.push_back({fmt::format("gres/{}", name), sum});
  }
}

template <class Shares>
void add_gres_of(TresAmounts& out, const Shares& shares, const model::Settings& settings) {
  if (settings.counted_gres.empty()) return;
  std::vector<model::GresCount> counts;
  for (const auto& share : shares)
    for (const model::GresShare& gres : share.gres) counts.push_back({gres.name, gres.type, gres.count});
  add_counted_gres(out, counts, settings);
}

void add_gres_of(TresAmounts& out, const model::JobRequest& r, const model::Settings& settings) {
  if (settings.counted_gres.empty()) return;
  std::vector<model::GresCount> counts;
  if (const auto wishes = model::gres_wishes(r, settings.gres_types))
    for (const model::GresWish& wish : *wishes) {
      std::uint64_t count = wish.per_job;
      if (count == 0) count = wish.per_node * r.min_nodes;
      if (count == 0 && r.num_tasks != kNoVal32) count = wish.per_task * r.num_tasks;
      if (count == 0) count = wish.per_socket * r.min_nodes * (r.sockets_per_node == kNoVal16 ? 1 : r.sockets_per_node);
      counts.push_back({wish.name, wish.type, count});
    }
  add_counted_gres(out, counts, settings);
}

/// Source: slurm 22.05 src/slurmctld/job_mgr.c job_get_tres_mem().
std::uint64_t requested_memory(const model::JobRequest& r, const model::Settings& settings,
                               std::uint64_t node_memory_mib) {
  if (!(r.bitflags & model::job_bit::memory_set) && !r.mem_per_tres.empty())
    if (const auto wishes = model::gres_wishes(r, settings.gres_types))
      for (const model::GresWish& wish : *wishes) {
        if (wish.memory_each_mib == 0) continue;
        const std::uint64_t sockets = r.sockets_per_node == kNoVal16 ? 1 : r.sockets_per_node;
        const std::uint64_t count = wish.per_job      ? wish.per_job
                                    : wish.per_node   ? wish.per_node * r.min_nodes
                                    : wish.per_socket ? wish.per_socket * r.min_nodes * sockets
                                                      : wish.per_task;
        return wish.memory_each_mib * count;
      }
  if (r.pn_min_memory & model::kMemoryPerCpu) return (r.pn_min_memory & ~model::kMemoryPerCpu) * r.min_cpus;
  return (r.pn_min_memory ? r.pn_min_memory : node_memory_mib) * r.min_nodes;
}

}  // namespace

std::string tres_text(const TresAmounts& amounts) {
  std::string out;
  for (const auto& [name, count] : amounts)
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", name,
                       name == "mem" ? memory_text(count) : std::to_string(count));
  return out;
}

TresAmounts requested_amounts(const model::Job& job, const model::Settings& settings, std::uint64_t node_memory_mib) {
  const model::JobRequest& r = *job.request;
  TresAmounts out = amounts(r.min_cpus, requested_memory(r, settings, node_memory_mib), r.min_nodes, r.min_cpus);
  add_gres_of(out, r, settings);
  return out;
}

TresAmounts allocated_amounts(const model::Job& job, const model::Settings& settings) {
  if (!job.allocation) return {};
  std::uint64_t memory = 0;
  for (const model::NodeShare& share : job.allocation->shares) memory += share.memory_mib;
  const std::uint64_t cpus = job.allocation->total_cpus();
  TresAmounts out = amounts(cpus, memory, job.allocation->shares.size(), cpus);
  add_gres_of(out, job.allocation->shares, settings);
  return out;
}

void add_licenses(TresAmounts& out, const model::Job& job, const acct::Books& books) {
  for (std::string_view each : conf::split_list(job.request->licenses)) {
    const std::size_t colon = each.find_first_of(":=");
    if (!books.find_tres("license", each.substr(0, colon))) continue;
    std::uint64_t count = 1;
    if (colon != std::string_view::npos) std::from_chars(each.data() + colon + 1, each.data() + each.size(), count);
    out.push_back({fmt::format("license/{}", each.substr(0, colon)), count});
  }
}

TresAmounts allocated_amounts(const model::NodeShare& share, const model::Settings& settings) {
  TresAmounts out = amounts(share.cpus, share.memory_mib, 1);
  add_gres_of(out, std::vector{share}, settings);
  return out;
}

TresAmounts allocated_amounts(const model::Step& step, const model::Settings& settings) {
  std::uint64_t memory = 0;
  for (const model::StepShare& share : step.placement->shares) memory += share.memory_mib;
  TresAmounts out = amounts(step.placement->cpu_count, memory, step.placement->shares.size());
  add_gres_of(out, step.placement->shares, settings);
  return out;
}

TresAmounts configured_amounts(const model::Node& node, const model::Settings& settings) {
  TresAmounts out = amounts(node.config.cpus, node.config.real_memory, 0, node.config.cpus);
  add_counted_gres(out, model::parse_node_gres(node.config.gres), settings);
  return out;
}

std::string requested_tres(const model::Job& job, const model::Settings& settings, const acct::Books& books,
                           std::uint64_t node_memory_mib) {
  TresAmounts amounts = requested_amounts(job, settings, node_memory_mib);
  add_licenses(amounts, job, books);
  return tres_text(amounts);
}
std::string allocated_tres(const model::Job& job, const model::Settings& settings, const acct::Books& books) {
  TresAmounts amounts = allocated_amounts(job, settings);
  if (!amounts.empty()) add_licenses(amounts, job, books);
  return tres_text(amounts);
}
std::string allocated_tres(const model::Step& step, const model::Settings& settings) {
  return tres_text(allocated_amounts(step, settings));
}

std::string configured_tres(std::uint64_t cpus, std::uint64_t mem_mib, std::uint64_t nodes, bool with_node_count) {
  return tres_text(amounts(cpus, mem_mib, with_node_count ? nodes : 0, cpus));
}

std::string used_tres(const model::Node& node) {
  if (!node.cpus_used && !node.memory_used) return {};
  std::string out;
  if (node.cpus_used) out += fmt::format("cpu={}", node.cpus_used);
  if (node.memory_used) out += (out.empty() ? "mem=" : ",mem=") + memory_text(node.memory_used);
  return out;
}

}  // namespace flurm::ctld
