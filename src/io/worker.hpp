// io/worker.hpp — blocking or long work away from the loop: `auto work = on_worker(loop, fn); auto r = co_await work;`.
// In two steps: g++ 12 destroys what a temporary in a co_await expression captured twice.
//
// The threads are the loop's own, not libuv's pool: libraft writes its log through that one, and a commit must never
// wait behind a slow credential or name service.
#pragma once
#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include "io/loop.hpp"

namespace flurm::io {

/// Awaitable made by on_worker(). Runs `fn` on a worker thread, then resumes the caller on the loop's thread.
template <class Fn>
class [[nodiscard]] OnWorker {
  using R = std::invoke_result_t<Fn&>;
  using Slot = std::conditional_t<std::is_void_v<R>, bool, std::optional<R>>;

 public:
  OnWorker(Loop& loop, Fn fn) : loop_(loop), fn_(std::move(fn)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    loop_.queue_work(
        [this] {
          if constexpr (std::is_void_v<R>) {
            fn_();
          } else {
            slot_.emplace(fn_());
          }
        },
        [caller] { caller.resume(); });
  }
  R await_resume() {
    if constexpr (!std::is_void_v<R>) return std::move(*slot_);
  }

 private:
  Loop& loop_;
  Fn fn_;
  Slot slot_{};
};

/// fn must not throw and must own what it uses. The number of jobs waiting is bounded by the callers.
template <class Fn>
OnWorker<Fn> on_worker(Loop& loop, Fn fn) {
  return OnWorker<Fn>(loop, std::move(fn));
}

}  // namespace flurm::io
