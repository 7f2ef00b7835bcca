// io/workers.hpp — the thread pool behind on_worker().
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "io/loop.hpp"

namespace flurm::io {

/// Runs jobs on threads and hands the finished ones back in batches: one wake-up of the loop per batch.
class Workers {
 public:
  /// wake: called by a worker thread when the list of finished jobs stops being empty.
  Workers(unsigned threads, Callback wake) : limit_(threads ? threads : 1), wake_(std::move(wake)) {}
  ~Workers() { stop(); }

  void queue(Callback work, Callback done);
  /// The `done` parts of finished jobs, in the order in which they finished.
  std::vector<Callback> take_finished();
  /// Jobs not yet begun are dropped; waits for those under way.
  void stop();

 private:
  struct Job {
    Callback work, done;
  };
  void serve();

  const unsigned limit_;
  Callback wake_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> jobs_;
  std::vector<Callback> finished_;
  std::vector<std::thread> threads_;
  unsigned idle_ = 0;
  bool stopping_ = false;
};

}  // namespace flurm::io
