// replog/raft_election_test.cpp — who waits how long, and whom a follower stands by.
#include "replog/raft_election.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

extern "C" {
#include <raft.h>
}

#include "replog/raft_acknowledged.hpp"

namespace flurm::replog {
namespace {

raft_time now_ms;

class RaftElectionTest : public testing::Test {
 protected:
  RaftElectionTest() {
    now_ms = 10'000;
    io_.time = [](raft_io*) { return now_ms; };
    raft_.io = &io_;
    raft_.state = RAFT_FOLLOWER;
    raft_.election_timeout = 150;
    raft_.election_timer_start = now_ms;
    raft_.follower_state.randomized_election_timeout = 200;
    raft_configuration_init(&raft_.configuration);
    for (const raft_id id : {3, 1, 2})
      raft_configuration_add(&raft_.configuration, id, std::to_string(id).c_str(), RAFT_VOTER);
  }
  ~RaftElectionTest() override {
    follow(0);
    raft_configuration_close(&raft_.configuration);
  }
  void follow(raft_id leader) {
    auto& known = raft_.follower_state.current_leader;
    raft_free(known.address);
    known.address = nullptr;
    known.id = leader;
    if (leader == 0) return;
    known.address = static_cast<char*>(raft_malloc(2));
    std::strcpy(known.address, "x");
  }
  raft_id follows() const { return raft_.follower_state.current_leader.id; }
  unsigned timeout() const { return raft_.follower_state.randomized_election_timeout; }

  raft_io io_{};
  raft raft_{};
};

TEST_F(RaftElectionTest, parts_of_the_range_do_not_meet) {
  for (const raft_id leader : {0, 2}) {
    int last = 150;
    for (const raft_id self : {1, 2, 3}) {
      if (self == leader) continue;
      raft_.id = self;
      follow(leader);
      const auto [from, to] = own_part(raft_, 150, 300);
      EXPECT_GE(from, last + 6) << "member " << self << ", leader " << leader;
      EXPECT_GT(to, from);
      EXPECT_LT(to, 300);
      last = to;
    }
  }
}

TEST_F(RaftElectionTest, a_member_that_may_not_be_elected_counts_for_nothing) {
  raft_.configuration.servers[1].role = RAFT_STANDBY;  // member 1
  raft_.id = 2;
  follow(3);
  EXPECT_EQ(own_part(raft_, 150, 300), (std::pair<int, int>{168, 205}));
  raft_.configuration.n = 0;
  EXPECT_EQ(own_part(raft_, 150, 300).first, 168);
}

TEST_F(RaftElectionTest, a_leader_is_stood_by_for_one_timeout_and_no_longer) {
  raft_.id = 2;
  follow(1);
  now_ms += 149;
  doubt_leader(raft_, {});
  EXPECT_EQ(follows(), 1u);
  now_ms += 1;
  doubt_leader(raft_, {});
  EXPECT_EQ(follows(), 0u);
  doubt_leader(raft_, {});
  EXPECT_EQ(timeout(), 200u);
}

TEST_F(RaftElectionTest, who_has_more_than_the_one_that_asks_does_not_wait_for_it) {
  raft_.id = 3;
  follow(1);
  raft_.log.offset = 7;  // the index of its last entry
  raft_request_vote asked{};
  asked.last_log_index = 7;
  doubt_leader(raft_, asked);
  EXPECT_EQ(timeout(), 200u);
  asked.last_log_index = 6;
  doubt_leader(raft_, asked);
  EXPECT_EQ(follows(), 1u);  // which may still be heard
  EXPECT_EQ(timeout(), 162u);
}

TEST_F(RaftElectionTest, of_two_that_saw_the_leader_end_one_goes_first) {
  now_ms += 30;
  raft_.id = 1;
  follow(2);
  leader_is_gone(raft_, 2);
  EXPECT_EQ(follows(), 0u);
  EXPECT_EQ(timeout(), 30u);  // has passed already
  raft_.id = 3;
  raft_.follower_state.randomized_election_timeout = 200;
  follow(2);
  leader_is_gone(raft_, 2);
  EXPECT_EQ(timeout(), 80u);
  // Who would have stood sooner anyway keeps to that.
  raft_.follower_state.randomized_election_timeout = 40;
  follow(2);
  leader_is_gone(raft_, 2);
  EXPECT_EQ(timeout(), 40u);
}

TEST_F(RaftElectionTest, a_refused_question_is_asked_again_soon_and_a_refused_vote_is_not) {
  raft_.id = 2;
  raft_.state = RAFT_CANDIDATE;
  raft_.candidate_state = {};
  raft_.candidate_state.randomized_election_timeout = 200;
  const auto waits = [&] { return raft_.candidate_state.randomized_election_timeout; };
  now_ms += 61;
  raft_.candidate_state.in_pre_vote = false;
  ask_again(raft_);
  EXPECT_EQ(waits(), 200u);
  raft_.candidate_state.in_pre_vote = true;
  ask_again(raft_);
  EXPECT_EQ(waits(), 200u);  // the one before it goes first
  now_ms += 1;
  ask_again(raft_);
  EXPECT_EQ(waits(), 62u);
  raft_.candidate_state = {};
  raft_.state = RAFT_FOLLOWER;
  raft_.follower_state = {};
}

TEST_F(RaftElectionTest, the_end_of_another_follower_changes_nothing) {
  raft_.id = 1;
  follow(2);
  leader_is_gone(raft_, 3);
  EXPECT_EQ(follows(), 2u);
  EXPECT_EQ(timeout(), 200u);
  raft_.state = RAFT_LEADER;
  leader_is_gone(raft_, 2);
  doubt_leader(raft_, {});
  raft_.state = RAFT_FOLLOWER;
}

// ---- who lost what it had

raft_append_entries_result heard(Acknowledged& acknowledged, raft_id member, raft_index rejected, raft_index last) {
  raft_append_entries_result result{};
  result.rejected = rejected;
  result.last_log_index = last;
  acknowledged.hear(member, result);
  return result;
}

TEST(Acknowledged, a_member_that_lost_its_log_is_believed_once) {
  Acknowledged acknowledged;
  EXPECT_EQ(heard(acknowledged, 1, 0, 100).rejected, 0u);
  EXPECT_EQ(heard(acknowledged, 1, 0, 90).rejected, 0u);  // came late
  EXPECT_EQ(heard(acknowledged, 2, 100, 0).rejected, 100u) << "another member, that never had it";
  EXPECT_EQ(heard(acknowledged, 1, 100, 0).rejected, 101u);
  EXPECT_EQ(heard(acknowledged, 1, 100, 0).rejected, 100u);
  EXPECT_EQ(heard(acknowledged, 1, 0, 50).rejected, 0u);
  EXPECT_EQ(heard(acknowledged, 1, 50, 49).rejected, 51u);
}

TEST(Acknowledged, late_refusals_stay_what_they_are) {
  Acknowledged acknowledged;
  heard(acknowledged, 1, 0, 100);
  EXPECT_EQ(heard(acknowledged, 1, 60, 100).rejected, 60u) << "it has all";
  EXPECT_EQ(heard(acknowledged, 1, 120, 100).rejected, 120u) << "more than it has";
  acknowledged.clear();
  EXPECT_EQ(heard(acknowledged, 1, 60, 20).rejected, 60u) << "another reign";
}

}  // namespace
}  // namespace flurm::replog
