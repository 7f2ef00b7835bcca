// sched/distribute.hpp — how many CPUs of each chosen node a job gets, and which cores.
#pragma once
#include <vector>

#include "sched/cluster.hpp"
#include "sched/demand.hpp"

namespace flurm::sched {

/// A chosen node: what may be taken there, and then what is taken.
struct Chosen {
  NodeIndex node = 0;
  std::uint32_t cpus = 0;   // in: usable ones; out: the job's
  std::vector<Word> cores;  // in: those it may take; out: the job's
  std::uint32_t tasks = 0;  // out: dealt to it
};

/// Tasks are dealt over the nodes, one to each and then by whole cores; each node's cores come from all of its sockets
/// in turn, or from as few sockets as possible when --distribution asks for block. False when the cores cannot be
/// dealt out in that way. Source: slurm 22.05 select/cons_common dist_tasks.c, select/cons_tres dist_tasks.c.
bool distribute(const Demand& demand, const Cluster& cluster, std::vector<Chosen>& nodes);

/// The CPUs of `chosen` that memory per CPU is counted for: only the threads that the job uses.
std::uint32_t cpus_for_memory(const Demand& demand, const NodeInfo& node, std::uint32_t cpus);

}  // namespace flurm::sched
