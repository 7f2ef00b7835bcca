// state/commands/reservation.cpp — reservations come, change and go.
#include <algorithm>

#include "state/commands/handlers.hpp"
#include "state/reports.hpp"
#include "state/reservations.hpp"

namespace flurm::state {
namespace {

constexpr std::uint32_t kReservationsMax = 9999;  // ids wrap around after it, as in Slurm

/// 0 when all are taken.
std::uint32_t new_id(ClusterState& state) {
  for (std::uint32_t tries = 0; tries < kReservationsMax; ++tries) {
    state.last_reservation_id = state.last_reservation_id % kReservationsMax + 1;
    const auto taken = [&](const auto& each) { return each->id == state.last_reservation_id; };
    if (std::ranges::none_of(state.reservations, taken)) return state.last_reservation_id;
  }
  return 0;
}

}  // namespace

Reply apply_to(ClusterState& state, const PutReservation& command) {
  model::Reservation made = command.reservation;
  const bool create = command.replaces == 0;
  const model::Reservation* old = create ? nullptr : state.reservation(made.name);
  if (!create && !old) return {.code = Errc::reservation_invalid};
  if (old && old->version != command.replaces) return {.code = Errc::outdated};
  if (!made.partition.empty() && !state.partition(made.partition)) return {.code = Errc::invalid_partition_name};
  if (!command.moved_only)
    if (const Errc code = obstacle(state, made, old, state.now); code != Errc::success) return {.code = code};
  if (create || command.next_occurrence) {
    const std::uint32_t id = new_id(state);
    if (id != 0) made.id = id;
    if (id == 0 && create) return {.code = Errc::reservation_invalid};
  }
  if (create && !made.name.empty() && state.reservation(made.name)) return {.code = Errc::reservation_name_dup};
  while (made.name.empty()) {
    made.name = model::generated_name(made);
    if (!state.reservation(made.name)) break;
    made.name.clear();
    made.id = new_id(state);
    if (made.id == 0) return {.code = Errc::reservation_invalid};
  }
  made.version = state.sequence;
  Reply reply{.text = made.name};
  auto shared = std::make_shared<const model::Reservation>(std::move(made));
  if (create || command.next_occurrence) {
    if (old) report_reservation(state, Report::Kind::reservation_gone, std::make_shared<const model::Reservation>(*old));
    report_reservation(state, Report::Kind::reservation_new, shared);
  } else {
    report_reservation(state, Report::Kind::reservation_changed, shared, old->start);
  }
  if (create) {
    state.reservations.push_back(std::move(shared));
  } else {
    for (auto& each : state.reservations)
      if (each->name == shared->name) each = shared;
  }
  state.reservations_changed = state.now;
  return reply;
}

Reply apply_to(ClusterState& state, const DeleteReservation& command) {
  const model::Reservation* reservation = state.reservation(command.name);
  if (!reservation) return {.code = Errc::reservation_invalid};
  if (in_use(state, *reservation)) return {.code = Errc::reservation_busy};
  drop_reservation(state, *reservation);
  return {};
}

}  // namespace flurm::state
