// replog/history_test.cpp — a directory is read as it was written, also while it is in use, and damage is told.
#include "replog/history.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "io/process.hpp"
#include "io/timer.hpp"
#include "replog/directory.hpp"
#include "replog/raft_log.hpp"

namespace flurm::replog {
namespace {

namespace fs = std::filesystem;

/// Its state is the number of entries, as text.
struct Counter final : Machine {
  void apply(std::uint64_t, std::string_view) override { ++count; }
  SnapshotJob take_snapshot() override {
    return [n = count] { return std::to_string(n); };
  }
  Result<void> restore(std::uint64_t, std::string_view snapshot) override {
    count = std::stoul(std::string(snapshot));
    return {};
  }
  std::uint64_t count = 0;
};

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() : directory(fs::temp_directory_path() / ("flurm-history-" + std::to_string(getpid()))) {
    fs::remove_all(directory);
    io::ignore_sigpipe();
  }
  ~HistoryTest() override { fs::remove_all(directory); }

  /// Entries "e1" to "e<count>", with snapshots in between; looks at the directory while the log is still open.
  void write(int count, unsigned trailing, const std::function<void()>& look = {}) {
    io::Loop loop;
    Counter counter;
    RaftOptions options;
    options.directory = directory;
    options.members = {replog::Member{1}};
    options.snapshot_threshold = 40;
    options.snapshot_trailing = trailing;
    options.segment_bytes = 64 << 10;
    const auto log = make_raft_log(loop, counter, options);
    const auto all = [](io::Loop& on, Log& to, int n, const std::function<void()>& then) -> io::Task<> {
      auto starting = to.start();
      const auto started = co_await starting;
      EXPECT_TRUE(started);
      for (int i = 1; i <= n; ++i) {
        std::vector<std::string> entry{"e" + std::to_string(i) + std::string(1000, '.')};
        auto committing = to.commit(std::move(entry));
        const auto committed = co_await committing;
        EXPECT_TRUE(committed);
      }
      auto settling = io::sleep(on, 100);  // a snapshot may be under way
      co_await settling;
      if (then) then();
      auto stopping = to.stop();
      co_await stopping;
      on.stop();
    };
    io::spawn(all(loop, *log, count, look));
    loop.run();
  }
  Result<std::vector<std::uint64_t>> indexes(const std::optional<Link>& after) {
    std::vector<std::uint64_t> out;
    auto read = read_entries(directory, after, [&](std::uint64_t index, std::string_view entry) -> Result<bool> {
      EXPECT_TRUE(entry.starts_with("e" + std::to_string(index) + "."));
      out.push_back(index);
      return true;
    });
    if (!read) return fail(read.error());
    return out;
  }
  std::string directory;
};

TEST_F(HistoryTest, the_state_is_a_snapshot_and_what_follows) {
  const auto look = [&] {
    const auto newest = read_snapshot(directory, ~0ull);
    ASSERT_TRUE(newest && *newest) << (newest ? "" : newest.error().text);
    const std::uint64_t in_it = (*newest)->link.index;
    EXPECT_GE(in_it, 40u);
    EXPECT_EQ((*newest)->state, std::to_string(in_it));
    const auto rest = indexes((*newest)->link);
    ASSERT_TRUE(rest) << rest.error().text;
    ASSERT_EQ(rest->size(), 150 - in_it);
    EXPECT_TRUE(rest->empty() || rest->front() == in_it + 1);

    const auto kept = indexes(std::nullopt);
    ASSERT_TRUE(kept) << kept.error().text;
    EXPECT_EQ(kept->back(), 150u);
    EXPECT_GE(kept->size(), 30u);
    const auto none = read_snapshot(directory, 3);
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
  };
  write(150, 30, look);
  look();
}

TEST_F(HistoryTest, a_missing_or_damaged_file_is_told) {
  write(400, 300);
  std::vector<std::string> closed;
  std::uint64_t first = 0, last = 0;
  for (const std::string& name : names_in(directory))
    if (is_closed_segment(name, first, last)) closed.push_back(directory + "/" + name);
  ASSERT_GE(closed.size(), 3u);
  {
    std::fstream file(closed.front(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500);
    file.put('!');
  }
  EXPECT_EQ(indexes(std::nullopt).error().code, Errc::corrupt);
  fs::remove(closed[1]);
  fs::remove(closed[0]);
  EXPECT_TRUE(indexes(std::nullopt)) << "what is kept first may begin anywhere";
  fs::remove(closed[2]);
  const auto snapshot = read_snapshot(directory, ~0ull);
  ASSERT_TRUE(snapshot && *snapshot);
  fs::resize_file(directory + "/" + (*snapshot)->file, 3);
  const auto cut = read_snapshot(directory, ~0ull);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().text.find("snapshot-"), std::string::npos) << cut.error().text;
}

}  // namespace
}  // namespace flurm::replog
