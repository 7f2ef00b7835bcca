// ctld/colleagues_test.cpp — three controllers whose log and link are made up, so that leaders fall and answers are
// lost exactly where it hurts.
#include "ctld/colleagues.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <random>
#include <thread>

#include "state/world.hpp"

namespace flurm::ctld {
namespace {

/// What a quorum has agreed on, and who leads. The members' logs below show it.
struct Agreed {
  std::vector<std::string> entries;
  std::uint64_t leader = 1, term = 1;
  bool lose_answers = false;  // the leader commits, and falls before it can say so
};

class MadeUpLog final : public replog::Log {
 public:
  MadeUpLog(io::Loop& loop, Agreed& agreed, std::uint64_t self, replog::Machine& machine)
      : Log(loop), agreed_(agreed), self_(self), machine_(machine) {}

  void join(std::vector<replog::Member>) override {}
  io::Task<Result<void>> start() override { co_return Result<void>{}; }
  io::Task<void> stop() override { co_return; }
  io::Task<Result<void>> hand_over(std::uint64_t) override { co_return Result<void>{}; }
  std::vector<replog::Member> members() const override { return {}; }
  bool has_settled() const override { return true; }
  void on_members(OnMembers) override {}
  io::Task<Result<void>> add_member(replog::Member) override { co_return Result<void>{}; }
  io::Task<Result<void>> promote_member(std::uint64_t) override { co_return Result<void>{}; }
  io::Task<Result<void>> remove_member(std::uint64_t) override { co_return Result<void>{}; }
  void propose(std::vector<std::string> entries, Done done) override {
    if (!leads()) return done(fail(Errc::not_leader));
    for (std::string& entry : entries) agreed_.entries.push_back(std::move(entry));
    if (agreed_.lose_answers) return done(fail(Errc::not_leader, "lost before it was told"));
    catch_up();
    done(agreed_.entries.size());
  }
  bool leads() const override { return cut_off ? believes : agreed_.leader == self_; }
  std::uint64_t leader() const override { return cut_off ? (believes ? self_ : 0) : agreed_.leader; }
  replog::Position position() const override { return {.term = agreed_.term, .applied = applied_}; }
  void on_leadership(OnLeadership) override {}
  void on_leader(OnLeader) override {}
  void on_fatal(std::move_only_function<void(Error)>) override {}

  void catch_up() {
    while (applied_ < agreed_.entries.size()) {
      const std::uint64_t index = ++applied_;
      machine_.apply(index, agreed_.entries[index - 1]);
    }
  }
  bool cut_off = false, believes = false;  // cut off from the others, and does it believe that it leads?

 private:
  Agreed& agreed_;
  std::uint64_t self_, applied_ = 0;
  replog::Machine& machine_;
};

struct Member {
  Member(io::Loop& loop, Agreed& agreed, std::uint64_t self, Colleagues::Carry carry)
      : replica(loop),
        log(loop, agreed, self, replica),
        colleagues(loop, log, replica, {.self = self, .session = 100 + self, .patience_ms = 1000}, std::move(carry)) {
    replica.attach(log, colleagues);
  }
  Replica replica;
  MadeUpLog log;
  Colleagues colleagues;
};

class ColleaguesTest : public testing::Test {
 protected:
  ColleaguesTest() {
    for (std::uint64_t id = 1; id <= 3; ++id) {
      members.push_back(std::make_unique<Member>(
          loop, agreed, id, [this, id](std::uint64_t to, Ask ask, std::string body, std::uint64_t) {
            return carry(id, to, ask, std::move(body));
          }));
    }
    for (std::uint64_t id = 1; id <= 3; ++id) members[id - 1]->colleagues.set_others({id % 3 + 1, (id + 1) % 3 + 1});
    state::Configure configure;
    configure.settings.cluster_name = "test";
    configure.settings.max_job_count = configure.settings.max_array_size = 200000;
    configure.partitions.push_back({.name = "all"});
    EXPECT_TRUE(propose(1, std::move(configure)));
    catch_up();
  }

