// ctld/handlers/reservation.cpp — scontrol create, update, delete and show reservation.
#include <algorithm>

#include "auth/users.hpp"
#include "conf/config.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/reserving.hpp"
#include "ctld/translate/reservation.hpp"
#include "io/clock.hpp"
#include "io/worker.hpp"
#include "wire/msg/job_requests.hpp"

namespace flurm::ctld {
namespace {

/// The nodes chosen may be taken by the time the state is asked; then others are chosen.
constexpr int kTries = 5;

People people_of(auth::Users& users) {
  return {.uid_of = [&users](const std::string& name) -> Result<std::uint32_t> {
            FLURM_TRY(const auth::User user, users.by_name_or_number(name));
            return user.uid;
          },
          .members_of = [&users](const std::string& groups) { return users.members_of(groups); }};
}

bool names_user(const model::Reservation& reservation, std::uint32_t uid) {
  return std::ranges::find(reservation.user_ids, uid) != reservation.user_ids.end();
}

/// Users of a reservation may delete it, or leave out its next occurrence, where the site or the reservation says so.
/// Source: slurm 22.05 reservation.c validate_resv_uid().
bool may_end(const Controller& c, const model::Reservation* reservation, std::uint32_t uid) {
  if (c.is_operator(uid)) return true;
  if (!reservation || !names_user(*reservation, uid)) return false;
  return reservation->has(model::resv_flag::user_delete) ||
         conf::Config::has_option(c.config->slurmctld_params, "user_resv_delete");
}

struct Draft {
  Result<model::Reservation> reservation = fail(Errc::error);
  bool skips = false;
};

Draft draft(const state::ClusterState& state, const wire::UpdateReservation& asked, auth::Users& users, bool create) {
  Draft out;
  const People people = people_of(users);
  out.reservation = create ? new_reservation(state, asked, people, io::now())
                           : changed_reservation(state, asked, people, io::now(), out.skips);
  return out;
}

/// Proposes what was asked for until the state has not moved on meanwhile.
io::Task<Result<state::Reply>> put(Controller& c, wire::UpdateReservation asked, bool create) {
  Result<state::Reply> reply = fail(Errc::error);
  for (int tries = 0; tries < kTries; ++tries) {
    auto snapshot = c.replica.snapshot();
    auto work = io::on_worker(
        c.loop, [snapshot, asked, &users = c.users, create] { return draft(*snapshot, asked, users, create); });
    Draft made = co_await work;
    if (!made.reservation) co_return std::unexpected(made.reservation.error());
    state::PutReservation command{.reservation = std::move(*made.reservation)};
    if (!create) command.replaces = command.reservation.version;
    command.moved_only = command.next_occurrence = made.skips;
    auto proposal = c.replica.propose(std::move(command));
    reply = co_await proposal;
    if (!reply) break;
    const bool moved =
        reply->code == Errc::outdated || reply->code == Errc::nodes_busy || reply->code == Errc::reservation_overlap;
    if (!moved) break;
  }
  co_return reply;
}

}  // namespace

io::Task<Answer> create_reservation(Controller& c, Call call) {
  const auto* asked = call.as<wire::UpdateReservation>();
  if (!asked) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_operator(call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  auto putting = put(c, *asked, true);
  const Result<state::Reply> reply = co_await putting;
  const Errc code = reply ? reply->code : reply.error().code;
  log(Level::info, "reservation.create",
      {{"name", reply ? reply->text : asked->name.value_or("")}, {"uid", call.uid}, {"rc", errc_name(code)}});
  if (code != Errc::success) co_return rc_answer(call, public_code(code));
  c.schedule_soon();
  co_return answer(call, wire::MsgType::RESPONSE_CREATE_RESERVATION, wire::ReservationName{reply->text});
}

io::Task<Answer> update_reservation(Controller& c, Call call) {
  const auto* received = call.as<wire::UpdateReservation>();
  if (!received) co_return rc_answer(call, Errc::communications_receive);
  wire::UpdateReservation asked = *received;
  if (!c.is_operator(call.uid)) {
    const auto snapshot = c.replica.snapshot();
    const bool skips = asked.flags & model::resv_flag::skip;
    if (!skips || !may_end(c, snapshot->reservation(asked.name.value_or("")), call.uid))
      co_return rc_answer(call, Errc::user_id_missing);
    asked = {};  // and nothing else
    asked.name = received->name;
    asked.flags = model::resv_flag::skip;
  }
  const std::string name = asked.name.value_or("");
  auto putting = put(c, std::move(asked), false);
  const Result<state::Reply> reply = co_await putting;
  const Errc code = reply ? reply->code : reply.error().code;
  log(Level::info, "reservation.update", {{"name", name}, {"uid", call.uid}, {"rc", errc_name(code)}});
  if (code == Errc::success) c.schedule_soon();
  co_return rc_answer(call, public_code(code));
}

io::Task<Answer> delete_reservation(Controller& c, Call call) {
  const auto* request = call.as<wire::ReservationName>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  const std::string name = request->name;
  if (!may_end(c, c.replica.snapshot()->reservation(name), call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  auto proposal = c.replica.propose(state::DeleteReservation{name});
  const Result<state::Reply> reply = co_await proposal;
  const Errc code = reply ? reply->code : reply.error().code;
  log(Level::info, "reservation.delete", {{"name", name}, {"uid", call.uid}, {"rc", errc_name(code)}});
  if (code == Errc::success) c.schedule_soon();
  co_return rc_answer(call, public_code(code));
}

Answer reservation_info_all(Controller& c, const Call& call) {
  const auto* request = call.as<wire::LastUpdate>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  if (request->last_update && request->last_update - 1 >= state->reservations_changed)
    return rc_answer(call, Errc::no_change_in_data);
  const bool only_own = c.config->private_data & conf::kPrivateReservations && !c.is_operator(call.uid);
  wire::ReserveInfoArray response;
  response.last_update = io::now();
  for (const auto& reservation : state->reservations)
    if (!only_own || names_user(*reservation, call.uid))
      response.reservation_array.push_back(reservation_info(*state, *reservation, io::now()));
  return answer(call, wire::MsgType::RESPONSE_RESERVATION_INFO, response);
}

}  // namespace flurm::ctld
