// io/io_test.cpp — the loop, coroutines, timers, workers and children.
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "io/event.hpp"
#include "io/process.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"

namespace flurm::io {
namespace {

Task<int> number(int n) { co_return n; }

Task<void> sum_many(Loop& loop, int count, long& out) {
  for (int i = 0; i < count; ++i) {
    auto one = number(1);
    out += co_await one;
  }
  loop.stop();
}

// A loop of awaits that never suspend must not grow the stack.
TEST(Task, await_without_suspension_needs_no_stack) {
  Loop loop;
  long sum = 0;
  spawn(sum_many(loop, 1'000'000, sum));
  loop.run();
  EXPECT_EQ(sum, 1'000'000);
}

Task<void> nested_sleep(Loop& loop, int depth) {
  if (depth == 0) {
    auto nap = sleep(loop, 1);
    co_await nap;
    co_return;
  }
  auto inner = nested_sleep(loop, depth - 1);
  co_await inner;
}

Task<void> then_stop(Loop& loop, Task<void> first) {
  co_await first;
  loop.stop();
}

TEST(Task, suspension_deep_inside_comes_back_through_all_levels) {
  Loop loop;
  spawn(then_stop(loop, nested_sleep(loop, 100)));
  loop.run();
}

// Deferred work runs after the callbacks of the iteration, once for all of them, and may defer again.
TEST(Loop, deferred_work_runs_before_the_loop_sleeps) {
  Loop loop;
  std::string order;
  Timer first(loop, [&] {
    order += 'a';
    loop.defer([&] {
      order += 'd';
      loop.defer([&] {
        order += 'e';
        loop.stop();
      });
    });
  });
  Timer second(loop, [&] { order += 'b'; });
  first.start(0);
  second.start(0);
  loop.run();
  EXPECT_EQ(order, "abde");
}

TEST(Loop, posts_from_threads_arrive_in_order) {
  Loop loop;
  std::vector<int> seen;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  poster.join();
  ASSERT_EQ(seen.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(Timer, repeats_and_may_end_itself) {
  Loop loop;
  int calls = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++calls == 3) {
      timer.reset();
      loop.stop();
    }
  });
  timer->start(1, 1);
  loop.run();
  EXPECT_EQ(calls, 3);
}

Task<void> wait_for(OneShot<std::string> shot, std::uint64_t ms, std::string& out, Loop& loop) {
  auto waiting = shot.wait(Deadline::in_ms(ms));
  Result<std::string> got = co_await waiting;
  out = got ? *got : std::string(errc_name(got.error().code));
  loop.stop();
}

TEST(OneShot, value_or_deadline) {
  Loop loop;
  std::string out;
  OneShot<std::string> shot(loop);
  spawn(wait_for(shot, 10'000, out, loop));
  EXPECT_TRUE(shot.set("hello"));
  EXPECT_FALSE(shot.set("again"));
  EXPECT_EQ(out, "");  // the waiter does not run inside set()
  loop.run();
  EXPECT_EQ(out, "hello");

  OneShot<std::string> never(loop);
  spawn(wait_for(never, 5, out, loop));
  loop.run();
  EXPECT_EQ(out, "timed_out");
  EXPECT_FALSE(never.set("late"));
}

Task<void> work(Loop& loop, int n, int& left, long& sum, std::thread::id loop_thread) {
  auto job = on_worker(loop, [n, loop_thread] { return std::this_thread::get_id() == loop_thread ? -1000000 : n; });
  int got = co_await job;
  EXPECT_EQ(std::this_thread::get_id(), loop_thread);
  sum += got;
  if (--left == 0) loop.stop();
}

TEST(Worker, results_come_back_to_the_loop) {
  Loop loop(3);
  int left = 2000;
  long sum = 0;
  for (int i = 0; i < 2000; ++i) spawn(work(loop, i, left, sum, std::this_thread::get_id()));
  loop.run();
  EXPECT_EQ(sum, 1999 * 1000);
}

TEST(Child, exit_status_is_reported_also_for_the_quick_and_the_dead) {
  Loop loop;
  ChildWatch children(loop);
  int left = 20;
  for (int i = 0; i < 20; ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      if (i % 2) usleep(2000);
      _exit(i);
    }
    if (i == 0) usleep(5000);
    children.watch(pid, [&, i](int status, const rusage&) {
      EXPECT_EQ(WEXITSTATUS(status), i);
      if (--left == 0) loop.stop();
    });
  }
  loop.run();
  EXPECT_EQ(children.watched(), 0u);
}

TEST(Signal, callback_on_the_loop) {
  Loop loop;
  int calls = 0;
  SignalWatch watch(loop, SIGUSR2, [&] {
    ++calls;
    loop.stop();
  });
  kill(getpid(), SIGUSR2);
  loop.run();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace flurm::io
