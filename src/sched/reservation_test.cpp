// sched/reservation_test.cpp — reservations and the planner: who is kept out, who is held inside, what is chosen.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sched/draw.hpp"
#include "sched/reserve.hpp"
#include "sched/world.hpp"

namespace flurm::sched::test {
namespace {

namespace flag = model::resv_flag;
using model::JobReason;

constexpr std::int64_t kHour = 3600;

World four_nodes() {
  World w;
  w.nodes("n[1-4]", 1, 4, 1);
  w.partition("debug", "n[1-4]");
  w.view.partitions.clear();
  w.partition("debug", "n[1-4]").flags = model::partition_flag::is_default;
  return w;
}

std::string where(const World& w, JobId job) {
  const auto* running = w.view.active.find(job.v);
  if (!running) return "waits";
  std::vector<std::string> names;
  for (const auto& share : running->allocation->shares) names.push_back(w.view.nodes.find(share.node)->config.name);
  return compress_hosts_sorted(names);
}

std::string reason(const World& w, JobId job) {
  const auto* waiting = w.view.pending.find(job.v);
  if (!waiting) return "runs";
  if (!waiting->state_desc.empty()) return waiting->state_desc;
  switch (waiting->reason) {
    case JobReason::resources:
      return "Resources";
    case JobReason::priority:
      return "Priority";
    case JobReason::reservation:
      return "Reservation";
    case JobReason::licenses:
      return "Licenses";
    default:
      return std::to_string(static_cast<int>(waiting->reason));
  }
}

TEST(Reserved, a_job_without_one_goes_around_it) {
  World w = four_nodes();
  w.reserve("now", "n[1-2]", 0, kHour);
  w.reserve("soon", "n3", 1800, kHour);
  const JobId any = w.submit(job().nodes(1).exclusive().minutes(60));
  const JobId brief = w.submit(job().nodes(1).exclusive().minutes(30));
  const JobId other = w.submit(job().nodes(1).exclusive().minutes(30));
  w.step();
  EXPECT_EQ(where(w, any), "n4");
  EXPECT_EQ(where(w, brief), "n3");
  EXPECT_EQ(where(w, other), "waits");
  EXPECT_EQ(reason(w, other), "Resources");
  EXPECT_EQ(w.view.pending.find(other.v)->start_time, w.now + kHour);
}

TEST(Reserved, a_job_in_one_stays_inside) {
  World w = four_nodes();
  w.reserve("mine", "n[2-3]", 0, kHour);
  const JobId one = w.submit(job().nodes(1).exclusive().of(1000).within("mine"));
  const JobId two = w.submit(job().nodes(1).exclusive().of(1000).within("mine").minutes(600));
  const JobId three = w.submit(job().nodes(1).exclusive().of(1000).within("mine"));
  const JobId four = w.submit(job().nodes(1).exclusive().of(1000).within("mine"));
  const JobId too_big = w.submit(job().nodes(3).of(1000).within("mine").at_priority(1));
  const JobId foreign = w.submit(job().nodes(1).of(1001).within("mine"));
  const JobId outside = w.submit(job().nodes(1).exclusive().at_priority(1));
  w.step();
  EXPECT_EQ(where(w, one), "n2");
  EXPECT_EQ(where(w, two), "n3") << "longer than the reservation";
  EXPECT_EQ(reason(w, three), "Resources");
  EXPECT_EQ(reason(w, four), "Priority") << "behind one in the same reservation";
  EXPECT_EQ(reason(w, too_big), "Priority");
  EXPECT_EQ(reason(w, foreign), "Reservation");
  EXPECT_EQ(where(w, outside), "n1") << "nobody in the reservation holds back those outside";
}

TEST(Reserved, before_it_begins_its_jobs_wait) {
  World w = four_nodes();
  w.reserve("later", "n[1-2]", 600, kHour);
  model::Reservation& flexible = w.reserve("flexible", "n3", 600, kHour);
  flexible.flags = flag::flex;
  const JobId strict = w.submit(job().of(1000).within("later"));
  const JobId flex = w.submit(job().nodes(3).of(1000).within("flexible").minutes(5));
  w.step();
  EXPECT_EQ(reason(w, strict), "Reservation");
  EXPECT_EQ(where(w, flex), "n[1-3]") << "nodes and time of a flexible one bind nobody";
  w.now = w.now + 600;
  w.finish(flex);
  w.step();
  EXPECT_EQ(where(w, strict), "n1");
}

TEST(Reserved, maintenance_of_all_is_told) {
  World w = four_nodes();
  w.reserve("maint", "n[1-4]", 600, kHour).flags = flag::maint | flag::spec_nodes | flag::all_nodes;
  const JobId long_one = w.submit(job().minutes(60)), brief = w.submit(job().minutes(10));
  w.step();
  EXPECT_EQ(reason(w, long_one), "ReqNodeNotAvail, Reserved for maintenance");
  EXPECT_EQ(where(w, brief), "n1");
  EXPECT_EQ(w.view.pending.find(long_one.v)->start_time, w.now + 600 + kHour);
}

TEST(Reserved, required_nodes_that_others_have_are_not_available) {
  World w = four_nodes();
  w.reserve("a", "n2", 0, kHour);
  const JobId named = w.submit(job().on("n2")), free = w.submit(job());
  w.step();
  EXPECT_EQ(reason(w, named), "ReqNodeNotAvail, May be reserved for other job");
  EXPECT_EQ(where(w, free), "n1");
}

TEST(Reserved, cores_are_kept_apart) {
  World w = four_nodes();
  model::Reservation& cores = w.reserve("cores", "n1", 0, kHour);
  cores.whole_nodes = false;
  cores.nodes.front().cores = {0b0111};
  const JobId outside = w.submit(job().tasks(2).nodes(1).on("n1").at_priority(1)),
              inside = w.submit(job().tasks(3).of(1000).within("cores"));
  const JobId one = w.submit(job().tasks(1).nodes(1).on("n1"));
  w.step();
  EXPECT_EQ(where(w, outside), "waits");
  EXPECT_EQ(where(w, inside), "n1");
  EXPECT_EQ(where(w, one), "n1");
  EXPECT_EQ(w.view.active.find(one.v)->allocation->shares[0].cores[0], 0b1000u);
  EXPECT_EQ(w.view.active.find(inside.v)->allocation->shares[0].cores[0], 0b0111u);
}

TEST(Reserved, a_magnetic_one_draws_the_jobs_of_its_users) {
  World w = four_nodes();
  w.reserve("magnet", "n4", 0, kHour).flags = flag::magnetic;
  const JobId drawn = w.submit(job().exclusive().of(1000)), second = w.submit(job().exclusive().of(1000));
  const JobId foreign = w.submit(job().exclusive().of(1001));
  const JobId array = w.submit(job().exclusive().of(1000).tasks_of_array("1-3").at_priority(2000));
  const Plan plan = w.step();
  EXPECT_EQ(plan.starts.size(), 4u);
  EXPECT_EQ(where(w, drawn), "n3");
  EXPECT_EQ(where(w, second), "waits");
  EXPECT_EQ(where(w, foreign), "waits");
  std::string used;
  for (const Placement& start : plan.starts) used += start.reservation + std::to_string(start.task) + " ";
  EXPECT_EQ(used, "magnet1 2 3 4294967294 ") << "each task once";
  EXPECT_FALSE(w.view.pending.find(array.v));
}

TEST(Reserved, one_of_several_is_enough) {
  World w = four_nodes();
  w.reserve("later", "n1", 600, kHour);
  w.reserve("now", "n2", 0, kHour);
  const JobId either = w.submit(job().of(1000).within("later,now"));
  const JobId unknown = w.submit(job().of(1000).within("now,none"));
  w.step();
  EXPECT_EQ(where(w, either), "n2");
  EXPECT_EQ(w.view.active.find(either.v)->reservation, "now");
  EXPECT_EQ(reason(w, unknown), "Reservation");
}

TEST(Reserved, licenses_too) {
  World w = four_nodes();
  model::Reservation& r = w.reserve("lic", "n4", 600, kHour);
  r.licenses = "lica:6";
  const JobId long_one = w.submit(job().licenses("lica:3")), brief = w.submit(job().licenses("lica:3").minutes(10));
  w.step();
  EXPECT_EQ(reason(w, long_one), "Licenses");
  EXPECT_EQ(where(w, brief), "n1");
}

TEST(Reserved, a_job_that_gives_way_may_use_it) {
  World w = four_nodes();
  w.reserve("a", "n[1-4]", 600, kHour).max_start_delay_s = 60;
  JobSpec gives_way = job();
  gives_way.request.warn_flags = 1 << 8;
  gives_way.request.warn_time = 60;
  const JobId first = w.submit(gives_way);
  gives_way.request.warn_time = 61;
  const JobId second = w.submit(gives_way);
  w.step();
  EXPECT_EQ(where(w, first), "n1");
  EXPECT_EQ(where(w, second), "waits");
}

TEST(Reserved, a_request_too_large_for_it_is_never_possible) {
  World w = four_nodes();
  w.reserve("a", "n[1-2]", 0, kHour);
  const auto& partition = *w.view.partitions.front();
  const JobSpec three = job().nodes(3).of(1000).within("a"), two = job().nodes(2).of(1000).within("a");
  EXPECT_TRUE(can_ever_run(w.view, two.request, partition, w.now));
  const auto refused = can_ever_run(w.view, three.request, partition, w.now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::requested_node_config_unavailable);
  EXPECT_TRUE(can_ever_run(w.view, three.request, partition, w.now - 1)) << "it may change before it begins";
}

std::string chosen(const World& w, const Wish& wish) {
  const auto nodes = choose_reserved(w.view, wish, w.now);
  if (!nodes) return std::string(errc_name(nodes.error().code));
  std::string out;
  for (const model::ReservedNode& node : *nodes) {
    out += (out.empty() ? "" : " ") + w.view.nodes.find(node.node)->config.name;
    if (!node.cores.empty()) out += fmt::format(":{:x}", node.cores[0]);
  }
  return out;
}

Wish wish(const World& w, std::vector<std::uint32_t> nodes, std::vector<std::uint32_t> cores = {},
          std::uint64_t flags = 0) {
  return {.start = w.now,
          .end = w.now + kHour,
          .flags = flags,
          .partition = {},
          .features = {},
          .node_counts = std::move(nodes),
          .core_counts = std::move(cores),
          .among = {},
          .apart_from = {},
          .replaces = {}};
}

TEST(Reserve, nodes_by_count_are_free_ones) {
  World w = four_nodes();
  w.reserve("a", "n1", 0, kHour);
  w.submit(job().on("n2").minutes(60));
  w.step();
  EXPECT_EQ(chosen(w, wish(w, {2})), "n3 n4");
  EXPECT_EQ(chosen(w, wish(w, {3})), "nodes_busy");
  EXPECT_EQ(chosen(w, wish(w, {3}, {}, flag::ignore_jobs)), "n2 n3 n4");
  EXPECT_EQ(chosen(w, wish(w, {9}, {}, flag::ignore_jobs)), "n2 n3 n4") << "as many as there are";
  EXPECT_EQ(chosen(w, wish(w, {4}, {}, flag::ignore_jobs | flag::overlap)), "n1 n2 n3 n4");
  Wish later = wish(w, {3});
  later.start = w.now + 2 * kHour;
  later.end = later.start + 60;
  EXPECT_EQ(chosen(w, later), "n1 n2 n3");
  w.change_node("n3", [](model::Node& node) { node.base = model::NodeBase::down; });
  EXPECT_EQ(chosen(w, wish(w, {1})), "n4");
  EXPECT_EQ(chosen(w, wish(w, {4}, {}, flag::ignore_jobs | flag::maint)), "n1 n2 n3 n4");
}

TEST(Reserve, cores_by_count) {
  World w = four_nodes();
  EXPECT_EQ(chosen(w, wish(w, {}, {6})), "n1:f n2:3");
  EXPECT_EQ(chosen(w, wish(w, {2}, {6})), "n1:7 n2:7");
  EXPECT_EQ(chosen(w, wish(w, {}, {2, 1})), "n1:3 n2:1");
  EXPECT_EQ(chosen(w, wish(w, {}, {17})), "nodes_busy");
  model::Reservation& other = w.reserve("cores", "n1", 0, kHour);
  other.whole_nodes = false;
  other.nodes.front().cores = {0b0001};
  EXPECT_EQ(chosen(w, wish(w, {}, {2})), "n1:6");
  EXPECT_EQ(chosen(w, wish(w, {}, {2}, flag::first_cores)), "n2:3");
}

TEST(Reserve, features_choose_too) {
  World w = four_nodes();
  w.change_node("n2", [](model::Node& node) { node.config.features = "fast"; });
  w.change_node("n4", [](model::Node& node) { node.config.features = "fast"; });
  Wish fast = wish(w, {1});
  fast.features = "fast";
  EXPECT_EQ(chosen(w, fast), "n2");
  fast.node_counts = {3};
  EXPECT_EQ(chosen(w, fast), "requested_node_config_unavailable");
  fast.features = "slow";
  EXPECT_EQ(chosen(w, fast), "invalid_feature");
}

TEST(Reserve, nodes_that_fail_are_exchanged) {
  World w = four_nodes();
  model::Reservation& r = w.reserve("a", "n[1-2]", 0, kHour);
  EXPECT_EQ(exchanged(w.view, r, w.now), r.nodes);
  w.change_node("n1", [](model::Node& node) { node.flags |= model::node_flag::drain; });
  const auto better = exchanged(w.view, r, w.now);
  ASSERT_EQ(better.size(), 2u);
  EXPECT_EQ(w.view.nodes.find(better[0].node)->config.name, "n2");
  EXPECT_EQ(w.view.nodes.find(better[1].node)->config.name, "n3");
  r.flags = flag::spec_nodes;
  EXPECT_EQ(exchanged(w.view, r, w.now), r.nodes) << "nodes that were named stay";
}

/// No job is started on nodes or cores that others have reserved for any moment of its time limit; one in a reservation
/// has its nodes and cores only.
RC_GTEST_PROP(ReservedProperty, NoJobIsPlacedInAForeignReservation, ()) {
  World w = four_nodes();
  w.add_node("n5", 2, 2, 2);
  w.view.partitions.clear();
  w.partition("debug", "n[1-5]");
  for (int i = pick(1, 4); i > 0; --i) {
    const std::string first = std::to_string(pick(1, 6));
    model::Reservation& r = w.reserve("r" + std::to_string(i), "n" + first, pick(-2, 4) * 1200, pick(1, 4) * 1200);
    if (pick(0, 2) == 0) {
      r.whole_nodes = false;
      r.nodes.front().cores = {pick<std::uint64_t>(1, 16)};
    }
    const std::uint64_t flags[] = {0, 0, flag::maint, flag::overlap, flag::flex, flag::magnetic};
    r.flags = flags[pick(0, 6)];
  }
  Planner planner;
  for (int round = pick(1, 5); round > 0; --round) {
    for (int i = pick(1, 8); i > 0; --i) {
      JobSpec spec = job().tasks(pick(1u, 6u)).minutes(pick(1u, 90u)).of(pick(1000u, 1002u)).at_priority(pick(1u, 5u));
      if (pick(0, 2) == 0) std::move(spec).within("r" + std::to_string(pick(1, 4)));
      if (pick(0, 5) == 0) std::move(spec).exclusive();
      if (pick(0, 6) == 0) std::move(spec).tasks_of_array("1-3");
      if (pick(0, 4) == 0) std::move(spec).nodes(pick(1u, 3u));
      w.submit(std::move(spec));
    }
    const Plan plan = w.plan(), kept = planner.plan(w.view, w.limits, w.now);
    RC_ASSERT(plan.starts == kept.starts);
    RC_ASSERT(plan.waiting == kept.waiting);
    for (const Placement& start : plan.starts) {
      const model::Job& job = *w.view.pending.find(start.job.v);
      const model::Reservation* own = nullptr;
      for (const auto& each : w.view.reservations)
        if (each->name == start.reservation) own = each.get();
      RC_ASSERT(start.reservation.empty() || (own && own->admits(job.request->user_id, "")));
      RC_ASSERT(job.request->reservation.empty() || job.request->reservation == start.reservation);
      const TimeS end = w.now + job.time_limit * 60;
      for (const auto& other : w.view.reservations) {
        if (other.get() == own || !other->period(w.now).meets(w.now, end)) continue;
        if (own && !model::keeps_out(*own, *other)) continue;
        for (const model::NodeShare& share : start.shares) {
          const model::ReservedNode* node = other->find(share.node);
          if (!node) continue;
          RC_ASSERT(!other->whole_nodes && !start.whole_node);
          RC_ASSERT((node->cores[0] & share.cores[0]) == 0u);
        }
      }
      if (!own || !own->binds()) continue;
      RC_ASSERT(own->active(w.now));
      for (const model::NodeShare& share : start.shares) {
        const model::ReservedNode* node = own->find(share.node);
        RC_ASSERT(node != nullptr);
        if (!own->whole_nodes) RC_ASSERT((share.cores[0] & ~node->cores[0]) == 0u);
      }
    }
    w.apply(plan);
    w.now = w.now + pick(1, 2400);
    std::vector<JobId> ended;
    w.view.active.for_each([&](std::uint64_t, const auto& job) {
      if (job->end_time <= w.now) ended.push_back(job->id);
      return true;
    });
    for (JobId id : ended) w.finish(id);
  }
}

}  // namespace
}  // namespace flurm::sched::test
