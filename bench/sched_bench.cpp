// bench/sched_bench.cpp — how long a scheduling pass takes: full clusters with long queues, and small ones that start
// a few jobs at every change.
#include <benchmark/benchmark.h>

#include "sched/plan.hpp"
#include "sched/world.hpp"

namespace {

using namespace flurm;
using namespace flurm::sched;
using flurm::sched::test::job;
using flurm::sched::test::World;

std::string range(int nodes) { return "n[1-" + std::to_string(nodes) + "]"; }

World make_cluster(int nodes) {
  World w;
  w.nodes(range(nodes), 2, 4, 2);
  w.partition("debug", range(nodes));
  return w;
}

/// Every core taken by jobs that end at different times.
void fill(World& w, int nodes) {
  for (int i = 0; i < nodes * 2; ++i)
    w.submit(job().nodes(1).tasks(8).minutes(static_cast<std::uint32_t>(60 + i * 7 % 600)).at_priority(1'000'000));
  w.view.settings.backfill = false;
  w.step();
  w.view.settings.backfill = true;
}

/// `jobs` pending jobs of `shapes` different requests.
void queue(World& w, int jobs, int shapes) {
  for (int i = 0; i < jobs; ++i) {
    const int shape = i % shapes;
    w.submit(job()
                 .tasks(static_cast<std::uint32_t>(1 + shape % 32))
                 .memory_per_cpu(static_cast<std::uint64_t>(50 + shape / 32))
                 .minutes(static_cast<std::uint32_t>(10 + shape % 100)));
  }
}

void full_cluster(benchmark::State& state) {
  const auto nodes = static_cast<int>(state.range(0)), jobs = static_cast<int>(state.range(1));
  World w = make_cluster(nodes);
  fill(w, nodes);
  queue(w, jobs, static_cast<int>(state.range(2)));
  for (auto _ : state) benchmark::DoNotOptimize(w.plan());
}
BENCHMARK(full_cluster)
    ->ArgNames({"nodes", "jobs", "shapes"})
    ->Args({1000, 100000, 1})
    ->Args({1000, 100000, 1000})
    ->Args({10000, 100000, 1000})
    ->Args({8, 20000, 1})
    ->Unit(benchmark::kMillisecond);

/// A few jobs have ended: as many start.
void start_a_few(benchmark::State& state) {
  World w = make_cluster(8);
  queue(w, 20000, 1);
  w.step();
  std::vector<JobId> running;
  w.view.active.for_each([&](std::uint64_t id, const auto&) {
    running.push_back({static_cast<std::uint32_t>(id)});
    return running.size() < 4;
  });
  for (JobId id : running) w.finish(id);
  std::size_t starts = 0;
  for (auto _ : state) starts = w.plan().starts.size();
  state.counters["starts"] = static_cast<double>(starts);
}
BENCHMARK(start_a_few)->Unit(benchmark::kMillisecond);

/// The same with a planner that has seen the state before: jobs end and start from pass to pass.
void keep_going(benchmark::State& state) {
  const auto nodes = static_cast<int>(state.range(0));
  World w = make_cluster(nodes);
  queue(w, static_cast<int>(state.range(1)), static_cast<int>(state.range(2)));
  Planner planner;
  w.limits.report_starts = false;
  w.apply(planner.plan(w.view, w.limits, w.now));
  std::size_t starts = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<JobId> running;
    w.view.active.for_each([&](std::uint64_t id, const auto&) {
      running.push_back({static_cast<std::uint32_t>(id)});
      return running.size() < 4;
    });
    for (JobId id : running) w.finish(id);
    for (int i = 0; i < 4; ++i) w.submit(job());
    state.ResumeTiming();
    Plan plan = planner.plan(w.view, w.limits, w.now);
    state.PauseTiming();
    starts += plan.starts.size();
    w.apply(std::move(plan));
    state.ResumeTiming();
  }
  state.counters["starts/pass"] = static_cast<double>(starts) / static_cast<double>(state.iterations());
}
BENCHMARK(keep_going)
    ->ArgNames({"nodes", "jobs", "shapes"})
    ->Args({8, 20000, 1})
    ->Args({8, 20000, 1000})
    ->Args({1000, 100000, 1000})
    ->Args({10000, 100000, 1000})
    ->Unit(benchmark::kMillisecond);

/// An empty cluster takes an array's tasks.
void start_array(benchmark::State& state) {
  World w = make_cluster(static_cast<int>(state.range(0)));
  w.submit(job().tasks_of_array("0-99999"));
  std::size_t starts = 0;
  for (auto _ : state) starts = w.plan().starts.size();
  state.counters["starts"] = static_cast<double>(starts);
}
BENCHMARK(start_array)->ArgName("nodes")->Arg(8)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
