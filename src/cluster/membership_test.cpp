// cluster/membership_test.cpp — the log's members come and go while it is written: from one to three and back.
#include <filesystem>

#include "base/log.hpp"
#include "cluster/test_world.hpp"
#include "gtest/gtest.h"
#include "io/process.hpp"
#include "replog/directory.hpp"
#include "replog/raft_log.hpp"

namespace flurm::cluster {
namespace {

namespace fs = std::filesystem;

class Counter : public replog::Machine {
 public:
  void apply(std::uint64_t index, std::string_view entry) override {
    EXPECT_EQ(index, ++count);
    sum += entry;
  }
  replog::SnapshotJob take_snapshot() override {
    return [copy = sum] { return copy; };
  }
  Result<void> restore(std::uint64_t index, std::string_view bytes) override {
    count = index;
    sum = bytes;
    ++restores;
    return {};
  }
  std::uint64_t count = 0;
  std::string sum;
  int restores = 0;
};

constexpr std::size_t kMost = 5;

class MembershipTest : public testing::Test {
 protected:
  struct One {
    Counter machine;
    std::unique_ptr<Link> link;
    std::unique_ptr<replog::Log> log;
  };

  void SetUp() override {
    io::ignore_sigpipe();
    log_set_level(Level::fatal);
    path_ = fs::temp_directory_path() / ("flurm-members-" + std::to_string(getpid()));
    fs::remove_all(path_);
    fs::create_directories(path_);
    members_ = local_members(kMost);
  }
  void TearDown() override {
    for (std::size_t i = 0; i < kMost; ++i) stop(i);
    fs::remove_all(path_);
    log_set_level(Level::info);
  }

  replog::Member log_member(std::size_t i) const { return {members_[i].id, "address " + members_[i].name}; }

  /// The first one founds the log alone; the others join.
  void start(std::size_t i) {
    One& one = ones_[i].emplace();
    one.link = Link::make(loop_, link_options(members_, i));
    ASSERT_TRUE(one.link->start());
    replog::RaftOptions options;
    options.directory = path_ / members_[i].name;
    options.self = members_[i].id;
    options.members.push_back(log_member(i));
    options.transport = one.link.get();
    options.snapshot_threshold = 60;
    options.snapshot_trailing = 10;
    options.segment_bytes = 1 << 20;
    options.election_timeout_ms = 150;
    options.heartbeat_ms = 50;
    one.log = make_raft_log(loop_, one.machine, options);
    std::vector<replog::Member> known;
    for (std::size_t j = 0; j < kMost; ++j) known.push_back(log_member(j));
    if (i > 0) one.log->join(std::move(known));
    const Result<void> started = result_of(loop_, one.log->start());
    ASSERT_TRUE(started) << started.error().text;
  }
  void stop(std::size_t i) {
    if (!ones_[i]) return;
    io::run_task(loop_, [&] { return ones_[i]->log->stop(); });
    ones_[i]->log.reset();
    io::run_task(loop_, [&] { return ones_[i]->link->stop(); });
    ones_[i].reset();
  }
  /// kMost: none.
  std::size_t leading() {
    for (std::size_t i = 0; i < kMost; ++i)
      if (ones_[i] && ones_[i]->log->leads()) return i;
    return kMost;
  }
  replog::Log& leader() {
    EXPECT_TRUE(wait_for(loop_, [&] { return leading() < kMost; }));
    return *ones_[leading()]->log;
  }
  void commit(int count) {
    for (int n = 0; n < count; ++n) {
      const std::string entry = std::to_string(committed_ + 1) + " ";
      auto done = result_of(loop_, leader().commit({entry}));
      // On a busy machine another one may lead meanwhile. Then the entry may be there twice, on all of them.
      while (!done && done.error().code == Errc::not_leader) done = result_of(loop_, leader().commit({entry}));
      ASSERT_TRUE(done) << done.error().text;
      ASSERT_GT(*done, committed_);
      committed_ = *done;
    }
  }
  bool has_all(std::size_t i) {
    return wait_for(loop_, [&] { return ones_[i]->machine.count == committed_; }) &&
           ones_[i]->machine.sum == ones_[leading()]->machine.sum;
  }
  void add(std::size_t i) {
    const Result<void> added = result_of(loop_, leader().add_member(log_member(i)));
    ASSERT_TRUE(added) << added.error().text;
    promote(i);
  }
  void promote(std::size_t i) {
    const Result<void> promoted = result_of(loop_, leader().promote_member(members_[i].id));
    ASSERT_TRUE(promoted) << promoted.error().text;
  }
  std::size_t voters(std::size_t i) {
    std::size_t count = 0;
    for (const replog::Member& member : ones_[i]->log->members()) count += member.votes;
    return count;
  }

