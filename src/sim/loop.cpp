// sim/loop.cpp — io's loop, timers, workers, clocks and chance, in virtual time.
#include "io/loop.hpp"

#include "base/result.hpp"
#include "io/clock.hpp"
#include "io/random.hpp"
#include "io/timer.hpp"
#include "sim/world.hpp"

namespace flurm::io {

using sim::World;

struct Loop::Impl {
  sim::Process* process;
  std::vector<Callback> deferred;

  void turn() {
    for (;;) {
      if (process->watch) process->watch();
      if (deferred.empty()) return;
      for (Callback& fn : std::exchange(deferred, {})) {
        fn();
        if (!process->alive) return;
      }
    }
  }
};

Loop::Loop(unsigned) : impl_(std::make_unique<Impl>()) {
  impl_->process = World::the().current();
  FLURM_CHECK(impl_->process, "a loop belongs to a process");
  impl_->process->turn = [impl = impl_.get()] { impl->turn(); };
}
Loop::~Loop() { impl_->process->turn = nullptr; }

void Loop::run() { FLURM_CHECK(false, "the world runs all loops"); }
void Loop::stop() {}
uv_loop_s* Loop::raw() { FLURM_CHECK(false, "there is no libuv here"); }
void Loop::post(Callback fn) { World::the().at(World::the().now(), impl_->process, std::move(fn)); }
void Loop::defer(Callback fn) { impl_->deferred.push_back(std::move(fn)); }
void Loop::queue_work(Callback work, Callback done) {
  World& world = World::the();
  const sim::Micros takes = world.random().between(5, world.random().chance(0.02) ? 20'000 : 200);
  world.at(world.now() + takes, impl_->process, [work = std::move(work), done = std::move(done)]() mutable {
    work();
    done();
  });
}

struct Timer::Impl {
  sim::Process* process;
  Callback fn;
  std::uint64_t starts = 0;  // an event of an earlier start is void
  std::uint64_t repeat_ms = 0;
  bool running = false;
  std::shared_ptr<Impl> self;

  void arm(std::uint64_t ms) {
    World& world = World::the();
    world.at(world.now() + ms * sim::kMilli, process, [me = self, start = starts] {
      if (start != me->starts || !me->running) return;
      if (me->repeat_ms)
        me->arm(me->repeat_ms);
      else
        me->running = false;
      me->fn();
    });
  }
};

Timer::Timer(Loop&, Callback fn) {
  auto impl = std::make_shared<Impl>();
  impl->process = World::the().current();
  impl->fn = std::move(fn);
  impl->self = impl;
  impl_ = impl.get();
}
Timer::~Timer() {
  ++impl_->starts;
  impl_->running = false;
  // Perhaps from inside its own callback.
  World::the().at(World::the().now(), nullptr, [self = std::move(impl_->self)] {});
}
void Timer::start(std::uint64_t ms, std::uint64_t repeat_ms) {
  ++impl_->starts;
  impl_->running = true;
  impl_->repeat_ms = repeat_ms;
  impl_->arm(ms);
}
void Timer::stop() {
  ++impl_->starts;
  impl_->running = false;
}
bool Timer::running() const { return impl_->running; }

namespace {

/// When all this happens, for the wall clocks: 2026-01-01.
constexpr std::int64_t kEpochUs = 1'767'225'600'000'000;

}  // namespace

std::int64_t now_us() {
  const sim::Process* process = World::the().current();
  return kEpochUs + static_cast<std::int64_t>(World::the().now()) + (process ? process->machine->clock_offset_us : 0);
}
TimeS now() { return {now_us() / 1'000'000}; }
std::uint64_t monotonic_us() { return World::the().now() + sim::kSecond; }
std::uint64_t monotonic_ms() { return monotonic_us() / 1000; }

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  for (char& byte : out) byte = static_cast<char>(World::the().random().next() >> 32);
  return out;
}

}  // namespace flurm::io
