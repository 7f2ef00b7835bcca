// ctld/clockwork.hpp — what the leader does because time passes.
#pragma once
#include "ctld/controller.hpp"
#include "ctld/reservation_scripts.hpp"
#include "io/timer.hpp"

namespace flurm::ctld {

/// Looks once a second whether a limit, a warning or a deadline is due or a job can be forgotten, and proposes a Tick
/// only then; wakes the scheduler while jobs wait for a time; moves reservations on that recur, and gives those that
/// were made by counts other nodes for ones that fail. Loop thread only.
class Clockwork {
 public:
  explicit Clockwork(Controller& controller);
  void start();
  void stop() { timer_.stop(); }
  /// Jobs take nodes of reservations, which may want others for them at once.
  void exchange_now();

 private:
  void beat();
  io::Task<> tick();
  io::Task<> keep_reservations();
  io::Task<> wind_cron();

  Controller& controller_;
  ReservationScripts scripts_;
  io::Timer timer_;
  bool ticking_ = false, keeping_ = false, winding_ = false;
  TimeS exchanged_;  // when nodes of reservations were last looked at
};

/// Something in the state is due at `now`. Jobs may outstay their reservation by `resv_over_run_s`.
bool tick_due(const state::ClusterState& state, TimeS now, std::int64_t resv_over_run_s = 0);

}  // namespace flurm::ctld
