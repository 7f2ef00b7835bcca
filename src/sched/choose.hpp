// sched/choose.hpp — which of the nodes that could serve a job it gets.
#pragma once
#include <vector>

#include "base/bitmap.hpp"
#include "sched/cluster.hpp"
#include "sched/demand.hpp"
#include "sched/offer.hpp"

namespace flurm::sched {

struct Choice {
  const Demand* demand = nullptr;
  const Cluster* cluster = nullptr;
  const Bitmap* required = nullptr;  // null: none
  std::uint32_t min_nodes = 1, max_nodes = 1, wanted_nodes = 1;
  std::uint32_t min_cpus = 1;
  bool weights = true;  // runs of nodes end where the weight changes
};

/// Picks nodes out of `nodes`, which goes out as the ones chosen. offers[i].cpus of a chosen node goes out as the
/// CPUs counted on there. False when they do not suffice; `nodes` is then of no meaning.
///
/// As Slurm does: runs of consecutive nodes of equal weight, lowest weight first, the tightest run that suffices; or
/// the least loaded nodes; or as many nodes as may be (--spread-job). When that fails, again without the nodes that
/// offer least. Source: slurm 22.05 select/cons_tres job_test.c _eval_nodes(), choose_nodes().
bool choose_nodes(const Choice& choice, Bitmap& nodes, std::vector<Offer>& offers);

/// The same below one switch: the lowest that suffices, of equal ones the one with the fewest free nodes, and there the
/// nodes of as few leaf switches as possible, `leaves_max` at most (0: without limit).
/// Source of the idea: slurm 22.05 select/cons_tres job_test.c _eval_nodes_topo().
bool choose_by_switch(const Choice& choice, std::uint32_t leaves_max, const std::vector<SwitchInfo>& switches,
                      Bitmap& nodes, std::vector<Offer>& offers);

}  // namespace flurm::sched
