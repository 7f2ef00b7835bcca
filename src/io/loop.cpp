// io/loop.cpp — the event loop: posted and deferred callbacks around libuv's own.
#include "io/loop.hpp"

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "io/uv_internal.hpp"
#include "io/workers.hpp"

namespace flurm::io {

// Order in one iteration of libuv: timers, prepare, poll (sockets, async), check, close callbacks. Deferred work runs
// in prepare (for what timers and close callbacks deferred) and in check (for the rest), so none waits for a sleep.
struct Loop::Impl {
  explicit Impl(unsigned threads) : workers(threads, [this] { uv_async_send(&async); }) {
    check_uv(uv_loop_init(&loop), "uv_loop_init");
    loop.data = this;
    check_uv(uv_async_init(&loop, &async, [](uv_async_t* h) { of(h)->on_async(); }), "uv_async_init");
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

  void on_async() {
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
  uv_async_t async;
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
       {reinterpret_cast<uv_handle_t*>(&impl_->async), reinterpret_cast<uv_handle_t*>(&impl_->idle),
        reinterpret_cast<uv_handle_t*>(&impl_->prepare), reinterpret_cast<uv_handle_t*>(&impl_->check)}) {
    uv_close(handle, nullptr);
  }
  // Libuv's own threads (name look-ups) cannot be interrupted; give them a moment.
  for (int i = 0; i < 5000 && uv_loop_alive(&impl_->loop); ++i) {
    uv_run(&impl_->loop, UV_RUN_NOWAIT);
    if (i > 8) usleep(1000);
  }
  check_uv(uv_loop_close(&impl_->loop), "uv_loop_close: something made on this loop outlives it");
}

void Loop::run() { uv_run(&impl_->loop, UV_RUN_DEFAULT); }

void Loop::stop() {
  impl_->stopping = true;
  uv_async_send(&impl_->async);
}

void Loop::post(Callback fn) {
  {
    std::lock_guard lock(impl_->post_mutex);
    impl_->posts.push_back(std::move(fn));
  }
  uv_async_send(&impl_->async);
}

void Loop::defer(Callback fn) { impl_->deferred.push_back(std::move(fn)); }

uv_loop_s* Loop::raw() { return &impl_->loop; }

void Loop::queue_work(Callback work, Callback done) { impl_->workers.queue(std::move(work), std::move(done)); }

}  // namespace flurm::io
