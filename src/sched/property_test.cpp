// sched/property_test.cpp — what must hold for every queue on every cluster, checked on generated ones.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <optional>
#include <set>

#include "sched/backfill.hpp"
#include "sched/draw.hpp"
#include "sched/inventory.hpp"
#include "sched/plan.hpp"
#include "sched/queue.hpp"
#include "sched/world.hpp"

namespace flurm::sched::test {
namespace {

/// Generated worlds that show something are rare enough to want more than RapidCheck's hundred.
const bool kMoreRuns = setenv("RC_PARAMS", "max_success=300", 0) == 0;

/// Small worlds: a few shapes of nodes, two partitions that overlap.
World make_small_world() {
  World w;
  const int kinds = pick(1, 4);
  int node = 1;
  for (int kind = 0; kind < kinds; ++kind) {
    const auto sockets = *rc::gen::element<std::uint16_t>(1, 2);
    const auto cores = *rc::gen::element<std::uint16_t>(1, 2, 4);
    const auto threads = *rc::gen::element<std::uint16_t>(1, 2);
    for (int i = pick(1, 4); i > 0; --i) {
      model::Node& added = w.add_node("n" + std::to_string(node++), sockets, cores, threads);
      added.config.weight = *rc::gen::element<std::uint32_t>(1, 1, 5);
      if (pick(0, 8) == 0) added.flags |= model::node_flag::drain;
    }
  }
  w.partition("debug", "n[1-" + std::to_string(node - 1) + "]");
  model::Partition& half = w.partition("half", "n[1-" + std::to_string(node / 2) + "]");
  half.priority_tier = *rc::gen::element<std::uint16_t>(1, 2);
  half.max_time = 90;
  if (pick(0, 4) == 0) half.max_share = *rc::gen::element<std::uint16_t>(0, 2, 2 | model::kShareForce);
  w.view.settings.cr_type = *rc::gen::element<std::uint16_t>(0x14, 0x14, 0x11, 0x12, 0x4, 0x4014);
  return w;
}

JobSpec make_spec() {
  JobSpec spec;
  const auto often_not = [](auto value) { return pick(0, 3) == 0 ? std::optional(value) : std::nullopt; };
  if (const auto n = often_not(pick<std::uint32_t>(1, 12))) std::move(spec).tasks(*n);
  if (const auto n = often_not(pick<std::uint16_t>(1, 5))) std::move(spec).cpus_per_task(*n);
  if (const auto n = often_not(pick<std::uint32_t>(1, 5))) std::move(spec).nodes(*n);
  if (const auto m = often_not(*rc::gen::element<std::uint64_t>(0, 500, 4000, 8000))) std::move(spec).memory(*m);
  if (pick(0, 8) == 0) std::move(spec).exclusive();
  if (pick(0, 8) == 0) spec.request.shared = *rc::gen::element<std::uint16_t>(1, 2);
  if (pick(0, 8) == 0) std::move(spec).on("n1");
  if (pick(0, 8) == 0) std::move(spec).licenses("lica:3");
  if (pick(0, 8) == 0) std::move(spec).tasks_of_array("1-6", pick<std::uint32_t>(0, 4));
  if (pick(0, 3) == 0) std::move(spec).in("half");
  return std::move(spec)
      .minutes(pick<std::uint32_t>(1, 120))
      .of(pick<std::uint32_t>(1000, 1003))
      .at_priority(pick<std::uint32_t>(0, 6) * 100);
}

void submit_some(World& w, int most) {
  for (int i = pick(1, most); i > 0; --i) w.submit(make_spec());
}

/// Time passes: some running jobs end; a few run on past their limit.
void end_some(World& w) {
  w.now = w.now + pick(1, 3000);
  std::vector<JobId> ended;
  w.view.active.for_each([&](std::uint64_t, const std::shared_ptr<const model::Job>& job) {
    const bool late = job->end_time <= w.now;
    if (pick(0, 4) == 0 ? !late : late) ended.push_back(job->id);
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
  // with several CPUs per task, tasks may have to share the rest of a node's CPUs, as in Slurm
  if (request.min_cpus != kNoVal32 && request.cpus_per_task == kNoVal16) RC_ASSERT(cpus >= request.min_cpus);
  if (job.array) RC_ASSERT(job.array->pending.contains(start.task));
}

RC_GTEST_PROP(PlanProperty, NoNodeIsGivenMoreThanItHas, ()) {
  World w = make_small_world();
  for (int round = pick(1, 6); round > 0; --round) {
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

/// Something that happens to a node, the settings, a partition, or a pending job.
void change_something(World& w) {
  switch (pick(0, 12)) {
    case 0:
      w.change_node("n1", [](model::Node& node) { node.flags ^= model::node_flag::drain; });
      return;
    case 1:
      w.change_node("n1", [](model::Node& node) { node.config.real_memory += 1000; });
      return;
    case 2:
      w.view.settings.backfill = !w.view.settings.backfill;
      return;
    case 3: {
      auto partition = std::make_shared<model::Partition>(*w.view.partitions[0]);
      const bool up = partition->state_up == model::partition_state::up;
      partition->state_up = up ? model::partition_state::down : model::partition_state::up;
      w.view.partitions[0] = partition;
      return;
    }
    default:
      break;
  }
  std::vector<std::shared_ptr<const model::Job>> pending;
  w.view.pending.for_each([&](std::uint64_t, const auto& job) {
    pending.push_back(job);
    return true;
  });
  if (pending.empty()) return;
  auto job = std::make_shared<model::Job>(*pending[pick<std::size_t>(0, pending.size())]);
  switch (pick(0, 3)) {
    case 0:
      w.view.pending.erase(job->id.v);
      return;
    case 1:
      job->priority = pick<std::uint32_t>(0, 900);
      break;
    default:
      job->time_limit = pick<std::uint32_t>(10, 120);
      break;
  }
  w.view.pending.set(job->id.v, job);
}

RC_GTEST_PROP(PlanProperty, APlannerWithAMemoryPlansTheSame, ()) {
  World w = make_small_world();
  Planner planner;
  for (int round = pick(1, 12); round > 0; --round) {
    submit_some(w, 10);
    const Plan kept = planner.plan(w.view, w.limits, w.now), fresh = w.plan();
    RC_ASSERT(kept.starts == fresh.starts);
    RC_ASSERT(kept.waiting == fresh.waiting);
    if (pick(0, 4) != 0) w.apply(fresh);
    end_some(w);
    for (int changes = pick(0, 5); changes > 0; --changes) change_something(w);
  }
}

/// When everything runs to its limit and nobody else comes, the first job that waits starts when it was told to, or
/// before, whatever has been started beside it.
RC_GTEST_PROP(PlanProperty, TheFirstThatWaitsIsNotDelayed, ()) {
  World w = make_small_world();
  w.view.partitions.resize(1);
  w.view.settings.licenses = "lica:1000";
  submit_some(w, 10);
  w.step();
  w.view.pending = {};
  for (int i = pick(2, 12); i > 0; --i) {
    JobSpec spec = make_spec().in("debug");
    spec.array_max = 0;  // a throttled array holds no place in the queue
    w.submit(std::move(spec));
  }
  w.step();
  const model::Job* first = nullptr;
  w.view.pending.for_each([&](std::uint64_t, const auto& job) {
    if (job->priority != 0 && (!first || job->priority > first->priority)) first = job.get();
    return true;
  });
  if (!first || first->array || first->start_time <= w.now) return;
  const JobId id = first->id;
  const TimeS told = first->start_time;
  while (w.view.pending.find(id.v)) {
    TimeS next{INT64_MAX};
    std::vector<JobId> ended;
    w.view.active.for_each([&](std::uint64_t, const auto& job) {
      next = std::min(next, job->end_time);
      return true;
    });
    RC_ASSERT(next <= told);
    w.now = next;
    w.view.active.for_each([&](std::uint64_t, const auto& job) {
      if (job->end_time <= next) ended.push_back(job->id);
      return true;
    });
    for (JobId job : ended) w.finish(job);
    w.step();
  }
  RC_ASSERT(w.view.active.find(id.v)->start_time <= told);
}

/// All slots given out in one pass, with what runs: no core twice at any time, no memory that is not there.
RC_GTEST_PROP(BackfillProperty, SlotsNeverOverlap, ()) {
  World w = make_small_world();
  w.view.settings.cr_type |= 0x10;
  for (auto& partition : w.view.partitions) {
    auto plain = std::make_shared<model::Partition>(*partition);
    plain->max_share = 1;
    partition = plain;
  }
  submit_some(w, 12);
  w.step();
  submit_some(w, 20);
  Inventory inventory;
  inventory.update_cluster(w.view);
  inventory.update_use(w.view, w.now);
  Queue queue;
  queue.update({}, w.view.pending, inventory.cluster(), w.view.settings, {});
  Placer placer(inventory.cluster());
  Profile profile(inventory.cluster(), inventory.timelines());
  const std::int64_t window = 7 * 24 * 3600;
  Reservations reservations(w.view.reservations, inventory.cluster(), w.now);
  Backfill slots(inventory.cluster(), inventory.usable(), placer, profile, reservations, inventory.usage(), w.now,
                 window);

  struct Taken {
    Holding holding;
    TimeS from, until;
  };
  std::vector<Taken> all;
  w.view.active.for_each([&](std::uint64_t, const auto& job) {
    all.push_back({holding_of(*job, inventory.cluster()), TimeS{0}, job->end_time});
    return true;
  });
  for (const QueueEntry& entry : queue.entries()) {
    const model::Job& job = *queue.jobs()[entry.job].job;
    const std::int64_t duration = duration_s(job.time_limit, nullptr);
    auto slot = slots.find({.shape = entry.shape, .request = job.request.get()}, duration, false);
    if (!slot) continue;
    RC_ASSERT(slot->start >= w.now);
    slots.take(*slot, duration);
    all.push_back({std::move(slot->holding), slot->start, slot->start + duration});
  }
  for (const Taken& moment : all) {  // use is greatest when something begins
    std::map<NodeIndex, std::pair<std::uint64_t, std::vector<Word>>> use;
    for (const Taken& taken : all) {
      if (taken.from > moment.from || taken.until <= std::max(moment.from, w.now)) continue;
      for (const Share& share : taken.holding.shares) {
        auto& [memory, cores] = use[share.node];
        cores.resize(share.cores.size());
        memory += share.memory_mib;
        for (std::size_t i = 0; i < cores.size(); ++i) {
          RC_ASSERT((cores[i] & share.cores[i]) == 0u);
          cores[i] |= share.cores[i];
        }
        RC_ASSERT(memory <= inventory.cluster().node(share.node).memory_mib);
      }
    }
  }
}

}  // namespace
}  // namespace flurm::sched::test
