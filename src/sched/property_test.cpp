// sched/property_test.cpp — what must hold for every queue on every cluster, checked on generated ones.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>
#include <set>

#include "sched/plan.hpp"
#include "sched/world.hpp"

namespace flurm::sched::test {
namespace {

/// Small worlds: a few shapes of nodes, two partitions that overlap.
World make_small_world() {
  World w;
  const int kinds = *rc::gen::inRange(1, 4);
  int node = 1;
  for (int kind = 0; kind < kinds; ++kind) {
    const auto sockets = *rc::gen::element<std::uint16_t>(1, 2);
    const auto cores = *rc::gen::element<std::uint16_t>(1, 2, 4);
    const auto threads = *rc::gen::element<std::uint16_t>(1, 2);
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
      model::Node& added = w.add_node("n" + std::to_string(node++), sockets, cores, threads);
      added.config.weight = *rc::gen::element<std::uint32_t>(1, 1, 5);
      if (*rc::gen::inRange(0, 8) == 0) added.flags |= model::node_flag::drain;
    }
  }
  w.partition("debug", "n[1-" + std::to_string(node - 1) + "]");
  model::Partition& half = w.partition("half", "n[1-" + std::to_string(node / 2) + "]");
  half.priority_tier = *rc::gen::element<std::uint16_t>(1, 2);
  if (*rc::gen::inRange(0, 4) == 0) half.max_share = *rc::gen::element<std::uint16_t>(0, 2, 2 | model::kShareForce);
  w.view.settings.cr_type = *rc::gen::element<std::uint16_t>(0x14, 0x14, 0x11, 0x12, 0x4, 0x4014);
  return w;
}

JobSpec make_spec() {
  JobSpec spec;
  const auto often_not = [](auto value) { return *rc::gen::inRange(0, 3) == 0 ? std::optional(value) : std::nullopt; };
  if (const auto n = often_not(*rc::gen::inRange<std::uint32_t>(1, 12))) spec = std::move(spec).tasks(*n);
  if (const auto n = often_not(*rc::gen::inRange<std::uint16_t>(1, 5))) spec = std::move(spec).cpus_per_task(*n);
  if (const auto n = often_not(*rc::gen::inRange<std::uint32_t>(1, 5))) spec = std::move(spec).nodes(*n);
  if (const auto m = often_not(*rc::gen::element<std::uint64_t>(0, 500, 4000, 8000))) spec = std::move(spec).memory(*m);
  if (*rc::gen::inRange(0, 8) == 0) spec = std::move(spec).exclusive();
  if (*rc::gen::inRange(0, 8) == 0) spec.request.shared = *rc::gen::element<std::uint16_t>(1, 2);
  if (*rc::gen::inRange(0, 8) == 0) spec = std::move(spec).on("n1");
  if (*rc::gen::inRange(0, 8) == 0) spec = std::move(spec).licenses("lica:3");
  if (*rc::gen::inRange(0, 8) == 0)
    spec = std::move(spec).tasks_of_array("1-6", *rc::gen::inRange<std::uint32_t>(0, 4));
  if (*rc::gen::inRange(0, 3) == 0) spec = std::move(spec).in("half");
  return std::move(spec)
      .minutes(*rc::gen::inRange<std::uint32_t>(1, 120))
      .of(*rc::gen::inRange<std::uint32_t>(1000, 1003))
      .at_priority(*rc::gen::inRange<std::uint32_t>(0, 6) * 100);
}

void submit_some(World& w, int most) {
  for (int i = *rc::gen::inRange(1, most); i > 0; --i) w.submit(make_spec());
}

/// Time passes: some running jobs end.
void end_some(World& w) {
  w.now = w.now + *rc::gen::inRange(1, 3000);
  std::vector<JobId> ended;
  w.view.active.for_each([&](std::uint64_t, const std::shared_ptr<const model::Job>& job) {
    if (job->end_time <= w.now || *rc::gen::inRange(0, 4) == 0) ended.push_back(job->id);
    return true;
  });
  for (JobId id : ended) w.finish(id);
}

bool shares_cores(const World& w, const model::Job& job) {
  for (const auto& partition : w.view.partitions)
    if (partition->name == job.partition)
      return (partition->max_share & model::kShareForce) || (partition->max_share > 1 && job.request->shared == 1);
  return false;
}

void check_nobody_is_given_too_much(const World& w) {
  struct Given {
    std::uint64_t memory = 0;
    std::vector<std::uint64_t> cores;
    int jobs = 0, whole = 0;
  };
  std::map<model::NodeId, Given> given;
  w.view.active.for_each([&](std::uint64_t, const std::shared_ptr<const model::Job>& job) {
    for (const model::NodeShare& share : job->allocation->shares) {
      Given& all = given[share.node];
      const model::Node& node = *w.view.nodes.find(share.node);
      all.memory += share.memory_mib;
      all.cores.resize(share.cores.size());
      ++all.jobs;
      all.whole += job->allocation->whole_node;
      std::uint32_t bits = 0;
      for (std::size_t i = 0; i < share.cores.size(); ++i) {
        if (!shares_cores(w, *job)) RC_ASSERT((all.cores[i] & share.cores[i]) == 0u);
        all.cores[i] |= share.cores[i];
        bits += static_cast<std::uint32_t>(std::popcount(share.cores[i]));
      }
      RC_ASSERT(bits > 0u);
      RC_ASSERT(share.cpus <= node.config.cpus);
      RC_ASSERT(std::bit_width(share.cores.back()) <= static_cast<int>(node.core_count()));
    }
    return true;
  });
  for (const auto& [id, all] : given) {
    RC_ASSERT(all.memory <= w.view.nodes.find(id)->config.real_memory);
    RC_ASSERT(all.whole == 0 || all.jobs == 1);
  }
}

void check_start_is_allowed(const World& w, const Placement& start) {
  const model::Job& job = *w.view.pending.find(start.job.v);
  RC_ASSERT(job.priority != 0u);
  RC_ASSERT(start.partition == job.partition);
  const auto partition =
      std::ranges::find_if(w.view.partitions, [&](const auto& p) { return p->name == start.partition; });
  std::uint32_t cpus = 0;
  for (const model::NodeShare& share : start.shares) {
    RC_ASSERT(w.view.nodes.find(share.node)->usable());
    RC_ASSERT(std::ranges::binary_search((*partition)->nodes, share.node));
    cpus += share.cpus;
  }
  const model::JobRequest& request = *job.request;
  if (request.min_nodes != kNoVal32) RC_ASSERT(start.shares.size() >= request.min_nodes);
  if (request.max_nodes != kNoVal32) RC_ASSERT(start.shares.size() <= request.max_nodes);
  if (request.min_cpus != kNoVal32) RC_ASSERT(cpus >= request.min_cpus);
  if (job.array) RC_ASSERT(job.array->pending.contains(start.task));
}

RC_GTEST_PROP(PlanProperty, NoNodeIsGivenMoreThanItHas, ()) {
  World w = make_small_world();
  for (int round = *rc::gen::inRange(1, 6); round > 0; --round) {
    submit_some(w, 12);
    const Plan plan = w.plan();
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    for (const Placement& start : plan.starts) {
      check_start_is_allowed(w, start);
      RC_ASSERT(seen.emplace(start.job.v, start.task).second);
    }
    w.step();
    check_nobody_is_given_too_much(w);
    end_some(w);
  }
}

RC_GTEST_PROP(PlanProperty, TheSameViewGivesTheSamePlan, ()) {
  World w = make_small_world();
  submit_some(w, 20);
  w.step();
  submit_some(w, 20);
  const Plan first = w.plan(), second = w.plan();
  RC_ASSERT(first.starts == second.starts);
  RC_ASSERT(first.waiting == second.waiting);
}

RC_GTEST_PROP(PlanProperty, AppliedPlansLeaveNothingToSay, ()) {
  World w = make_small_world();
  submit_some(w, 20);
  for (int i = 0; i < 20 && !w.step().starts.empty(); ++i) {
  }
  const Plan again = w.plan();
  RC_ASSERT(again.starts.empty());
  RC_ASSERT(again.waiting.empty());
}

/// Whatever happens to jobs, nodes, partitions and settings in between.
RC_GTEST_PROP(PlanProperty, APlannerWithAMemoryPlansTheSame, ()) {
  World w = make_small_world();
  Planner planner;
  for (int round = *rc::gen::inRange(1, 10); round > 0; --round) {
    submit_some(w, 8);
    const Plan kept = planner.plan(w.view, w.limits, w.now), fresh = w.plan();
    RC_ASSERT(kept.starts == fresh.starts);
    RC_ASSERT(kept.waiting == fresh.waiting);
    if (*rc::gen::inRange(0, 4) != 0) w.step();
    end_some(w);
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
        w.change_node("n1", [](model::Node& node) { node.flags ^= model::node_flag::drain; });
        break;
      case 1:
        w.change_node("n1", [](model::Node& node) { node.config.real_memory += 1000; });
        break;
      case 2:
        w.view.settings.backfill = !w.view.settings.backfill;
        break;
      case 3: {
        auto partition = std::make_shared<model::Partition>(*w.view.partitions[0]);
        partition->state_up = partition->state_up == model::partition_state::up ? model::partition_state::down
                                                                                : model::partition_state::up;
        w.view.partitions[0] = partition;
        break;
      }
      case 4: {
        std::vector<std::shared_ptr<const model::Job>> pending;
        w.view.pending.for_each([&](std::uint64_t, const auto& job) {
          pending.push_back(job);
          return true;
        });
        if (pending.empty()) break;
        auto changed = std::make_shared<model::Job>(*pending[*rc::gen::inRange<std::size_t>(0, pending.size())]);
        changed->priority = *rc::gen::inRange<std::uint32_t>(0, 900);
        w.view.pending.set(changed->id.v, changed);
        break;
      }
      default:
        break;
    }
  }
}