  io::Loop loop_;
  fs::path path_;
  std::vector<Member> members_;
  std::optional<One> ones_[kMost];
  std::uint64_t committed_ = 0;
};

TEST_F(MembershipTest, one_grows_to_five_and_shrinks_and_the_first_one_goes) {
  start(0);
  commit(200);  // beyond the first snapshots
  for (std::size_t i = 1; i < kMost; ++i) {
    start(i);
    EXPECT_TRUE(ones_[i]->log->members().empty());
    add(i);
    commit(70);
    ASSERT_TRUE(has_all(i)) << i;
    EXPECT_GT(ones_[i]->machine.restores, 0) << "came by a snapshot";
    EXPECT_FALSE(replog::directory_is_joining(path_ / members_[i].name));
  }
  for (std::size_t i = 0; i < kMost; ++i) {
    EXPECT_TRUE(wait_for(loop_, [&] { return voters(i) == 5; })) << i;
    EXPECT_EQ(ones_[i]->log->members()[1].address, "address ctl2");
  }
  // The leader dies; the others go on without it, and remove it.
  stop(0);
  commit(20);
  ASSERT_TRUE(result_of(loop_, leader().remove_member(members_[0].id)));
  commit(80);
  // A leader that removes itself leads no more.
  const std::size_t last = leading();
  ASSERT_TRUE(result_of(loop_, leader().remove_member(members_[last].id)));
  ASSERT_TRUE(wait_for(loop_, [&] { return leading() < kMost && leading() != last; }));
  commit(20);
  // They start again from their files, as the members that they are now, whatever their lists say.
  for (std::size_t i = 1; i < kMost; ++i) {
    stop(i);
    start(i);
  }
  commit(5);
  EXPECT_EQ(voters(leading()), 3u);
  EXPECT_NE(leading(), last);
  for (std::size_t i = 1; i < kMost; ++i) EXPECT_TRUE(i == last || has_all(i)) << i;
}

TEST_F(MembershipTest, changes_that_cannot_be_are_refused) {
  start(0);
  commit(1);
  EXPECT_EQ(result_of(loop_, leader().add_member(log_member(0))).error().code, Errc::einval);
  EXPECT_EQ(result_of(loop_, leader().remove_member(members_[1].id)).error().code, Errc::einval);
  EXPECT_EQ(result_of(loop_, leader().promote_member(members_[1].id)).error().code, Errc::einval);
  EXPECT_EQ(result_of(loop_, leader().hand_over(members_[1].id)).error().code, Errc::einval);
  // One that is away is added, and counts for nothing until it is there.
  ASSERT_TRUE(result_of(loop_, leader().add_member(log_member(1))));
  EXPECT_EQ(voters(0), 1u);
  commit(5);
  start(1);
  promote(1);
  ASSERT_TRUE(has_all(1));
  EXPECT_EQ(result_of(loop_, ones_[1]->log->remove_member(members_[0].id)).error().code, Errc::not_leader);
  ASSERT_TRUE(result_of(loop_, leader().hand_over(members_[1].id)));
  ASSERT_TRUE(wait_for(loop_, [&] { return leading() == 1; }));
  commit(3);
}

}  // namespace
}  // namespace flurm::cluster
