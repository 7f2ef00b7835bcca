// ctld/reservation_scripts.hpp — ResvProlog and ResvEpilog: programs that the leader runs when a reservation begins and
// ends.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "ctld/controller.hpp"

namespace flurm::ctld {

/// Looks at the reservations time and again, and runs the programs for those that have come into force or ended since.
/// A new leader takes for done what is in force when it begins. One that an administrator deletes has no epilog, as in
/// Slurm. Source: slurm 22.05 reservation.c set_node_maint_mode(), job_resv_check(). Loop thread only.
class ReservationScripts {
 public:
  explicit ReservationScripts(Controller& controller) : controller_(controller) {}
  /// This controller leads now.
  void start(const state::ClusterState& state, TimeS now);
  void look(const state::ClusterState& state, TimeS now);

 private:
  struct Begun {
    std::string name;
    TimeS end;
    bool purged_when_idle = false;
  };
  void note(const state::ClusterState& state, TimeS now, bool run);

  Controller& controller_;
  std::map<std::uint32_t, Begun> begun_;  // by Reservation::id, which each occurrence has its own of
};

}  // namespace flurm::ctld
