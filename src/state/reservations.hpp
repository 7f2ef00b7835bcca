// state/reservations.hpp — reservations and the jobs that use them.
#pragma once
#include "state/cluster_state.hpp"
#include "state/command.hpp"

namespace flurm::state {

/// What speaks against a reservation as it is to become, `old` being what it was (null: a new one): another one with
/// which it overlaps, jobs that run on its nodes, licenses that others have reserved.
/// Errors: reservation_overlap, nodes_busy, invalid_licenses, invalid_node_name.
/// Source: slurm 22.05 src/slurmctld/reservation.c create_resv(), update_resv().
Errc obstacle(const ClusterState& state, const model::Reservation& made, const model::Reservation* old, TimeS now);

/// Licenses as text are known, and enough of them are left by the reservations at that time.
bool licenses_left(const ClusterState& state, const model::Reservation& made, TimeS now);

/// Whether the job may use all reservations in the list. Errors: reservation_invalid, reservation_access.
Errc may_use(const ClusterState& state, std::string_view names, const model::JobRequest& job);

/// No reservation forbids the start: those that are not its own leave it nodes and cores for its whole time limit, its
/// own is in force and has the nodes. `minutes`: the time limit.
bool reservations_allow(const ClusterState& state, const model::Job& job, const Schedule::Start& start,
                        std::uint32_t minutes);

/// A job runs in it, or waits for it.
bool in_use(const ClusterState& state, const model::Reservation& reservation);

/// The reservation goes. Jobs forget it; waiting ones that name no other are held, unless it says otherwise.
void drop_reservation(ClusterState& state, const model::Reservation& reservation);

/// Every node that jobs could be given, whole.
std::vector<model::ReservedNode> all_nodes(const ClusterState& state);

/// After a change of partitions and nodes: a reservation of a whole partition, or of all nodes, has the nodes that
/// there are now; one whose partition, or all of whose nodes, are gone goes too.
void follow_configuration(ClusterState& state);

/// What the passing of time does: jobs whose reservation is over end after `over_run_s` more seconds, unused ones and
/// those that are over go. One that recurs has to be moved on by PutReservation: what a day is, is not the state's to
/// know.
void pass_time(ClusterState& state, std::int64_t over_run_s);
/// pass_time() would change something.
bool reservations_due(const ClusterState& state, TimeS now, std::int64_t over_run_s);

}  // namespace flurm::state