/// When each job starts or is planned to, by job and task.
std::map<std::pair<std::uint32_t, std::uint32_t>, TimeS> times(World w) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, TimeS> found;
  const Plan plan = w.plan();
  for (const Placement& start : plan.starts) found[{start.job.v, start.task}] = w.now;
  for (const Waiting& waiting : plan.waiting)
    if (waiting.expected_start) found[{waiting.job.v, kNoVal32}] = waiting.expected_start;
  return found;
}

/// Jobs behind in the queue change nothing for those before them. (Among jobs that backfill considers: one that the
/// main pass skips, because nodes are down or licenses are taken, holds no place in the queue.)
RC_GTEST_PROP(PlanProperty, NoJobIsDelayedByThoseBehindIt, ()) {
  World w = make_small_world();
  w.view.partitions.resize(1);
  submit_some(w, 10);
  w.step();
  World before = w;
  for (int i = *rc::gen::inRange(1, 8); i > 0; --i) w.submit(make_spec().in("debug").at_priority(500));
  before = w;
  for (int i = *rc::gen::inRange(1, 12); i > 0; --i) w.submit(make_spec().in("debug").at_priority(1));
  for (const auto& [job, time] : times(before)) {
    const auto with = times(w);
    RC_ASSERT(with.contains(job));
    RC_ASSERT(with.at(job) == time);
  }
}

}  // namespace
}  // namespace flurm::sched::test
