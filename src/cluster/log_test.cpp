// cluster/log_test.cpp — the replicated log over the link: three members in one process, and the leader goes.
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "base/log.hpp"
#include "cluster/test_world.hpp"
#include "gtest/gtest.h"
#include "io/process.hpp"
#include "replog/raft_log.hpp"

// libraft leaks what it has read of a log that turns out to be damaged; the process ends then anyway.
extern "C" const char* __lsan_default_suppressions() { return "leak:libraft.so"; }

namespace flurm::cluster {
namespace {

namespace fs = std::filesystem;

class Recorder : public replog::Machine {
 public:
  void apply(std::uint64_t index, std::string_view entry) override {
    EXPECT_EQ(index, entries.size() + 1);
    entries.emplace_back(entry);
  }
  replog::SnapshotJob take_snapshot() override {
    return [copy = entries] {
      std::string bytes;
      for (const std::string& entry : copy) bytes += entry + '\n';
      return bytes;
    };
  }
  Result<void> restore(std::uint64_t index, std::string_view bytes) override {
    entries.clear();
    for (std::size_t at = 0; at < bytes.size(); at = bytes.find('\n', at) + 1)
      entries.emplace_back(bytes.substr(at, bytes.find('\n', at) - at));
    if (entries.size() != index) return fail(Errc::corrupt, "{} entries instead of {}", entries.size(), index);
    return {};
  }
  std::vector<std::string> entries;
};

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    io::ignore_sigpipe();
    log_set_level(Level::fatal);
    path_ = fs::temp_directory_path() / ("flurm-cluster-" + std::to_string(getpid()));
    fs::remove_all(path_);
    fs::create_directories(path_);
    members_ = local_members(3);
    for (std::size_t i = 0; i < 3; ++i) start(i);
  }
  void TearDown() override {
    for (std::size_t i = 0; i < 3; ++i) stop(i);
    fs::remove_all(path_);
    log_set_level(Level::info);
  }

  void start(std::size_t i) {
    machines_[i] = std::make_unique<Recorder>();
    LinkOptions link = link_options(members_, i);
    link.tls = tls_;
    links_[i] = Link::make(loop_, std::move(link));
    ASSERT_TRUE(links_[i]->start());
    replog::RaftOptions options;
    options.directory = path_ / members_[i].name;
    options.self = members_[i].id;
    // The order differs from member to member.
    for (std::size_t j = 0; j < 3; ++j) options.members.push_back({members_[(i + j) % 3].id});
    options.transport = links_[i].get();
    options.snapshot_threshold = 60;
    options.snapshot_trailing = 10;
    options.segment_bytes = 1 << 20;
    options.election_timeout_ms = 150;
    options.heartbeat_ms = 50;
    logs_[i] = make_raft_log(loop_, *machines_[i], options);
    const Result<void> started = result_of(loop_, logs_[i]->start());
    ASSERT_TRUE(started) << started.error().text;
  }
  void stop(std::size_t i) {
    if (!logs_[i]) return;
    io::run_task(loop_, [&] { return logs_[i]->stop(); });
    logs_[i].reset();
    io::run_task(loop_, [&] { return links_[i]->stop(); });
    links_[i].reset();
  }
  std::size_t leading() {
    for (std::size_t i = 0; i < 3; ++i)
      if (logs_[i] && logs_[i]->leads()) return i;
    return 3;
  }
  bool has_leader() {
    return wait_for(loop_, [&] { return leading() < 3; });
  }
  void commit(int from, int to) {
    for (int i = from; i <= to; ++i) {
      std::vector<std::string> entries{"entry " + std::to_string(i)};
      const auto done = result_of(loop_, logs_[leading()]->commit(std::move(entries)));
      ASSERT_TRUE(done) << done.error().text;
      ASSERT_EQ(*done, static_cast<std::uint64_t>(i));
    }
  }
  bool all_have(std::size_t count) {
    return wait_for(loop_, [&] {
      for (std::size_t i = 0; i < 3; ++i)
        if (logs_[i] && machines_[i]->entries.size() < count) return false;
      return true;
    });
  }

  io::Loop loop_;
  LinkTls tls_ = LinkTls::no;
  fs::path path_;
  std::vector<Member> members_;
  std::unique_ptr<Recorder> machines_[3];
  std::unique_ptr<Link> links_[3];
  std::unique_ptr<replog::Log> logs_[3];
};

TEST_F(LogTest, leader_goes_again_and_again_and_nothing_is_lost) {
  ASSERT_TRUE(has_leader());
  int committed = 0;
  std::string failovers;
  for (int round = 0; round < 3; ++round) {
    commit(committed + 1, committed + 40);
    committed += 40;
    ASSERT_TRUE(all_have(static_cast<std::size_t>(committed)));
    const std::size_t gone = leading();
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(logs_[i]->leader(), members_[gone].id);
    const auto begin = io::monotonic_ms();
    stop(gone);
    const auto stopped = io::monotonic_ms();
    ASSERT_TRUE(has_leader());
    failovers += fmt::format(" {}", io::monotonic_ms() - stopped);
    EXPECT_NE(leading(), gone);
    // It comes back and gets what it missed, by a snapshot where the others have forgotten the entries.
    commit(committed + 1, committed + 80);
    committed += 80;
    start(gone);
    ASSERT_TRUE(all_have(static_cast<std::size_t>(committed))) << "after " << io::monotonic_ms() - begin << " ms";
  }
  EXPECT_EQ(machines_[0]->entries, machines_[1]->entries);
  EXPECT_EQ(machines_[0]->entries, machines_[2]->entries);
  std::printf("[ figures  ] a new leader after ms:%s\n", failovers.c_str());
}

