// io/event.cpp — waiting for an event or a time, over timers.
#include "io/event.hpp"

#include <coroutine>

#include "base/result.hpp"
#include "io/timer.hpp"

namespace flurm::io {

Task<void> sleep(Loop& loop, std::uint64_t ms) {
  Event never(loop);
  co_await never.wait(Deadline::in_ms(ms));
}

namespace detail {

Waiter::~Waiter() = default;

void Waiter::wake() {
  if (!waiting_) return;
  resume_soon();
}

void Waiter::resume_soon() {
  if (timer_) delete static_cast<Timer*>(std::exchange(timer_, nullptr));
  loop_.defer([self = std::move(self_), h = std::exchange(waiting_, nullptr)] { h.resume(); });
}

void Waiter::suspend(std::coroutine_handle<> h, Deadline deadline, std::shared_ptr<Waiter> self) {
  FLURM_CHECK(!waiting_, "a OneShot has one waiter");
  waiting_ = h;
  self_ = std::move(self);
  if (deadline.is_never()) return;
  auto* timer = new Timer(loop_, [this] {
    expired_ = true;
    resume_soon();
  });
  timer_ = timer;
  timer->start(deadline.left_ms());
}

}  // namespace detail
}  // namespace flurm::io
