// io/event.hpp — OneShot<T>: one part of the loop waits for a value that another part will have.
#pragma once
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "base/result.hpp"
#include "io/clock.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace flurm::io {

namespace detail {

/// Suspends the caller until wake() or the deadline; the untyped half of OneShot.
class Waiter {
 public:
  explicit Waiter(Loop& loop) : loop_(loop) {}
  ~Waiter();
  Waiter(const Waiter&) = delete;
  /// Resumes the waiting coroutine from the loop, not from inside the caller.
  void wake();
  /// Call by the awaiter. The timer calls back with expired() true.
  void suspend(std::coroutine_handle<> h, Deadline deadline, std::shared_ptr<Waiter> self);
  bool expired() const { return expired_; }

 private:
  void resume_soon();
  Loop& loop_;
  std::coroutine_handle<> waiting_;
  void* timer_ = nullptr;
  std::shared_ptr<Waiter> self_;
  bool expired_ = false;
};

template <class T>
struct OneShotState : Waiter {
  using Waiter::Waiter;
  std::optional<T> value;
};

}  // namespace detail

/// A value that is set once and awaited at most once. Copies share the value, so the setter may outlive the waiter.
/// Loop thread only.
template <class T>
class OneShot {
 public:
  explicit OneShot(Loop& loop) : state_(std::make_shared<detail::OneShotState<T>>(loop)) {}

  /// The first value wins; returns false when there was one already or the waiter gave up. The waiter runs later in
  /// this loop iteration.
  bool set(T value) const {
    if (state_->value || state_->expired()) return false;
    state_->value.emplace(std::move(value));
    state_->wake();
    return true;
  }
  bool is_set() const { return state_->value.has_value(); }

  /// Errors: timed_out.
  Task<Result<T>> wait(Deadline deadline) const { return wait_on(state_, deadline); }

 private:
  using State = std::shared_ptr<detail::OneShotState<T>>;
  struct Awaiter {
    State state;
    Deadline deadline;
    bool await_ready() const { return state->value.has_value(); }
    void await_suspend(std::coroutine_handle<> h) { state->suspend(h, deadline, state); }
    void await_resume() const {}
  };
  static Task<Result<T>> wait_on(State state, Deadline deadline) {
    Awaiter awaiter{state, deadline};
    co_await awaiter;
    if (!state->value) co_return fail(Errc::timed_out);
    co_return std::move(*state->value);
  }
  State state_;
};

struct Nothing {};
/// A OneShot without a value.
using Event = OneShot<Nothing>;

}  // namespace flurm::io