  io::Task<Result<std::string>> carry(std::uint64_t from, std::uint64_t to, Ask ask, std::string body) {
    ++carried;
    auto pausing = io::sleep(loop, 1);
    co_await pausing;
    if (members[from - 1]->log.cut_off || members[to - 1]->log.cut_off) {
      auto nothing = io::sleep(loop, 100);
      co_await nothing;
      co_return fail(Errc::communications_receive, "cut off");
    }
    if (lose && random() % 4 == 0) co_return fail(Errc::communications_send, "question lost");
    auto answering = members[to - 1]->colleagues.answer(from, ask, std::move(body));
    Result<std::string> answer = co_await answering;
    if (lose && random() % 4 == 0) co_return fail(Errc::communications_receive, "answer lost");
    co_return answer;
  }

  void catch_up() {
    for (auto& each : members) each->log.catch_up();
  }
  template <class T>
  static io::Task<> into(io::Task<T> task, std::optional<T>& out) {
    out = co_await task;
  }
  /// Turns the loop until `done`, and lets the followers see what was agreed on `lag_ms` later.
  template <class Done>
  void turn(Done done) {
    io::Timer timer(loop, [&] {
      if (!lagging) catch_up();
      if (done()) loop.stop();
    });
    timer.start(1, 1);
    loop.run();
  }
  Result<state::Reply> propose(std::uint64_t at, state::Command command) {
    std::optional<Result<state::Reply>> out;
    io::spawn(into(members[at - 1]->colleagues.propose(std::move(command)), out));
    turn([&] { return out.has_value(); });
    return *out;
  }
  Result<void> fence(std::uint64_t at, std::uint64_t ms = 1000) {
    std::optional<Result<void>> out;
    io::spawn(into(members[at - 1]->colleagues.fence(io::Deadline::in_ms(ms)), out));
    turn([&] { return out.has_value(); });
    return *out;
  }
  static state::SubmitJob job() {
    state::SubmitJob submit;
    submit.request.user_id = 1000;
    submit.request.min_cpus = submit.request.min_nodes = 1;
    submit.partitions = "all";
    submit.time_limit = 10;
    return submit;
  }
  std::size_t jobs(std::uint64_t at) { return members[at - 1]->replica.snapshot()->jobs.size(); }

  io::Loop loop;
  Agreed agreed;
  std::vector<std::unique_ptr<Member>> members;
  std::mt19937 random{1};
  bool lose = false, lagging = false;
  int carried = 0;
};

TEST_F(ColleaguesTest, a_proposal_at_any_member_is_applied_and_seen_there) {
  for (std::uint64_t at = 1; at <= 3; ++at) {
    const auto reply = propose(at, job());
    ASSERT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->code, Errc::success);
    EXPECT_NE(members[at - 1]->replica.snapshot()->job(reply->job), nullptr);
  }
}

TEST_F(ColleaguesTest, lost_questions_and_answers_neither_lose_nor_double) {
  lose = true;
  std::vector<std::optional<Result<state::Reply>>> out(60);
  for (std::size_t i = 0; i < out.size(); ++i) io::spawn(into(members[i % 3]->colleagues.propose(job()), out[i]));
  turn([&] { return std::all_of(out.begin(), out.end(), [](const auto& each) { return each.has_value(); }); });
  std::set<std::uint32_t> ids;
  for (const auto& each : out) {
    ASSERT_TRUE(*each) << (*each).error().text;
    ids.insert((*each)->job.v);
  }
  EXPECT_EQ(ids.size(), out.size());
  EXPECT_EQ(jobs(1), out.size());
}

TEST_F(ColleaguesTest, a_leader_lost_between_commit_and_answer_doubles_nothing) {
  agreed.lose_answers = true;
  std::optional<Result<state::Reply>> at_leader, at_follower;
  io::spawn(into(members[0]->colleagues.propose(job()), at_leader));
  io::spawn(into(members[1]->colleagues.propose(job()), at_follower));
  int turns = 0;
  turn([&] { return ++turns > 30; });
  EXPECT_FALSE(at_leader || at_follower);
  agreed.lose_answers = false;
  agreed.leader = 3;
  ++agreed.term;
  turn([&] { return at_leader && at_follower; });
  ASSERT_TRUE(*at_leader && *at_follower);
  EXPECT_NE((*at_leader)->job, (*at_follower)->job);
  EXPECT_EQ(jobs(3), 2u);
}

TEST_F(ColleaguesTest, without_a_leader_a_proposal_waits_and_then_gives_up) {
  agreed.leader = 0;
  std::optional<Result<state::Reply>> out;
  io::spawn(into(members[1]->colleagues.propose(job()), out));
  int turns = 0;
  turn([&] { return ++turns > 50; });
  EXPECT_FALSE(out);
  agreed.leader = 3;
  turn([&] { return out.has_value(); });
  EXPECT_TRUE(*out);
  agreed.leader = 0;
  const auto none = propose(1, job());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::timed_out);
}

