// io/workers.cpp — the thread pool behind on_worker().
#include "io/workers.hpp"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace flurm::io {

// Nobody is woken while the mutex is held: the woken thread would run into it at once.
void Workers::queue(Callback work, Callback done) {
  std::unique_lock lock(mutex_);
  jobs_.push_back({std::move(work), std::move(done)});
  if (idle_ >= jobs_.size() || threads_.size() == limit_) {
    lock.unlock();
    ready_.notify_one();
    return;
  }
  // Signals belong to the loop's thread.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  threads_.emplace_back([this] { serve(); });
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.work();
    job.work = nullptr;
    lock.lock();
    finished_.push_back(std::move(job.done));
    if (finished_.size() > 1) continue;  // the loop was woken for the first and has not come yet
    lock.unlock();
    wake_();
    lock.lock();
  }
}

std::vector<Callback> Workers::take_finished() {
  std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

void Workers::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    ready_.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace flurm::io
