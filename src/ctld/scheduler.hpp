// ctld/scheduler.hpp — runs the planner whenever something changed, and proposes what it decides.
#pragma once
#include <cstdint>
#include <memory>

#include "ctld/controller.hpp"

namespace flurm::ctld {

/// One pass at a time, on a worker thread, on a snapshot; requests that come during a pass are met by one further
/// pass. So nothing ever waits for the scheduler. Loop thread only.
class Scheduler {
 public:
  explicit Scheduler(Controller& controller) : controller_(controller) {}

  /// Asks for a pass on the newest state. Nothing happens while another controller leads.
  void request();
  /// This controller leads now.
  void start() {
    stopped_ = false;
    request();
  }
  /// No further passes; what the one under way decides comes to nothing.
  void stop() { stopped_ = true; }

 private:
  io::Task<> run();

  Controller& controller_;
  std::shared_ptr<sched::Planner> planner_ = std::make_shared<sched::Planner>();  // shared with the worker
  std::uint64_t starts_told_ms_ = 0;  // when a plan last told of expected starts
  bool running_ = false, wanted_ = false, stopped_ = true;
};

}  // namespace flurm::ctld
