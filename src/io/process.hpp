// io/process.hpp — signals to this process and the end of its children, as callbacks on the loop.
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>

#include "io/loop.hpp"

namespace flurm::io {

/// Calls back on the loop's thread for each delivery of `signum` (deliveries close together may count as one).
class SignalWatch {
 public:
  SignalWatch(Loop& loop, int signum, Callback fn);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct Impl;
  Impl* impl_;
};

/// Reaps children by pid. One per process; only watched children are reaped.
class ChildWatch {
 public:
  /// wait_status: as of waitpid(); usage: of the child and what it waited for.
  using OnExit = std::move_only_function<void(int wait_status, const rusage& usage)>;

  explicit ChildWatch(Loop& loop);
  ~ChildWatch();

  /// fn is called once, never from inside watch(), also when the child is dead already. A pid that is no child of
  /// ours counts as exited with wait_status 0.
  void watch(pid_t pid, OnExit fn);
  void forget(pid_t pid);
  std::size_t watched() const { return children_.size(); }

 private:
  void reap();
  Loop& loop_;
  std::map<pid_t, OnExit> children_;
  std::shared_ptr<bool> alive_;
  SignalWatch signal_;
};

/// Writing to a connection that the peer closed must be an error, not the end of the process. Call once at start.
void ignore_sigpipe();

}  // namespace flurm::io
