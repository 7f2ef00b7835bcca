// sched/demand.cpp — requests with their defaults.
#include "sched/demand.hpp"

#include <algorithm>

namespace flurm::sched {
namespace {

std::uint16_t asked(std::uint16_t value) { return value == kNoVal16 || value == kInfinite16 ? 0 : value; }
std::uint32_t asked(std::uint32_t value) { return value == kNoVal32 ? 0 : value; }

/// The partition's SelectType replaces the cluster's unit, and whether memory counts.
std::uint16_t cr_type_of(const model::Partition& partition, const model::Settings& settings) {
  std::uint16_t type = settings.cr_type;
  if (partition.cr_type != 0 && (type & (model::cr_bit::socket | model::cr_bit::core)) != 0) {
    type &= static_cast<std::uint16_t>(~(model::cr_bit::socket | model::cr_bit::core | model::cr_bit::memory));
    type |= partition.cr_type;
  }
  return type;
}

Unit unit_of(std::uint16_t cr_type, const model::Settings& settings) {
  if (settings.select_linear) return Unit::node;
  if (cr_type & model::cr_bit::socket) return Unit::socket;
  return cr_type & model::cr_bit::core ? Unit::core : Unit::cpu;
}

/// MaxMemPerCPU holds a job's memory per CPU down by giving each task more CPUs, as many as the memory is worth.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c _valid_pn_min_mem().
void spread_memory_over_cpus(Demand& demand, std::uint64_t limit) {
  if (limit == 0 || limit == model::kMemoryPerCpu || !(limit & model::kMemoryPerCpu) || demand.memory_mib == 0) return;
  limit &= ~model::kMemoryPerCpu;
  if (demand.memory_per_cpu) {
    if (demand.memory_mib <= limit) return;
    const std::uint64_t factor = (demand.memory_mib + limit - 1) / limit;
    demand.cpus_per_task = static_cast<std::uint16_t>(demand.cpus_per_task * factor);
    demand.memory_mib = (demand.memory_mib + factor - 1) / factor;
    if (demand.tasks != 0) {
      demand.min_cpus = demand.tasks * demand.cpus_per_task;
      if (demand.max_cpus != kNoVal32) demand.max_cpus = std::max(demand.max_cpus, demand.min_cpus);
    } else {
      demand.cpus_per_node = demand.cpus_per_task;
    }
    return;
  }
  const auto cpus =
      static_cast<std::uint16_t>(std::min<std::uint64_t>((demand.memory_mib + limit - 1) / limit, 0xfff0));
  if (demand.cpus_per_node >= cpus) return;
  demand.cpus_per_node = cpus;
  if (demand.tasks_per_node != 0)
    demand.cpus_per_task = static_cast<std::uint16_t>((cpus + demand.tasks_per_node - 1) / demand.tasks_per_node);
}

/// CPUs that go with devices: of a node, and of the job.
void set_gres(Demand& demand, const model::JobRequest& request, const model::Settings& settings,
              std::uint32_t min_nodes) {
  auto wishes = model::gres_wishes(request, settings.gres_types);
  demand.gres_unknown = !wishes;
  if (!wishes) return;
  demand.gres = std::move(*wishes);
  std::erase_if(demand.gres, [](const model::GresWish& wish) {
    return !wish.per_job && !wish.per_node && !wish.per_socket && !wish.per_task;
  });
  demand.enforce_binding = request.bitflags & kGresEnforceBinding;
  demand.disable_binding = request.bitflags & kGresDisableBinding;
  for (const model::GresWish& wish : demand.gres) {
    if (wish.memory_each_mib != 0) {  // the least that a node must have; what is taken follows from the devices
      demand.memory_by_gres = true;
      demand.memory_per_cpu = false;
      demand.memory_mib = wish.memory_each_mib * std::max<std::uint64_t>({wish.per_node, wish.per_task, 1});
    }
    if (wish.cpus_each == 0) continue;
    const std::uint32_t sockets = std::max<std::uint32_t>(demand.sockets, 1);
    std::uint64_t here = 1, all = wish.per_job;
    if (wish.per_node != 0) {
      here = wish.per_node;
      if (all == 0) all = here * min_nodes;
    } else if (wish.per_socket != 0) {
      here = wish.per_socket * sockets;
      if (all == 0) all = here * min_nodes;
    } else if (wish.per_task != 0) {
      here = wish.per_task * std::max<std::uint32_t>(demand.tasks_per_node, 1);
      if (all == 0) all = wish.per_task * std::max<std::uint32_t>(demand.tasks, 1);
    }
    const auto cpus = [&](std::uint64_t count) {
      return static_cast<std::uint32_t>(std::min<std::uint64_t>(count * wish.cpus_each, 0xfff0));
    };
    demand.cpus_per_node = static_cast<std::uint16_t>(std::max<std::uint32_t>(demand.cpus_per_node, cpus(here)));
    demand.min_cpus = std::max(demand.min_cpus, cpus(all));
  }
}

void set_sharing(Demand& demand, const model::JobRequest& request, const model::Partition& partition) {
  constexpr std::uint16_t kExclusive = 0, kOk = 1, kUser = 2;
  demand.rows = std::max<std::uint16_t>(partition.max_share & ~model::kShareForce, 1);
  const bool forced = partition.max_share & model::kShareForce;
  if (partition.max_share == 0)
    demand.sharing = Sharing::exclusive;
  else if (forced || (partition.max_share > 1 && request.shared == kOk))
    demand.sharing = Sharing::row;

  demand.whole_node = request.shared == kExclusive || demand.core_spec != kNoVal16 || partition.max_share == 0 ||
                      demand.unit == Unit::node;
  demand.all_gres = request.shared == kExclusive || partition.max_share == 0;
  demand.same_user_only = request.shared == kUser || (partition.flags & model::partition_flag::exclusive_user);
  if (request.reboot != 0 || partition.max_share == 0)
    demand.idle_nodes_only = true;
  else if (forced && demand.rows > 1)
    demand.idle_nodes_only = false;
  else if (demand.unit == Unit::node)
    demand.idle_nodes_only = partition.max_share == 1 || request.shared != kOk;
  else
    demand.idle_nodes_only = demand.whole_node;
}

}  // namespace

std::uint64_t label_number(const model::JobRequest& request, model::McsSelect select) {
  if (!model::sets_nodes_apart(request, select)) return 0;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : request.mcs_label) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash | 1;
}

