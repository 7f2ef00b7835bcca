// ctld/concord_test.cpp — a member that stands alone with its state stops, and only that one.
#include "ctld/concord.hpp"

#include <gtest/gtest.h>

#include "io/timer.hpp"
#include "state/command.hpp"

namespace flurm::ctld {
namespace {

class ConcordTest : public testing::Test {
 protected:
  struct Member {
    std::unique_ptr<Replica> replica;
    std::unique_ptr<Concord> concord;
    int diverged = 0;
  };

  void make(std::size_t count) {
    members.resize(count);
    for (std::size_t id = 0; id < count; ++id) {
      std::vector<std::uint64_t> others;
      for (std::size_t other = 0; other < count; ++other)
        if (other != id) others.push_back(other);
      Member& member = members[id];
      member.replica = std::make_unique<Replica>(loop);
      member.concord = std::make_unique<Concord>(
          loop, Concord::Options{.every = 5, .again_ms = 1, .tries = 10}, others,
          [this](std::uint64_t whom, std::string body) { return ask(whom, std::move(body)); },
          [&member](const Error&) { ++member.diverged; });
    }
  }
  io::Task<Result<std::string>> ask(std::uint64_t whom, std::string body) {
    ++asked;
    if (whom == silent) co_return fail(Errc::timed_out);
    co_return members[whom].concord->answer(body);
  }
  /// Entries 1 to `last` at each member; at `wrong` the fourth one is another.
  void apply(std::uint64_t last, const std::set<std::size_t>& wrong) {
    for (std::size_t id = 0; id < members.size(); ++id)
      for (std::uint64_t index = 1; index <= last; ++index) {
        const std::int64_t second = index == 4 && wrong.contains(id) ? 100 : static_cast<std::int64_t>(index);
        Replica& replica = *members[id].replica;
        replica.apply(index, state::encode({.now = TimeS{second}, .command = state::Tick{}}, replica.format()));
        members[id].concord->applied(index, replica);
      }
    io::Timer end(loop, [this] { loop.stop(); });
    end.start(100);
    loop.run();
  }
  std::vector<int> diverged() const {
    std::vector<int> out;
    for (const Member& each : members) out.push_back(each.diverged);
    return out;
  }

  io::Loop loop;
  std::vector<Member> members;
  std::uint64_t silent = 99;
  int asked = 0;
};

TEST_F(ConcordTest, equal_states_are_no_news) {
  make(3);
  apply(12, {});
  EXPECT_EQ(diverged(), (std::vector<int>{0, 0, 0}));
  EXPECT_GE(asked, 12);
}

TEST_F(ConcordTest, the_one_that_differs_stops_once) {
  make(3);
  apply(12, {1});
  EXPECT_EQ(diverged(), (std::vector<int>{0, 1, 0}));
}

TEST_F(ConcordTest, without_a_majority_against_it_nobody_stops) {
  make(3);
  silent = 2;
  apply(5, {1});
  EXPECT_EQ(diverged(), (std::vector<int>{0, 0, 0}));
}

TEST_F(ConcordTest, two_of_five_stop) {
  make(5);
  apply(5, {0, 3});
  EXPECT_EQ(diverged(), (std::vector<int>{1, 0, 0, 1, 0}));
}

TEST_F(ConcordTest, a_state_that_was_not_looked_at_is_not_known) {
  make(3);
  apply(5, {});
  EXPECT_FALSE(members[0].concord->answer("short"));
  EXPECT_FALSE(members[0].concord->answer(std::string(8, '\0')));
}

}  // namespace
}  // namespace flurm::ctld
