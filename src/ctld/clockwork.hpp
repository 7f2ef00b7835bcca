// ctld/clockwork.hpp — what the leader does because time passes.
#pragma once
#include "ctld/controller.hpp"
#include "io/timer.hpp"

namespace flurm::ctld {

/// Looks once a second whether a limit, a warning or a deadline is due or a job can be forgotten, and proposes a Tick
/// only then; wakes the scheduler while jobs wait for a time. Loop thread only.
class Clockwork {
 public:
  explicit Clockwork(Controller& controller);
  void start() { timer_.start(1000, 1000); }
  void stop() { timer_.stop(); }

 private:
  void beat();
  io::Task<> tick();

  Controller& controller_;
  io::Timer timer_;
  bool ticking_ = false;
};

/// Something in the state is due at `now`.
bool tick_due(const state::ClusterState& state, TimeS now);

}  // namespace flurm::ctld
