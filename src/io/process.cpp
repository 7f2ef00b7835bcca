// io/process.cpp — signals and children.
#include "io/process.hpp"

#include <sys/wait.h>

#include <csignal>
#include <vector>

#include "io/uv_internal.hpp"

namespace flurm::io {

struct SignalWatch::Impl {
  uv_signal_t handle;
  Callback fn;
};

SignalWatch::SignalWatch(Loop& loop, int signum, Callback fn) : impl_(new Impl) {
  impl_->fn = std::move(fn);
  check_uv(uv_signal_init(loop.raw(), &impl_->handle), "uv_signal_init");
  impl_->handle.data = impl_;
  check_uv(uv_signal_start(
               &impl_->handle, [](uv_signal_t* h, int) { static_cast<Impl*>(h->data)->fn(); }, signum),
           "uv_signal_start");
}

SignalWatch::~SignalWatch() {
  uv_signal_stop(&impl_->handle);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->handle), [](uv_handle_t* h) { delete static_cast<Impl*>(h->data); });
}

ChildWatch::ChildWatch(Loop& loop)
    : loop_(loop), alive_(std::make_shared<bool>(true)), signal_(loop, SIGCHLD, [this] { reap(); }) {}

ChildWatch::~ChildWatch() { *alive_ = false; }

void ChildWatch::watch(pid_t pid, OnExit fn) {
  children_[pid] = std::move(fn);
  // It may have died before it was watched; its signal is past then.
  loop_.defer([this, alive = alive_] {
    if (*alive) reap();
  });
}

void ChildWatch::forget(pid_t pid) { children_.erase(pid); }

void ChildWatch::reap() {
  struct Exit {
    OnExit fn;
    int status;
    rusage usage;
  };
  std::vector<Exit> exits;
  for (auto it = children_.begin(); it != children_.end();) {
    Exit exit{{}, 0, {}};
    pid_t got = wait4(it->first, &exit.status, WNOHANG, &exit.usage);
    if (got == 0 || (got < 0 && errno == EINTR)) {
      ++it;
      continue;
    }
    exit.fn = std::move(it->second);
    it = children_.erase(it);
    exits.push_back(std::move(exit));
  }
  for (Exit& exit : exits) exit.fn(exit.status, exit.usage);
}

void ignore_sigpipe() { signal(SIGPIPE, SIG_IGN); }

}  // namespace flurm::io
