// io/run_task.hpp — for tests: a loop that turns for as long as one task takes.
#pragma once
#include <utility>

#include "io/loop.hpp"
#include "io/task.hpp"

namespace flurm::io {

/// Runs the loop until the task that `body()` makes has ended.
template <class Body>
void run_task(Loop& loop, Body body) {
  auto whole = [](Loop& the_loop, Body the_body) -> Task<void> {
    Task<void> task = the_body();
    co_await task;
    the_loop.stop();
  };
  spawn(whole(loop, std::move(body)));
  loop.run();
}

}  // namespace flurm::io
