// io/timer.cpp — timers over libuv.
#include "io/timer.hpp"

#include "io/uv_internal.hpp"

namespace flurm::io {

struct Timer::Impl {
  uv_timer_t handle;
  Callback fn;
};

Timer::Timer(Loop& loop, Callback fn) : impl_(new Impl) {
  impl_->fn = std::move(fn);
  uv_timer_init(loop.raw(), &impl_->handle);
  impl_->handle.data = impl_;
}

Timer::~Timer() {
  // Libuv calls this at the end of an iteration, so a timer may be destroyed by its own callback.
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->handle), [](uv_handle_t* h) { delete static_cast<Impl*>(h->data); });
}

void Timer::start(std::uint64_t ms, std::uint64_t repeat_ms) {
  // The loop's idea of "now" is as old as the current iteration; a long callback must not shorten the wait.
  uv_update_time(impl_->handle.loop);
  uv_timer_start(
      &impl_->handle, [](uv_timer_t* h) { static_cast<Impl*>(h->data)->fn(); }, ms, repeat_ms);
}

void Timer::stop() { uv_timer_stop(&impl_->handle); }
bool Timer::running() const { return uv_is_active(reinterpret_cast<uv_handle_t*>(&impl_->handle)); }

}  // namespace flurm::io
