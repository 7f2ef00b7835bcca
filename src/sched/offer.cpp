// sched/offer.cpp — one node, one job.
#include "sched/offer.hpp"

#include <algorithm>
#include <array>

namespace flurm::sched {
namespace {

constexpr std::size_t kSocketsMax = 64;

/// Steps down from `cpus` until the memory for them is there.
std::uint32_t limit_by_memory(const Demand& d, const NodeInfo& node, const Room& room, std::uint32_t unit_cpus,
                              std::uint32_t cpus) {
  const std::uint64_t per_cpu = d.memory_mib;
  if (!d.memory_per_cpu) return per_cpu > room.memory_mib ? 0 : cpus;
  if (d.whole_node && per_cpu * cpus > room.memory_mib) return 0;
  if (d.unit != Unit::cpu && d.tasks_per_core == 1 && d.cpus_per_task == 1) {
    // each CPU counted here stands for a core, all of whose CPUs will be charged
    while (cpus > 0 && per_cpu * cpus * node.cpus_per_core > room.memory_mib) --cpus;
  } else {
    while (cpus > 0 && per_cpu * cpus > room.memory_mib) cpus -= std::min(unit_cpus, cpus);
  }
  cpus -= cpus % d.cpus_per_task;
  return cpus < d.tasks_per_node ? 0 : cpus;
}

std::uint32_t tasks_wanted_here(const Demand& d) {
  if (d.tasks_per_node != 0) return d.tasks_per_node;
  if (d.overcommit) return 1;
  return d.asked_max_nodes == 1 && d.tasks != 0 ? d.tasks : 1;
}

/// Takes cores in order: at most `socket_cpus_max` CPUs' worth from each socket, none from those not in `sockets`.
/// Returns the CPUs of the cores left in `free`.
std::uint32_t take_cores(const Demand& d, const NodeInfo& node, std::uint32_t per_core,
                         const std::array<bool, kSocketsMax>& sockets, Cores free) {
  std::uint32_t socket_cpus_max = node.cores * per_core;
  if (d.tasks_per_socket != 0) socket_cpus_max = d.tasks_per_socket * d.cpus_per_task;
  const bool core_to_each_task = d.tasks_per_core == 1 && d.cpus_per_task > per_core;
  std::uint32_t cpus = 0, rest_of_task = d.cpus_per_task;
  for (std::uint32_t s = 0; s < node.sockets; ++s) {
    std::uint32_t here = 0;
    for (std::uint32_t core = s * node.cores; core < (s + 1u) * node.cores; ++core) {
      if (!has(free, core)) continue;
      if (!sockets[s] || (here != 0 && here >= socket_cpus_max)) {
        clear(free, core);
        continue;
      }
      here += per_core;
      if (core_to_each_task) {  // the task's last core may be used in part
        const std::uint32_t used = std::min(rest_of_task, per_core);
        cpus += used;
        rest_of_task = rest_of_task <= used ? d.cpus_per_task : rest_of_task - used;
      } else {
        cpus += per_core;
      }
    }
  }
  return cpus;
}

/// What MaxCPUsPerNode leaves to the job here; 0 when nothing.
std::uint32_t partition_room(const Demand& d, const Room& room, std::uint32_t free_cpus) {
  const std::uint32_t limit = d.partition_cpus_per_node_max;
  if (limit == kInfinite32 || free_cpus + room.partition_cpus_used <= limit) return kInfinite32;
  if (d.whole_node || room.partition_cpus_used >= limit) return 0;
  const std::uint32_t rest = limit - room.partition_cpus_used;
  if (rest == 1 && (d.tasks_per_core > 1 || d.tasks_per_socket > 1 || d.cpus_per_task > 1 || d.threads > 1)) return 0;
  return rest;
}

}  // namespace

std::uint32_t cpus_per_core(const Demand& demand, const NodeInfo& node) {
  std::uint32_t usable = node.cpus_per_core;
  if (demand.tasks_per_core != 0)
    usable = std::min<std::uint32_t>(usable, std::uint32_t{demand.tasks_per_core} * demand.cpus_per_task);
  if (demand.threads != 0) usable = std::min<std::uint32_t>(usable, demand.threads);
  return usable;
}

Lack lack_of(const Demand& d, const NodeInfo& node) {
  std::uint32_t cpus = node.cpus;
  if (d.tasks_per_core != 0) cpus = std::max(cpus, node.core_count() * d.tasks_per_core * d.cpus_per_task);
  if (d.cpus_per_node > cpus) return Lack::cpus;
  if (d.memory_mib > node.real_memory_mib) return Lack::memory;
  if (d.tmp_disk_mib > node.tmp_disk_mib) return Lack::tmp_disk;
  if (d.sockets > node.sockets || d.cores > node.cores || d.threads > node.threads) return Lack::shape;
  return Lack::nothing;
}

Offer offer_of(const Demand& d, const NodeInfo& node, const Room& room, Cores free) {
  Offer offer;
  const auto nothing = [&] {
    std::ranges::fill(free, 0);
    offer.cpus = 0;
    return offer;
  };
  if (d.unit == Unit::node) {
    offer.max_cpus = count(free) * node.cpus_per_core;
    offer.cpus = node.cpus;
    if (d.counts_memory && d.memory_mib != 0) {
      const std::uint64_t need = d.memory_per_cpu ? d.memory_mib * offer.cpus : d.memory_mib;
      if (need > room.memory_mib) return nothing();
    }
    return offer;
  }
  if (d.threads > node.cpus_per_core && d.tasks_per_core == 0) return nothing();
  if (d.tasks_per_socket > node.cpus_per_core * node.cores || node.sockets > kSocketsMax) return nothing();
  const std::uint32_t per_core = cpus_per_core(d, node);

  std::array<bool, kSocketsMax> sockets{};
  std::uint32_t free_cores = 0, all_free_cores = 0, sockets_usable = 0, tasks = 0;
  for (std::uint32_t s = 0; s < node.sockets; ++s) {
    std::uint32_t here = count(free, s * node.cores, node.cores);
    if (d.unit == Unit::socket && here < node.cores) here = 0;
    all_free_cores += here;
    if (here < std::max<std::uint32_t>(d.cores, 1)) continue;
    sockets[s] = true;
    ++sockets_usable;
    free_cores += here;
    tasks += d.tasks_per_socket ? std::min<std::uint32_t>(here * per_core, d.tasks_per_socket) : here * per_core;
  }
  offer.max_cpus = all_free_cores * node.cpus_per_core;
  const std::uint32_t partition_cpus = partition_room(d, room, offer.max_cpus);
  if (partition_cpus == 0 || free_cores == 0 || sockets_usable < std::max<std::uint32_t>(d.sockets, 1) ||
      free_cores * per_core < d.cpus_per_node || (tasks < d.tasks_per_node && !d.overcommit))
    return nothing();

  std::uint32_t cpus = std::min(take_cores(d, node, per_core, sockets, free), partition_cpus);
  if (cpus < tasks_wanted_here(d) * d.cpus_per_task) return nothing();
  if (d.counts_memory) {
    std::uint32_t unit_cpus = d.unit == Unit::cpu ? 1 : node.cpus_per_core;
    if (d.unit == Unit::socket) unit_cpus *= node.cores;
    if (d.tasks_per_core != 0 || d.threads != 0) unit_cpus = std::min(unit_cpus, per_core);
    cpus = limit_by_memory(d, node, room, unit_cpus, cpus);
  }
  if (cpus == 0) return nothing();
  offer.cpus = cpus;
  return offer;
}

std::uint32_t cpus_for_tasks(const Demand& d, std::uint32_t cpus) {
  if (d.overcommit || d.unit == Unit::node) return cpus;
  std::uint32_t tasks = 1;
  if (d.tasks_per_node != 0)
    tasks = d.tasks_per_node;
  else if (d.tasks_per_socket != 0)
    tasks = d.tasks_per_socket;
  else if (d.tasks_per_core != 0)
    tasks = d.tasks_per_core;
  else if (d.asked_max_nodes == 1 && d.tasks != 0)
    tasks = d.tasks;
  return cpus / d.cpus_per_task < tasks ? 0 : cpus;
}

}  // namespace flurm::sched
