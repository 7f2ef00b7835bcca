// ctld/reserving.hpp — from what an administrator asks of a reservation to the reservation as it is to be.
//
// Names become user ids, counts become nodes, "one day later" becomes a time: whatever is not the same everywhere and
// at all times is settled here, on the controller that was asked, and the state is told the outcome.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "state/cluster_state.hpp"
#include "wire/msg/reservation.hpp"

namespace flurm::ctld {

/// Whom names mean. May block: to be asked on a worker.
struct People {
  std::function<Result<std::uint32_t>(const std::string&)> uid_of;
  /// The members of all groups of a comma list; those that there are not have none.
  std::function<std::vector<std::uint32_t>(const std::string&)> members_of;
};

/// Errors, in the order in which Slurm finds them: invalid_time_value, invalid_node_name, invalid_cpu_count,
/// invalid_partition_name, reservation_user_group, reservation_empty, invalid_account, user_id_missing,
/// group_id_missing, invalid_licenses, not_supported, reservation_overlap, nodes_busy, invalid_core_count,
/// reservation_invalid, and those of sched::choose_reserved(). Source: slurm 22.05 reservation.c create_resv().
Result<model::Reservation> new_reservation(const state::ClusterState& state, const wire::UpdateReservation& asked,
                                           const People& people, TimeS now);

/// What update makes of the one of that name. `skips` goes out true when its next occurrence is to be left out: it is
/// then moved on already. Errors: reservation_invalid, core_reservation_update, not_supported, reservation_no_skip,
/// reservation_started, reservation_busy, and those above. Source: slurm 22.05 reservation.c update_resv().
Result<model::Reservation> changed_reservation(const state::ClusterState& state, const wire::UpdateReservation& asked,
                                               const People& people, TimeS now, bool& skips);

/// The next occurrence of one that recurs, in local time, which may have days of 23 or 25 hours. False for another one.
/// Source: slurm 22.05 reservation.c _advance_resv_time().
bool move_on(model::Reservation& reservation, TimeS now);

}  // namespace flurm::ctld