TEST_F(ColleaguesTest, a_read_behind_a_fence_sees_what_was_acknowledged) {
  lagging = true;
  ASSERT_TRUE(propose(1, job()));
  EXPECT_EQ(jobs(2), 0u);
  EXPECT_FALSE(fence(2, 30));
  lagging = false;
  ASSERT_TRUE(fence(2));
  EXPECT_EQ(jobs(2), 1u);
}

TEST_F(ColleaguesTest, a_leader_that_others_left_cannot_read) {
  EXPECT_TRUE(fence(1));
  agreed.leader = 2;
  ++agreed.term;
  members[0]->log.cut_off = members[0]->log.believes = true;
  EXPECT_FALSE(fence(1, 300));
  members[0]->log.cut_off = false;
  EXPECT_TRUE(fence(1));
  EXPECT_TRUE(fence(3));
}

TEST_F(ColleaguesTest, without_a_majority_readers_wait_once) {
  for (int i : {0, 1}) members[static_cast<std::size_t>(i)]->log.cut_off = true;
  agreed.leader = 0;
  const auto ask = [&] {
    std::optional<bool> out;
    io::spawn(into(members[2]->colleagues.in_touch(), out));
    turn([&] { return out.has_value(); });
    return *out;
  };
  EXPECT_FALSE(ask());
  const std::uint64_t begin = io::monotonic_ms();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(ask());
  EXPECT_LT(io::monotonic_ms() - begin, 1000u) << "each waited";
  members[0]->log.cut_off = false;
  agreed.leader = 1;
  turn([&, count = 0]() mutable { return ++count > 200; });
  EXPECT_TRUE(ask());
}

// Frozen and woken again, it must not take itself for cut off: what it would answer then may be old.
TEST_F(ColleaguesTest, a_reader_that_stood_still_looks_again) {
  agreed.leader = 0;
  std::optional<bool> current;
  io::spawn(into(members[1]->colleagues.in_touch(), current));
  turn([count = 0]() mutable { return ++count > 20; });
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  agreed.leader = 1;
  turn([&] { return current.has_value(); });
  EXPECT_TRUE(*current);
}

TEST_F(ColleaguesTest, reads_share_rounds) {
  std::vector<std::optional<Result<void>>> out(200);
  carried = 0;
  for (auto& each : out) io::spawn(into(members[1]->colleagues.fence(io::Deadline::in_ms(1000)), each));
  turn([&] { return std::all_of(out.begin(), out.end(), [](const auto& each) { return each.has_value(); }); });
  EXPECT_LE(carried, 9) << "three questions for a round of a follower";
}

}  // namespace
}  // namespace flurm::ctld
