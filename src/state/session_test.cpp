// state/session_test.cpp — a proposal made twice is applied once, and what is remembered for that is bounded.
#include "state/session.hpp"

#include <gtest/gtest.h>

#include "state/world.hpp"

namespace flurm::state {
namespace {

using test::World;

Reply submit_as(World& w, RequestId id) { return apply(w.state, {.now = w.now, .command = w.job(), .id = id}); }

TEST(Session, a_repeated_proposal_gets_the_first_reply) {
  World w;
  const Reply first = submit_as(w, {.session = 7, .number = 1});
  const std::uint64_t jobs = w.state.jobs.size();
  EXPECT_EQ(submit_as(w, {.session = 7, .number = 1}), first);
  EXPECT_EQ(w.state.jobs.size(), jobs);
  EXPECT_NE(submit_as(w, {.session = 7, .number = 2}).job, first.job);
  EXPECT_NE(submit_as(w, {.session = 8, .number = 1}).job, first.job);
}

TEST(Session, it_is_remembered_across_a_snapshot) {
  World w;
  const Reply first = submit_as(w, {.session = 7, .number = 1});
  Result<ClusterState> loaded = load(save(w.state));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(state_hash(*loaded), state_hash(w.state));
  EXPECT_EQ(apply(*loaded, {.now = w.now, .command = w.job(), .id = {.session = 7, .number = 1}}), first);
}

TEST(Session, order_does_not_matter) {
  World w;
  const Reply third = submit_as(w, {.session = 7, .number = 3});
  const Reply first = submit_as(w, {.session = 7, .number = 1});
  EXPECT_NE(first.job, third.job);
  EXPECT_EQ(submit_as(w, {.session = 7, .number = 3}), third);
}

TEST(Session, what_was_given_up_never_happens) {
  World w;
  submit_as(w, {.session = 7, .number = 2, .answered = 1});
  const std::uint64_t jobs = w.state.jobs.size();
  const Reply late = submit_as(w, {.session = 7, .number = 1});
  EXPECT_EQ(late.code, Errc::timed_out);
  EXPECT_EQ(w.state.jobs.size(), jobs);
}

TEST(Session, only_what_may_be_asked_for_is_kept) {
  World w;
  for (std::uint64_t n = 1; n <= 1000; ++n) submit_as(w, {.session = 7, .number = n, .answered = n > 10 ? n - 10 : 0});
  EXPECT_EQ(w.state.sessions.at(7).replies.size(), 10u);
  w.now = w.now + kSessionSilentS + 1;
  submit_as(w, {.session = 8, .number = 1});
  EXPECT_EQ(w.state.sessions.size(), 1u);
}

TEST(Session, replies_travel) {
  Reply reply{.code = Errc::invalid_job_id, .text = "text", .job = JobId{9}, .results = {{JobId{3}, 4, Errc::error}}};
  const auto back = decode_reply(encode(reply, kOldestFormat));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, reply);
  EXPECT_FALSE(decode_reply("x"));
}

}  // namespace
}  // namespace flurm::state
