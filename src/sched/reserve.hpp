// sched/reserve.hpp — which nodes and cores a new reservation gets, when counts are asked for.
#pragma once
#include <string>
#include <vector>

#include "sched/plan.hpp"

namespace flurm::sched {

/// A reservation by counts.
struct Wish {
  TimeS start, end;
  std::uint64_t flags = 0;                              // model::resv_flag
  std::string partition;                                // empty: the default one
  std::string features;                                 // as --constraint
  std::vector<std::uint32_t> node_counts, core_counts;  // without zeros
  std::vector<model::NodeId> among;                     // only of these; empty: of all
  std::vector<model::NodeId> apart_from;                // none of these
  std::string replaces;  // this reservation is in nobody's way: it is to become the new one
};

/// What a reservation says about the nodes that it wants, but for their counts.
Wish wish_of(const model::Reservation& reservation);

/// Nodes that no reservation has at that time, and no job holds then; with Flags=OVERLAP others too if these do not
/// suffice, with MAINT even ones that are down, with IGNORE_JOBS those with jobs on them. Like Slurm, this gives fewer
/// nodes than asked for where there are not so many at all. Cores come with the nodes when they are asked for.
/// Errors: default_partition_not_set, invalid_partition_name, invalid_feature, requested_node_config_unavailable,
/// nodes_busy. Source: slurm 22.05 src/slurmctld/reservation.c _select_nodes(), select/cons_tres _sequential_pick().
Result<std::vector<model::ReservedNode>> choose_reserved(const View& view, const Wish& wish, TimeS now);

/// The nodes that a reservation by counts is to have from now on: those that cannot be used are exchanged, and with
/// Flags=REPLACE those that jobs use. Its present ones when there are no better ones.
/// Source: slurm 22.05 src/slurmctld/reservation.c _validate_node_choice(), _resv_node_replace().
std::vector<model::ReservedNode> exchanged(const View& view, const model::Reservation& reservation, TimeS now);

}  // namespace flurm::sched
