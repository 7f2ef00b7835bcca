// state/reservation_test.cpp — reservations in the state: who gets in, what speaks against one, what time does to them.
#include "state/reservations.hpp"

#include "gtest/gtest.h"
#include "state/world.hpp"

namespace flurm::state {
namespace {

using model::Reservation;
namespace flag = model::resv_flag;

struct ReservedWorld : test::World {
  ReservedWorld() { use_newest_format(); }

  /// For user 1000 on these nodes, from `from` seconds from now for an hour.
  Reservation draft(std::string name, std::vector<model::NodeId> nodes, std::int64_t from = 0) {
    Reservation r;
    r.name = std::move(name);
    r.users = "alice";
    r.user_ids = {1000};
    for (model::NodeId node : nodes) r.nodes.push_back({node, {}});
    r.start = now + from;
    r.end = r.start + 3600;
    return r;
  }
  Reply put(Reservation r) { return run(PutReservation{.reservation = std::move(r)}); }
  JobId submit_in(std::string reservation, std::uint32_t user = 1000) {
    SubmitJob submit = job();
    submit.request.reservation = std::move(reservation);
    submit.request.user_id = user;
    const Reply reply = run(std::move(submit));
    refused = reply.code;
    return reply.job;
  }
  /// Whether it starts on the node, as a planner that knows of no reservation would have it.
  bool starts(JobId id, model::NodeId node, std::string reservation = {}, std::uint64_t cores = 1) {
    Schedule plan;
    model::NodeShare share{.node = node, .cpus = 1, .memory_mib = 1, .cores = {cores}};
    plan.starts.push_back({.job = id, .partition = "all", .shares = {share}, .reservation = std::move(reservation)});
    run(std::move(plan));
    return at(id).state.running();
  }
  Errc refused = Errc::success;
};

TEST(Reservation, one_without_a_name_is_named_after_whom_it_is_for) {
  ReservedWorld w;
  EXPECT_EQ(w.put(w.draft("", {0})).text, "alice_1");
  Reservation second = w.draft("", {1});
  second.accounts = "physics,math";
  EXPECT_EQ(w.put(second).text, "physics_2");
  EXPECT_EQ(w.put(w.draft("alice_1", {2})).code, Errc::reservation_name_dup);
  const auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded->reservation("physics_2"), *w.state.reservation("physics_2"));
  EXPECT_EQ(state_hash(*loaded), state_hash(w.state));
}

TEST(Reservation, two_do_not_have_a_node_at_the_same_time) {
  ReservedWorld w;
  w.put(w.draft("a", {0, 1}));
  EXPECT_EQ(w.put(w.draft("b", {1, 2})).code, Errc::reservation_overlap);
  EXPECT_EQ(w.put(w.draft("later", {1}, 3600)).code, Errc::success);
  Reservation layered = w.draft("c", {1});
  layered.flags = flag::overlap;
  EXPECT_EQ(w.put(layered).code, Errc::success);
}

TEST(Reservation, a_job_that_would_run_into_one_speaks_against_it) {
  ReservedWorld w;
  const JobId job = w.submit();  // of ten minutes
  w.start(job, 1);
  EXPECT_EQ(w.put(w.draft("a", {1})).code, Errc::nodes_busy);
  EXPECT_EQ(w.put(w.draft("later", {1}, 600)).code, Errc::success);
  Reservation in_spite = w.draft("b", {1});
  in_spite.flags = flag::ignore_jobs;
  in_spite.end = w.now + 60;
  EXPECT_EQ(w.put(in_spite).code, Errc::success);
}

TEST(Reservation, what_others_have_reserved_no_job_gets) {
  ReservedWorld w;
  w.put(w.draft("a", {0}));
  w.put(w.draft("soon", {1}, 300));
  const JobId outside = w.submit();  // ten minutes: into the second one
  EXPECT_FALSE(w.starts(outside, 0));
  EXPECT_FALSE(w.starts(outside, 1));
  EXPECT_TRUE(w.starts(outside, 2));
  const JobId inside = w.submit_in("a");
  EXPECT_FALSE(w.starts(inside, 2, "a")) << "a node that is not its own";
  EXPECT_FALSE(w.starts(inside, 0)) << "without the reservation";
  EXPECT_TRUE(w.starts(inside, 0, "a"));
  EXPECT_EQ(w.at(inside).reservation, "a");
  const JobId early = w.submit_in("soon");
  EXPECT_FALSE(w.starts(early, 1, "soon")) << "before it begins";
  w.now.v += 300;
  EXPECT_TRUE(w.starts(early, 1, "soon"));
}

TEST(Reservation, cores_are_kept_apart_on_one_node) {
  ReservedWorld w;
  Reservation cores = w.draft("cores", {});
  cores.nodes = {{0, {0b0011}}};
  cores.whole_nodes = false;
  ASSERT_EQ(w.put(cores).code, Errc::success);
  const JobId outside = w.submit(), inside = w.submit_in("cores");
  EXPECT_FALSE(w.starts(outside, 0, "", 0b0010));
  EXPECT_TRUE(w.starts(outside, 0, "", 0b0100));
  EXPECT_FALSE(w.starts(inside, 0, "cores", 0b1000));
  EXPECT_TRUE(w.starts(inside, 0, "cores", 0b0001));
}

TEST(Reservation, only_those_it_is_for_may_use_it) {
  ReservedWorld w;
  w.put(w.draft("a", {0}));
  Reservation denied = w.draft("others", {1});
  denied.users = "-alice";
  denied.users_denied = true;
  w.put(denied);
  EXPECT_FALSE(w.submit_in("a", 1001).v);
  EXPECT_EQ(w.refused, Errc::reservation_access);
  EXPECT_FALSE(w.submit_in("none").v);
  EXPECT_EQ(w.refused, Errc::reservation_invalid);
  EXPECT_FALSE(w.submit_in("others").v);
  EXPECT_TRUE(w.submit_in("others", 1001).v);
  EXPECT_FALSE(w.submit_in("a,others").v);
}

TEST(Reservation, jobs_end_with_it_and_it_goes) {
  ReservedWorld w;
  w.put(w.draft("a", {0}));
  const JobId job = w.submit_in("a");
  UpdateJobs longer{.targets = {{.job = job, .tasks = {}}}, .by_operator = true};
  longer.time_limit = 600;
  w.run(longer);
  ASSERT_TRUE(w.starts(job, 0, "a"));
  EXPECT_EQ(w.run(DeleteReservation{"a"}).code, Errc::reservation_busy);
  w.now.v += 3601;
  EXPECT_TRUE(reservations_due(w.state, w.now, 0));
  w.run(Tick{60});
  EXPECT_EQ(w.shown(job), "RUNNING") << "it may overrun by a minute";
  EXPECT_TRUE(w.state.reservation("a"));
  w.now.v += 60;
  w.run(Tick{60});
  EXPECT_EQ(w.at(job).state.base, model::JobBase::timeout);
  w.run(Tick{60});
  EXPECT_FALSE(w.state.reservation("a"));
  EXPECT_FALSE(reservations_due(w.state, w.now, 0));
}

TEST(Reservation, waiting_jobs_are_held_when_it_is_over) {
  ReservedWorld w;
  w.put(w.draft("a", {0}));
  Reservation gentle = w.draft("gentle", {1});
  gentle.flags = flag::no_hold_jobs;
  w.put(gentle);
  const JobId held = w.submit_in("a"), free = w.submit_in("gentle"), other = w.submit_in("a,gentle");
  w.now.v += 3601;
  w.run(Tick{});
  EXPECT_EQ(w.at(held).priority, 0u);
  EXPECT_EQ(w.at(held).reason, model::JobReason::reservation_deleted);
  EXPECT_EQ(w.at(held).state_desc, "Reservation a was deleted");
  EXPECT_NE(w.at(free).priority, 0u);
  EXPECT_NE(w.at(other).priority, 0u);
  EXPECT_TRUE(w.at(held).request->reservation.empty());
  UpdateJobs release{.targets = {{.job = held, .tasks = {}}}, .by_operator = true};
  release.priority = kInfinite32;
  w.run(release);
  EXPECT_NE(w.at(held).priority, 0u);
  EXPECT_EQ(w.at(held).reason, model::JobReason::none);
  EXPECT_FALSE(w.at(held).state.has(model::job_flag::reservation_deleted));
}

TEST(Reservation, an_unused_one_is_purged) {
  ReservedWorld w;
  Reservation r = w.draft("a", {0});
  r.flags = flag::purge_comp;
  r.purge_after_s = 120;
  w.put(r);
  w.run(Tick{});
  EXPECT_EQ(w.state.reservation("a")->idle_since, w.now);
  w.now.v += 100;
  const JobId job = w.submit_in("a");
  w.run(Tick{});
  EXPECT_FALSE(w.state.reservation("a")->idle_since);
  w.cancel({{.job = job, .tasks = {}}});
  w.run(Tick{});
  w.now.v += 119;
  EXPECT_FALSE(reservations_due(w.state, w.now, 0));
  w.now.v += 1;
  ASSERT_TRUE(reservations_due(w.state, w.now, 0));
  w.run(Tick{});
  EXPECT_FALSE(w.state.reservation("a"));
}

TEST(Reservation, a_change_of_what_is_no_more_so_is_refused) {
  ReservedWorld w;
  w.put(w.draft("a", {0}));
  const Reservation seen = *w.state.reservation("a");
  Reservation first = seen, second = seen;
  first.partition = "all";
  second.nodes = {{1, {}}};
  EXPECT_EQ(w.run(PutReservation{.reservation = first, .replaces = seen.version}).code, Errc::success);
  EXPECT_EQ(w.run(PutReservation{.reservation = second, .replaces = seen.version}).code, Errc::outdated);
  EXPECT_EQ(w.state.reservation("a")->nodes, seen.nodes);
  EXPECT_EQ(w.state.reservation("a")->partition, "all");
}

TEST(Reservation, it_follows_the_configuration) {
  ReservedWorld w;
  w.put(w.draft("one", {0}));
  w.put(w.draft("two", {1, 2}));
  Reservation all = w.draft("all", {0, 1, 2, 3});
  all.flags = flag::all_nodes | flag::overlap;
  w.put(all);
  Reservation partition = w.draft("partition", {0, 1, 2, 3});
  partition.flags = flag::part_nodes | flag::overlap;
  partition.partition = "all";
  w.put(partition);
  EXPECT_EQ(w.run(DeletePartition{"all"}).code, Errc::partition_in_use);
  Configure smaller;
  smaller.settings = w.state.settings;
  for (model::NodeId node : {1u, 3u}) smaller.nodes.push_back(w.state.node(node)->config);
  smaller.nodes.push_back({.name = "x9"});
  model::Partition one{.name = "all"};
  one.nodes_text = "n2";
  smaller.partitions.push_back(one);
  w.run(std::move(smaller));
  EXPECT_FALSE(w.state.reservation("one"));
  using Nodes = std::vector<model::ReservedNode>;
  EXPECT_EQ(w.state.reservation("two")->nodes, (Nodes{{1, {}}}));
  EXPECT_EQ(w.state.reservation("all")->nodes, (Nodes{{1, {}}, {3, {}}, {4, {}}}));
  EXPECT_EQ(w.state.reservation("partition")->nodes, (Nodes{{1, {}}}));
}

TEST(Reservation, licenses_are_reserved_once) {
  ReservedWorld w;
  w.state.settings.licenses = "matlab:4";
  Reservation r = w.draft("a", {0});
  r.licenses = "matlab:3";
  EXPECT_EQ(w.put(r).code, Errc::success);
  Reservation more = w.draft("b", {1});
  more.licenses = "matlab:2";
  EXPECT_EQ(w.put(more).code, Errc::invalid_licenses);
  more.licenses = "matlab";
  EXPECT_EQ(w.put(more).code, Errc::success);
  more.name = "c";
  more.licenses = "none";
  EXPECT_EQ(w.put(more).code, Errc::reservation_overlap);
}

}  // namespace
}  // namespace flurm::state
