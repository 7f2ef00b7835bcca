// io/loop.hpp — the one event loop of a daemon. Everything that waits, waits here.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

struct uv_loop_s;

namespace flurm::io {

using Callback = std::move_only_function<void()>;

/// Owns a libuv loop and a pool of worker threads. All members are for the loop's thread unless they say otherwise.
/// Everything made on a loop (streams, timers, ...) must be gone before the loop is.
class Loop {
 public:
  /// workers: threads of on_worker(); they start with the first job.
  explicit Loop(unsigned workers = 4);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs callbacks until stop().
  void run();
  /// Ends run() after the current iteration. Any thread.
  void stop();
  /// Runs `fn` on the loop's thread. Any thread.
  void post(Callback fn);
  /// Runs `fn` when the callbacks of this iteration have run and before the loop sleeps; for work that gains from
  /// being done once for many callers (a group commit), and for resuming a coroutine on a clean stack.
  void defer(Callback fn);

  /// The libuv loop, for libraries that bring their own handles.
  uv_loop_s* raw();

  /// Queue for on_worker(); `work` runs on a worker thread, `done` on the loop's thread after it.
  void queue_work(Callback work, Callback done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flurm::io
