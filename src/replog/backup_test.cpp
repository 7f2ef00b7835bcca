// replog/backup_test.cpp — a backup comes back as it was or not at all, and a log can begin with one.
#include "replog/backup.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "io/event.hpp"
#include "io/run_task.hpp"
#include "replog/directory.hpp"
#include "replog/founding.hpp"
#include "replog/history.hpp"

namespace flurm::replog {
namespace {

Backup example() {
  Backup backup{.cluster = "local", .format = 3, .index = 41, .time = TimeS{1'700'000'000}, .state = {}};
  for (int i = 0; i < 300; ++i) backup.state += static_cast<char>(i * 7);
  return backup;
}

TEST(Backup, comes_back_as_it_was) {
  const auto back = open_backup(seal_backup(example()));
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(*back, example());
}

TEST(Backup, every_wrong_byte_and_every_cut_is_found) {
  const std::string good = seal_backup(example());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x04);
    EXPECT_FALSE(open_backup(bad)) << i;
    EXPECT_FALSE(open_backup(good.substr(0, i))) << i;
  }
  EXPECT_FALSE(open_backup(good + "x"));
}

struct Recorder final : Machine {
  std::uint64_t begun_with = 0, last = 0;
  std::string state;
  void apply(std::uint64_t index, std::string_view entry) override {
    last = index;
    state += entry;
  }
  SnapshotJob take_snapshot() override {
    return [text = state] { return text; };
  }
  Result<void> restore(std::uint64_t index, std::string_view snapshot) override {
    begun_with = index;
    state = snapshot;
    return {};
  }
};

class FoundingTest : public testing::Test {
 protected:
  FoundingTest() {
    char name[] = "/tmp/flurm-founding-XXXXXX";
    folder = mkdtemp(name);
    options.directory = folder + "/ra";
    options.self = 7;
    options.members = {{7}};
    options.election_timeout_ms = 50;
    options.heartbeat_ms = 10;
  }
  ~FoundingTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  /// Starts the log, adds an entry, stops it.
  void use(Recorder& machine, const std::string& entry) {
    io::Loop loop;
    io::run_task(loop, [&]() -> io::Task<void> {
      auto log = make_raft_log(loop, machine, options);
      auto starting = log->start();
      const Result<void> started = co_await starting;
      EXPECT_TRUE(started) << (started ? "" : started.error().text);
      if (started) {
        io::Event leading(loop);
        log->on_leadership([leading](bool leads) {
          if (leads) leading.set({});
        });
        auto electing = leading.wait(io::Deadline::in_ms(5000));
        (void)co_await electing;
        std::vector<std::string> entries(1, entry);
        auto committing = log->commit(std::move(entries));
        const Result<std::uint64_t> index = co_await committing;
        EXPECT_TRUE(index) << (index ? "" : index.error().text);
      }
      auto stopping = log->stop();
      co_await stopping;
    });
  }
  std::string folder;
  RaftOptions options;
};

TEST_F(FoundingTest, a_log_goes_on_where_the_state_ends) {
  const auto founded = found_log(options, 41, "begin;");
  ASSERT_TRUE(founded) << founded.error().text;
  EXPECT_EQ(directory_owner(options.directory), 7u);
  Recorder first;
  use(first, "a");
  EXPECT_EQ(first.begun_with, 41u);
  EXPECT_EQ(first.last, 42u);
  Recorder second;
  use(second, "b");
  EXPECT_EQ(second.state, "begin;ab");
  EXPECT_EQ(second.last, 43u);
  const auto snapshot = read_snapshot(options.directory, 100);
  ASSERT_TRUE(snapshot) << snapshot.error().text;
  std::string entries;
  const auto read = read_entries(options.directory, (*snapshot)->link, [&](std::uint64_t, std::string_view entry) -> Result<bool> {
    entries += entry;
    return true;
  });
  EXPECT_TRUE(read) << read.error().text;
  EXPECT_EQ(entries, "ab");
}

TEST_F(FoundingTest, a_directory_with_something_in_it_is_left_alone) {
  std::filesystem::create_directory(options.directory);
  std::ofstream(options.directory + "/metadata1") << "x";
  const auto founded = found_log(options, 41, "begin;");
  ASSERT_FALSE(founded);
  EXPECT_EQ(founded.error().code, Errc::einval);
  EXPECT_FALSE(std::filesystem::exists(options.directory + ".new"));
  std::filesystem::remove(options.directory + "/metadata1");
  EXPECT_TRUE(found_log(options, 41, "begin;")) << "an empty one is as good as none";
}

}  // namespace
}  // namespace flurm::replog
