// ctld/reservation_scripts.cpp — see reservation_scripts.hpp.
#include "ctld/reservation_scripts.hpp"

#include <set>

#include "ctld/mail.hpp"
#include "exec/spawn.hpp"
#include "io/worker.hpp"

namespace flurm::ctld {
namespace {

constexpr int kLongestMs = 3600 * 1000;  // where PrologEpilogTimeout sets no limit

/// With the reservation's name and an empty environment.
io::Task<> run_script(Controller& c, std::string program, std::string reservation) {
  const std::uint16_t limit_s = c.config->prolog_epilog_timeout;
  const int patience_ms = limit_s == kNoVal16 ? kLongestMs : int{limit_s} * 1000;
  exec::SpawnSpec spec;
  spec.program = program;
  spec.argv = {program, reservation};
  auto work = io::on_worker(c.loop, [spec, patience_ms] { return run_and_wait(spec, patience_ms); });
  const Result<void> ran = co_await work;
  if (ran) {
    log(Level::info, "reservation.script", {{"program", program}, {"reservation", reservation}});
  } else {
    log(Level::error, "reservation.script_failed",
        {{"program", program}, {"reservation", reservation}, {"error", ran.error().text}});
  }
}

}  // namespace

void ReservationScripts::start(const state::ClusterState& state, TimeS now) {
  begun_.clear();
  note(state, now, false);
}

void ReservationScripts::note(const state::ClusterState& state, TimeS now, bool run) {
  for (const auto& reservation : state.reservations) {
    if (!reservation->active(now)) continue;
    const bool added = begun_
                           .insert_or_assign(reservation->id, Begun{reservation->name, reservation->end,
                                                                    reservation->has(model::resv_flag::purge_comp)})
                           .second;
    if (added && run && !controller_.config->resv_prolog.empty())
      io::spawn(run_script(controller_, controller_.config->resv_prolog, reservation->name));
  }
}

void ReservationScripts::look(const state::ClusterState& state, TimeS now) {
  note(state, now, true);
  std::set<std::uint32_t> there;
  for (const auto& reservation : state.reservations)
    if (reservation->active(now)) there.insert(reservation->id);
  std::erase_if(begun_, [&](const auto& each) {
    const auto& [id, begun] = each;
    if (there.contains(id)) return false;
    if ((begun.end <= now || begun.purged_when_idle) && !controller_.config->resv_epilog.empty())
      io::spawn(run_script(controller_, controller_.config->resv_epilog, begun.name));
    return true;
  });
}

}  // namespace flurm::ctld
