// io/loop.cpp — the event loop: posted and deferred callbacks around libuv's own.
#include "io/loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include "fmt/format.h"
#include "io/uv_internal.hpp"
#include "io/workers.hpp"

namespace flurm::io {

// Order in one iteration of libuv: timers, prepare, poll (sockets, async), check, close callbacks. Deferred work runs
// in prepare (for what timers and close callbacks deferred) and in check (for the rest), so none waits for a sleep.
//
// Other threads wake the loop by an eventfd of ours. With libuv's own uv_async_send() the loop, once woken, spins until
// the sender has returned from it; on a busy machine that is a good part of its time.
struct Loop::Impl {
  explicit Impl(unsigned threads) : workers(threads, [this] { wake(); }) {
    check_uv(uv_loop_init(&loop), "uv_loop_init");
    loop.data = this;
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    FLURM_CHECK(wake_fd >= 0, "eventfd: {}", std::strerror(errno));
    check_uv(uv_poll_init(&loop, &woken, wake_fd), "uv_poll_init");
    uv_poll_start(&woken, UV_READABLE, [](uv_poll_t* h, int, int) { of(h)->on_wake(); });
    uv_prepare_init(&loop, &prepare);
    uv_check_init(&loop, &check);
    uv_idle_init(&loop, &idle);
    uv_prepare_start(&prepare, [](uv_prepare_t* h) { of(h)->run_deferred(); });
    uv_check_start(&check, [](uv_check_t* h) { of(h)->run_deferred(); });
  }

  template <class H>
  static Impl* of(H* handle) {
    return static_cast<Impl*>(handle->loop->data);
  }

  void wake() {
    const std::uint64_t one = 1;
    // It can only fail when the counter is full, and then the loop is awake.
    (void)!write(wake_fd, &one, sizeof one);
  }

  void on_wake() {
    std::uint64_t count;
    (void)!read(wake_fd, &count, sizeof count);
    std::vector<Callback> posted;
    {
      std::lock_guard lock(post_mutex);
      posted.swap(posts);
    }
    for (Callback& fn : posted) fn();
    for (Callback& done : workers.take_finished()) done();
    if (stopping.exchange(false)) uv_stop(&loop);
  }

  void run_deferred() {
    std::vector<Callback> now;
    now.swap(deferred);
    for (Callback& fn : now) fn();
    // What those deferred runs next; an idle handle keeps the loop from sleeping until then.
    if (deferred.empty()) {
      uv_idle_stop(&idle);
    } else {
      uv_idle_start(&idle, [](uv_idle_t*) {});
    }
  }

  uv_loop_t loop;
  int wake_fd;
  uv_poll_t woken;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;
  std::vector<Callback> deferred;
  std::mutex post_mutex;
  std::vector<Callback> posts;
  std::atomic<bool> stopping{false};
  Workers workers;
};

Loop::Loop(unsigned workers) : impl_(std::make_unique<Impl>(workers)) {}

Loop::~Loop() {
  impl_->workers.stop();
  // What was closed just now finishes in the next iterations, and may defer a little more.
  for (int i = 0; i < 8; ++i) uv_run(&impl_->loop, UV_RUN_NOWAIT);
  for (uv_handle_t* handle :
       {reinterpret_cast<uv_handle_t*>(&impl_->woken), reinterpret_cast<uv_handle_t*>(&impl_->idle),
        reinterpret_cast<uv_handle_t*>(&impl_->prepare), reinterpret_cast<uv_handle_t*>(&impl_->check)}) {
    uv_close(handle, nullptr);
  }
  // Libuv's own threads (name look-ups) cannot be interrupted; give them a moment.
  for (int i = 0; i < 5000 && uv_loop_alive(&impl_->loop); ++i) {
    uv_run(&impl_->loop, UV_RUN_NOWAIT);
    if (i > 8) usleep(1000);
  }
  close(impl_->wake_fd);
  if (uv_loop_close(&impl_->loop) == 0) return;
  std::string left;
  uv_walk(
      &impl_->loop,
      [](uv_handle_t* handle, void* text) {
        *static_cast<std::string*>(text) +=
            fmt::format(" {}{}", uv_handle_type_name(handle->type), uv_is_active(handle) ? "" : " (idle)");
      },
      &left);
  FLURM_CHECK(false, "these outlive the loop they were made on:{}", left);
}

void Loop::run() { uv_run(&impl_->loop, UV_RUN_DEFAULT); }

void Loop::stop() {
  impl_->stopping = true;
  impl_->wake();
}

void Loop::post(Callback fn) {
  {
    std::lock_guard lock(impl_->post_mutex);
    impl_->posts.push_back(std::move(fn));
  }
  impl_->wake();
}

void Loop::defer(Callback fn) { impl_->deferred.push_back(std::move(fn)); }

uv_loop_s* Loop::raw() { return &impl_->loop; }

void Loop::queue_work(Callback work, Callback done) { impl_->workers.queue(std::move(work), std::move(done)); }

}  // namespace flurm::io