class EncryptedLogTest : public LogTest {
 protected:
  EncryptedLogTest() { tls_ = LinkTls::require; }
};

TEST_F(EncryptedLogTest, the_log_goes_on_when_its_leader_goes) {
  ASSERT_TRUE(has_leader());
  commit(1, 100);
  ASSERT_TRUE(all_have(100));
  const std::size_t gone = leading();
  stop(gone);
  ASSERT_TRUE(has_leader());
  commit(101, 200);
  start(gone);
  ASSERT_TRUE(all_have(200));
}

TEST_F(LogTest, one_of_three_alone_waits) {
  ASSERT_TRUE(has_leader());
  commit(1, 5);
  const std::size_t stays = leading();
  std::vector<std::uint64_t> seen;
  logs_[stays]->on_leader([&](std::uint64_t leader) { seen.push_back(leader); });
  stop((stays + 1) % 3);
  stop((stays + 2) % 3);
  ASSERT_TRUE(wait_for(loop_, [&] { return !logs_[stays]->leads(); }));
  std::vector<std::string> entries{"never"};
  EXPECT_EQ(result_of(loop_, logs_[stays]->commit(std::move(entries))).error().code, Errc::not_leader);
  EXPECT_EQ(machines_[stays]->entries.size(), 5u);
  start((stays + 1) % 3);
  ASSERT_TRUE(has_leader());
  // The other one may lead, and is heard of a little later.
  EXPECT_TRUE(
      wait_for(loop_, [&] { return leading() < 3 && seen.size() >= 2 && seen.back() == members_[leading()].id; }));
  EXPECT_EQ(seen.front(), 0u);
  commit(6, 6);
}

TEST_F(LogTest, a_leader_that_stops_hands_over_at_once) {
  ASSERT_TRUE(has_leader());
  commit(1, 3);
  const std::size_t before = leading();
  const auto begin = io::monotonic_us();
  EXPECT_TRUE(result_of(loop_, logs_[before]->hand_over()));
  ASSERT_TRUE(wait_for(loop_, [&] { return leading() < 3 && leading() != before; }));
  std::printf("[ figures  ] handed over in %.1f ms\n", static_cast<double>(io::monotonic_us() - begin) / 1000);
  commit(4, 6);
  ASSERT_TRUE(all_have(6));
  // Nobody to hand over to: it goes on leading.
  const std::size_t now = leading();
  for (std::size_t i = 0; i < 3; ++i)
    if (i != now) stop(i);
  EXPECT_FALSE(result_of(loop_, logs_[now]->hand_over()));
}

// Followers whose disk is full say nothing; they must come back by themselves all the same.
TEST_F(LogTest, full_disks_are_recovered_from) {
  signal(SIGXFSZ, SIG_IGN);
  ASSERT_TRUE(has_leader());
  commit(1, 3);
  rlimit old{}, tight{};
  getrlimit(RLIMIT_FSIZE, &old);
  tight = old;
  tight.rlim_cur = 64 * 1024;
  setrlimit(RLIMIT_FSIZE, &tight);
  std::optional<Result<std::uint64_t>> failed;
  for (int i = 0; i < 200 && leading() < 3; ++i) {
    std::vector<std::string> entries{std::string(50'000, 'y')};
    failed.reset();
    io::spawn(keep(logs_[leading()]->commit(std::move(entries)), failed));
    if (!wait_for(
            loop_, [&] { return failed.has_value(); }, 2000) ||
        !*failed)
      break;
  }
  io::run_task(loop_, [&] { return io::sleep(loop_, 200); });
  setrlimit(RLIMIT_FSIZE, &old);
  ASSERT_TRUE(failed && !*failed) << "no write failed";
  ASSERT_TRUE(wait_for(loop_, [&] {
    return leading() < 3 && machines_[0]->entries.size() == machines_[1]->entries.size() &&
           machines_[0]->entries.size() == machines_[2]->entries.size();
  }));
  const int have = static_cast<int>(machines_[0]->entries.size());
  commit(have + 1, have + 3);
  ASSERT_TRUE(all_have(static_cast<std::size_t>(have) + 3));
  EXPECT_EQ(machines_[0]->entries, machines_[1]->entries);
  EXPECT_EQ(machines_[0]->entries, machines_[2]->entries);
}

TEST_F(LogTest, a_copied_directory_is_refused) {
  ASSERT_TRUE(has_leader());
  stop(2);
  fs::remove_all(path_ / members_[2].name);
  fs::copy(path_ / members_[0].name, path_ / members_[2].name);
  fs::remove(path_ / members_[2].name / "lock");
  Recorder machine;
  replog::RaftOptions options;
  options.directory = path_ / members_[2].name;
  options.self = members_[2].id;
  for (const Member& member : members_) options.members.push_back({member.id});
  options.transport = links_[0].get();
  auto log = make_raft_log(loop_, machine, options);
  EXPECT_EQ(result_of(loop_, log->start()).error().code, Errc::einval);
}

}  // namespace
}  // namespace flurm::cluster
