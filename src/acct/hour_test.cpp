// acct/hour_test.cpp — an hour's sums: what crosses its borders, what was down, who is charged for a reservation.
#include "acct/hour.hpp"

#include "gtest/gtest.h"

namespace flurm::acct {
namespace {

constexpr TimeS kStart{36000}, kEnd{39600};
constexpr std::uint32_t kAssoc = 5;

Event cluster_of(const char* tres, TimeS start = TimeS{1}, TimeS end = {}) {
  Event event;
  event.tres = tres;
  event.start = start;
  event.end = end;
  return event;
}

Event down(const char* node, TimeS start, TimeS end, const char* tres) {
  Event event = cluster_of(tres, start, end);
  event.node = node;
  event.state = 1;
  return event;
}

JobUse job(TimeS start, TimeS end, TresCounts tres) {
  JobUse out;
  out.assoc_id = kAssoc;
  out.eligible = start;
  out.start = start;
  out.end = end;
  out.req_cpus = static_cast<std::uint32_t>(tres[tres_cpu]);
  out.tres = std::move(tres);
  return out;
}

HourUsage sums(std::vector<Event> events, std::vector<JobUse> jobs, std::vector<Reservation> reservations = {}) {
  Hour hour(kStart, kEnd, events, reservations);
  for (const JobUse& each : jobs) hour.add(each);
  return std::move(hour).finish();
}

TEST(Hour, a_job_counts_for_its_part_of_the_hour) {
  const HourUsage usage =
      sums({cluster_of("1=8")}, {job(TimeS{30000}, TimeS{36600}, {{tres_cpu, 2}, {tres_mem, 100}})});
  EXPECT_EQ(usage.assocs.at({kAssoc, tres_cpu}), 1200u);
  EXPECT_EQ(usage.assocs.at({kAssoc, tres_mem}), 60000u);
  EXPECT_EQ(usage.cluster.at(tres_cpu), (ClusterUse{8, 1200, 0, 0, 8 * 3600 - 1200, 0, 0}));
  EXPECT_FALSE(usage.cluster.contains(tres_mem)) << "the cluster counts none";
}

TEST(Hour, suspended_jobs_give_back_their_cpus_only) {
  JobUse paused = job(kStart, kEnd, {{tres_cpu, 1}, {tres_mem, 10}});
  paused.suspensions = {{1, TimeS{35000}, TimeS{36100}}, {1, TimeS{39500}, {}}};
  const HourUsage usage = sums({cluster_of("1=8")}, {paused});
  EXPECT_EQ(usage.assocs.at({kAssoc, tres_cpu}), 3400u);
  EXPECT_EQ(usage.assocs.at({kAssoc, tres_mem}), 36000u);
}

TEST(Hour, who_waits_plans_and_what_is_more_than_there_is_was_asked_for_in_vain) {
  JobUse waiting = job({}, {}, {});
  waiting.eligible = TimeS{37800};
  waiting.req_cpus = 6;
  HourUsage usage = sums({cluster_of("1=8")}, {waiting});
  EXPECT_EQ(usage.cluster.at(tres_cpu), (ClusterUse{8, 0, 0, 0, 8 * 3600 - 6 * 1800, 0, 6 * 1800}));
  waiting.array_pending = 10;
  usage = sums({cluster_of("1=8")}, {waiting, job(kStart, kEnd, {{tres_cpu, 4}})});
  EXPECT_EQ(usage.cluster.at(tres_cpu), (ClusterUse{8, 14400, 0, 0, 0, 108000 - 14400, 14400}));
}

TEST(Hour, a_cluster_that_changes_is_the_sum_of_its_parts) {
  const HourUsage usage = sums({cluster_of("1=8", TimeS{1}, TimeS{37800}), cluster_of("1=16", TimeS{37800})}, {});
  EXPECT_EQ(usage.cluster.at(tres_cpu), (ClusterUse{16, 0, 0, 0, 8 * 1800 + 16 * 1800, 0, 0}));
}

TEST(Hour, nodes_that_are_down_count_unless_they_are_in_maintenance) {
  Reservation repair;
  repair.id = 1;
  repair.flags = 1;
  repair.nodes = "n2";
  repair.tres = "1=4";
  repair.start = TimeS{36000};
  repair.end = TimeS{37000};
  const HourUsage usage = sums(
      {cluster_of("1=8"), down("n1", TimeS{36100}, TimeS{36200}, "1=4"), down("n2", TimeS{36500}, TimeS{37500}, "1=4")},
      {}, {repair});
  // n2: 500 s of its outage fall into the repair, which is planned whether it is down or not.
  EXPECT_EQ(usage.cluster.at(tres_cpu).down, 400u + 2000u);
  EXPECT_EQ(usage.cluster.at(tres_cpu).planned_down, 4000u);
}

TEST(Hour, an_idle_reservation_is_laid_to_those_who_could_use_it) {
  Reservation lecture;
  lecture.id = 3;
  lecture.tres = "1=4";
  lecture.assocs = "5,6";
  lecture.start = TimeS{36000};
  lecture.end = TimeS{37000};
  JobUse within = job(TimeS{36000}, TimeS{36400}, {{tres_cpu, 2}});
  within.resv_id = 3;
  const HourUsage usage = sums({cluster_of("1=8")}, {within}, {lecture});
  EXPECT_EQ(usage.cluster.at(tres_cpu).alloc, 4000u) << "the reservation, once";
  EXPECT_EQ(usage.assocs.at({5, tres_cpu}), 800u + 1200u);
  EXPECT_EQ(usage.assocs.at({6, tres_cpu}), 1200u);
  ASSERT_EQ(usage.unused.size(), 1u);
  EXPECT_EQ(usage.unused[0].wall, 800);
}

TEST(Hour, without_a_controller_there_is_no_cluster_but_jobs_are_charged) {
  const HourUsage usage = sums({}, {job(kStart, kEnd, {{tres_cpu, 1}})});
  EXPECT_TRUE(usage.cluster.empty());
  EXPECT_EQ(usage.assocs.at({kAssoc, tres_cpu}), 3600u);
}

}  // namespace
}  // namespace flurm::acct