Demand make_demand(const model::JobRequest& request, const model::Partition& partition,
                   const model::Settings& settings) {
  const std::uint16_t cr_type = cr_type_of(partition, settings);
  Demand demand;
  demand.unit = unit_of(cr_type, settings);
  demand.counts_memory = cr_type & model::cr_bit::memory;
  demand.least_loaded = (cr_type & model::cr_bit::least_loaded) || (partition.flags & model::partition_flag::lln);

  const std::uint32_t min_nodes = request.min_nodes == kNoVal32 ? 1 : request.min_nodes;
  demand.min_nodes = std::max(min_nodes, partition.min_nodes);
  demand.asked_max_nodes = asked(request.max_nodes);
  demand.max_nodes =
      std::min({demand.asked_max_nodes ? demand.asked_max_nodes : partition.max_nodes, partition.max_nodes, kNodesMax});
  demand.tasks = asked(request.num_tasks);
  demand.spread = request.bitflags & model::job_bit::spread_job;
  if (demand.spread && demand.asked_max_nodes == 0 && demand.tasks != 0) {
    demand.asked_max_nodes = demand.tasks;
    demand.max_nodes = std::min(demand.tasks, demand.max_nodes);
  }
  const bool fewest = demand.asked_max_nodes == 0 || (request.bitflags & model::job_bit::use_min_nodes);
  demand.wanted_nodes = fewest ? demand.min_nodes : demand.max_nodes;

  demand.min_cpus = request.min_cpus == kNoVal32 ? min_nodes : request.min_cpus;
  demand.max_cpus = request.max_cpus;
  demand.overcommit = request.overcommit;
  demand.cpus_per_task = std::max<std::uint16_t>(asked(request.cpus_per_task), 1);
  demand.tasks_per_node = asked(request.ntasks_per_node);
  demand.tasks_per_socket = asked(request.ntasks_per_socket);
  demand.tasks_per_core = asked(request.ntasks_per_core);
  if (demand.tasks_per_core == 0 && request.ntasks_per_core == kNoVal16 && (cr_type & model::cr_bit::one_task_per_core))
    demand.tasks_per_core = 1;
  demand.sockets = asked(request.sockets_per_node);
  demand.cores = asked(request.cores_per_socket);
  demand.threads = asked(request.threads_per_core);
  demand.cpus_per_node = std::max<std::uint16_t>(asked(request.pn_min_cpus), 1);
  if (demand.tasks_per_node != 0 && !demand.overcommit && demand.tasks > 1)
    demand.cpus_per_node = std::max<std::uint16_t>(
        demand.cpus_per_node, static_cast<std::uint16_t>(demand.cpus_per_task * demand.tasks_per_node));
  demand.cpus_per_node = std::max(demand.cpus_per_node, demand.cpus_per_task);
  demand.core_spec = request.core_spec;

  std::uint64_t memory = request.pn_min_memory;
  if (memory == kNoVal64) memory = partition.def_mem_per_cpu ? partition.def_mem_per_cpu : settings.def_mem_per_cpu;
  demand.memory_per_cpu = memory & model::kMemoryPerCpu;
  demand.memory_mib = memory & ~model::kMemoryPerCpu;
  if (demand.memory_mib == 0) demand.memory_per_cpu = false;
  spread_memory_over_cpus(demand, partition.max_mem_per_cpu ? partition.max_mem_per_cpu : settings.max_mem_per_cpu);
  demand.tmp_disk_mib = asked(request.pn_min_tmp_disk);

  constexpr std::uint32_t kDistCyclic = 1;
  demand.task_dist = request.task_dist == kNoVal32 ? kDistCyclic : request.task_dist;
  demand.plane_size = asked(request.plane_size);
  demand.block_cores = cr_type & model::cr_bit::core_default_dist_block;
  demand.contiguous = asked(request.contiguous) != 0;

  // -O with least hardware asked for: each node must have that much
  if (demand.overcommit && demand.min_cpus == min_nodes)
    for (std::uint16_t part : {demand.threads, demand.cores, demand.sockets})
      if (part > 1) demand.min_cpus *= part;

  demand.partition_cpus_per_node_max = partition.max_cpus_per_node;
  set_gres(demand, request, settings, min_nodes);
  set_sharing(demand, request, partition);
  demand.label = label_number(request, settings.mcs_select);
  return demand;
}

}  // namespace flurm::sched
