// noded/condition.hpp — several parts of the loop wait until something of a job changed.
#pragma once
#include <vector>

#include "io/event.hpp"

namespace flurm::noded {

/// `while (!what_i_want()) co_await condition.changed(deadline);` — as with any condition variable, what was true
/// before a wait has to be looked at again after it. Loop thread only.
class Condition {
 public:
  explicit Condition(io::Loop& loop) : loop_(loop) {}

  /// False when the deadline passed.
  io::Task<bool> changed(io::Deadline deadline = io::Deadline::never()) {
    io::Event event(loop_);
    waiting_.push_back(event);
    auto waited = event.wait(deadline);
    auto result = co_await waited;
    co_return result.has_value();
  }
  void notify() {
    for (io::Event& event : std::exchange(waiting_, {})) event.set({});
  }

 private:
  io::Loop& loop_;
  std::vector<io::Event> waiting_;  // those whose deadline passed stay until the next notify(); setting them is void
};

}  // namespace flurm::noded
