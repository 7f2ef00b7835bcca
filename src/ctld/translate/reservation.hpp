// ctld/translate/reservation.hpp — reservations as clients see them, and what they make nodes look like.
#pragma once
#include <string>
#include <vector>

#include "state/cluster_state.hpp"
#include "wire/msg/reservation.hpp"

namespace flurm::ctld {

/// Source: slurm 22.05 reservation.c _pack_resv(), _set_tres_cnt().
wire::ReserveInfo reservation_info(const state::ClusterState& state, const model::Reservation& reservation, TimeS now);

/// NODE_STATE_RES and NODE_STATE_MAINT by node number; empty when there are no reservations.
/// Source: slurm 22.05 reservation.c set_node_maint_mode().
std::vector<std::uint32_t> reserved_flags(const state::ClusterState& state, TimeS now);

/// When a reservation last came into force, went, or was changed.
TimeS reservations_turned(const state::ClusterState& state, TimeS now);

/// How many of the license are reserved at the moment. Source: slurm 22.05 reservation.c set_reserved_license_count().
std::uint32_t reserved_licenses(const state::ClusterState& state, const std::string& name, TimeS now);

}  // namespace flurm::ctld
