// io/timer.hpp — callbacks after a while, and sleep() for coroutines.
#pragma once
#include <cstdint>
#include <memory>

#include "io/loop.hpp"
#include "io/task.hpp"

namespace flurm::io {

/// Calls back once or repeatedly. Stops when destroyed, also from inside its own callback.
class Timer {
 public:
  Timer(Loop& loop, Callback fn);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// First call after `ms`, then every `repeat_ms` (0: only once). Starting again replaces the former times.
  void start(std::uint64_t ms, std::uint64_t repeat_ms = 0);
  void stop();
  bool running() const;

 private:
  struct Impl;
  Impl* impl_;  // freed by the loop once libuv has let go of it
};

Task<void> sleep(Loop& loop, std::uint64_t ms);

}  // namespace flurm::io
