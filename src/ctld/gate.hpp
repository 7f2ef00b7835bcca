// ctld/gate.hpp — lets a bounded number of coroutines through at a time, first come first served. Loop thread only.
#pragma once
#include <cstddef>
#include <deque>

#include "io/event.hpp"
#include "io/task.hpp"

namespace flurm::ctld {

class Gate {
 public:
  Gate(io::Loop& loop, std::size_t width) : loop_(loop), free_(width) {}

  io::Task<> enter() {
    if (free_ > 0) {
      --free_;
      co_return;
    }
    io::Event turn(loop_);
    waiting_.push_back(turn);
    auto wait = turn.wait(io::Deadline::never());
    (void)co_await wait;
  }
  /// Each enter() is followed by one leave().
  void leave() {
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    waiting_.front().set({});
    waiting_.pop_front();
  }

 private:
  io::Loop& loop_;
  std::size_t free_;
  std::deque<io::Event> waiting_;
};

}  // namespace flurm::ctld
