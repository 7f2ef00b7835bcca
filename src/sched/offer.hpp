// sched/offer.hpp — what one node can give to one job: the CPUs, and the cores they may come from.
#pragma once
#include <cstdint>
#include <vector>

#include "sched/cluster.hpp"
#include "sched/cores.hpp"
#include "sched/demand.hpp"

namespace flurm::sched {

/// What is free on a node for the job in question.
struct Room {
  std::uint64_t memory_mib = 0;
  std::uint32_t partition_cpus_used = 0;  // by the job's partition, for its MaxCPUsPerNode
};

struct Offer {
  std::uint32_t cpus = 0;      // 0: nothing
  std::uint32_t max_cpus = 0;  // free ones, whatever the job can use of them: how loaded the node is
  std::vector<std::uint64_t> gres;  // for each of the demand's wishes; empty when there are none
};

/// Logical CPUs of one core that the job's tasks use.
std::uint32_t cpus_per_core(const Demand& demand, const NodeInfo& node);

/// What of the things that each node of a job must have.
enum class Lack : std::uint8_t { nothing, cpus, memory, tmp_disk, shape };

/// What the node lacks for the job even when it is empty: the first, where it is several.
/// Source: slurm 22.05 src/slurmctld/node_scheduler.c _build_node_list().
Lack lack_of(const Demand& demand, const NodeInfo& node);

/// `free` comes in as the free cores and goes out as those the job may take, none when it can take none.
/// Source: slurm 22.05 select/cons_common cons_common.c _allocate_sc(), select/cons_tres job_test.c
/// can_job_run_on_node().
Offer offer_of(const Demand& demand, const NodeInfo& node, const Room& room, Cores free);

/// `cpus` cut down to 0 when they are too few for the tasks that the job must have on a node.
std::uint32_t cpus_for_tasks(const Demand& demand, std::uint32_t cpus);

}  // namespace flurm::sched
