// replog/replog_test.cpp — what was acknowledged is there after any crash, once and in order; damage is never skipped.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "gtest/gtest.h"
#include "io/event.hpp"
#include "io/process.hpp"
#include "io/run_task.hpp"
#include "io/timer.hpp"
#include "replog/directory.hpp"
#include "replog/raft_log.hpp"
#include "replog/segment.hpp"

// libraft leaks what it has read of a log that turns out to be damaged; the process ends then anyway.
extern "C" const char* __lsan_default_suppressions() { return "leak:libraft.so"; }
// The tests fork children that run a log of their own.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }

namespace flurm::replog {
namespace {

namespace fs = std::filesystem;

/// Keeps the entries themselves: any loss, doubling or reordering shows.
class Recorder : public Machine {
 public:
  void apply(std::uint64_t index, std::string_view entry) override {
    EXPECT_EQ(index, entries.size() + 1);
    entries.emplace_back(entry);
  }
  SnapshotJob take_snapshot() override {
    ++snapshots;
    return [copy = entries] {
      std::string bytes;
      for (const std::string& entry : copy) bytes += entry + '\n';
      return bytes;
    };
  }
  Result<void> restore(std::uint64_t index, std::string_view bytes) override {
    entries.clear();
    for (std::size_t at = 0; at < bytes.size();) {
      std::size_t end = bytes.find('\n', at);
      entries.emplace_back(bytes.substr(at, end - at));
      at = end + 1;
    }
    if (entries.size() != index) return fail(Errc::corrupt, "{} entries instead of {}", entries.size(), index);
    return {};
  }
  std::vector<std::string> entries;
  int snapshots = 0;
};

struct Place {
  Place() : path(fs::temp_directory_path() / ("flurm-replog-" + std::to_string(getpid()) + "-" + std::to_string(n++))) {
    fs::remove_all(path);
  }
  ~Place() { fs::remove_all(path); }
  RaftOptions options() const {
    RaftOptions o;
    o.directory = path;
    o.members = {Member{1}};
    o.snapshot_threshold = 1'000'000;
    o.segment_bytes = 1 << 20;
    return o;
  }
  fs::path path;
  static inline int n = 0;
};

io::Task<void> start_into(Log& log, Result<void>& out) {
  auto starting = log.start();
  out = co_await starting;
}

/// A log with its machine on a loop of its own; stops at the end.
struct Session {
  explicit Session(RaftOptions options) {
    io::ignore_sigpipe();
    log = make_raft_log(loop, machine, std::move(options));
    io::run_task(loop, [this] { return start_into(*log, started); });
  }
  ~Session() { stop(); }
  void stop() {
    if (!log) return;
    if (started) io::run_task(loop, [this] { return log->stop(); });
    log.reset();
  }
  Result<std::uint64_t> commit(std::vector<std::string> entries) {
    Result<std::uint64_t> out;
    io::run_task(loop, [&] { return commit_into(*log, std::move(entries), out); });
    return out;
  }
  static io::Task<void> commit_into(Log& the_log, std::vector<std::string> entries, Result<std::uint64_t>& out) {
    auto committing = the_log.commit(std::move(entries));
    out = co_await committing;
  }
  io::Loop loop;
  Recorder machine;
  std::unique_ptr<Log> log;
  Result<void> started;
};

std::string entry_text(int n) { return "entry " + std::to_string(n) + std::string(n % 700, 'x'); }

std::vector<fs::path> files_starting(const fs::path& directory, const std::string& prefix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

TEST(RaftLog, keeps_entries_over_a_restart) {
  Place place;
  {
    Session session(place.options());
    ASSERT_TRUE(session.started) << session.started.error().text;
    EXPECT_TRUE(session.log->leads());
    EXPECT_EQ(session.log->leader(), 1u);
    EXPECT_EQ(*session.commit({"a", "b"}), 2u);
    EXPECT_EQ(*session.commit({""}), 3u);
    EXPECT_EQ(session.log->position().applied, 3u);
  }
  Session again(place.options());
  ASSERT_TRUE(again.started) << again.started.error().text;
  EXPECT_EQ(again.machine.entries, (std::vector<std::string>{"a", "b", ""}));
  EXPECT_EQ(*again.commit({"c"}), 4u);
}

io::Task<void> flood(io::Loop& loop, Log& log, int count) {
  io::Event all(loop);
  auto left = std::make_shared<int>(count);
  for (int i = 0; i < count; ++i) {
    std::vector<std::string> one{entry_text(i)};
    log.propose(std::move(one), [left, all](Result<std::uint64_t> done) {
      EXPECT_TRUE(done);
      if (--*left == 0) all.set({});
    });
  }
  auto waiting = all.wait(io::Deadline::in_ms(30'000));
  auto done = co_await waiting;
  EXPECT_TRUE(done);
}

// Many proposals of one moment share a write: far fewer batches than entries on disk.
TEST(RaftLog, concurrent_proposals_share_writes) {
  Place place;
  RaftOptions options = place.options();
  options.segment_bytes = 8 << 20;
  Session session(options);
  ASSERT_TRUE(session.started);
  io::run_task(session.loop, [&] { return flood(session.loop, *session.log, 5000); });
  std::size_t batches = 0;
  for (const fs::path& path : files_starting(place.path, "open-")) batches += inspect_open_segment(path)->batches;
  EXPECT_GE(batches, 1u);
  EXPECT_LE(batches, 5u);
  ASSERT_EQ(session.machine.entries.size(), 5000u);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(session.machine.entries[static_cast<std::size_t>(i)], entry_text(i));
}

TEST(RaftLog, refuses_what_it_cannot_take) {
  Place place;
  Session session(place.options());
  ASSERT_TRUE(session.started);
  EXPECT_EQ(session.commit({std::string((32u << 20) + 1, 'x')}).error().code, Errc::einval);
  // Larger than a segment is fine.
  EXPECT_EQ(*session.commit({std::string(5u << 20, 'x')}), 1u);
  session.stop();
  Session again(place.options());
  ASSERT_TRUE(again.started) << again.started.error().text;
  EXPECT_EQ(again.machine.entries[0].size(), 5u << 20);
}

TEST(RaftLog, second_process_is_refused) {
  Place place;
  Session session(place.options());
  ASSERT_TRUE(session.started);
  Session second(place.options());
  ASSERT_FALSE(second.started);
  EXPECT_EQ(second.started.error().code, Errc::einval);
  EXPECT_NE(second.started.error().text.find(std::to_string(getpid())), std::string::npos);
}

TEST(RaftLog, another_membership_is_refused) {
  Place place;
  { ASSERT_TRUE(Session(place.options()).started); }
  RaftOptions options = place.options();
  options.self = 2;
  options.members = {Member{2}};
  EXPECT_EQ(Session(options).started.error().code, Errc::einval);
  options.members = {Member{1}};
  EXPECT_EQ(Session(options).started.error().code, Errc::einval);
}

TEST(RaftLog, snapshots_bound_the_log) {
  Place place;
  RaftOptions options = place.options();
  options.snapshot_threshold = 100;
  options.snapshot_trailing = 10;
  int n = 0;
  std::vector<std::string> expected;
  for (int round = 0; round < 3; ++round) {
    Session session(options);
    ASSERT_TRUE(session.started) << session.started.error().text;
    ASSERT_EQ(session.machine.entries, expected);
    for (int i = 0; i < 350; ++i) {
      expected.push_back(entry_text(++n));
      ASSERT_TRUE(session.commit({expected.back()}));
    }
    EXPECT_GT(session.machine.snapshots, 1);
    EXPECT_GT(session.log->position().snapshot, 0u);
  }
  EXPECT_LE(files_starting(place.path, "snapshot-").size(), 6u);
}

// The child proposes as fast as it can and tells each acknowledged number through a pipe; it is killed at a random
// moment. What the parent read must be there; what comes after must be a continuation without gaps.
[[noreturn]] void propose_until_killed(const RaftOptions& options, int pipe) {
  log_set_level(Level::fatal);
  Session session(options);
  if (!session.started) _exit(3);
  auto client = [](Log& log, int out, std::uint64_t& next) -> io::Task<void> {
    while (true) {
      std::vector<std::string> entries{entry_text(static_cast<int>(++next))};
      if (next % 5 == 0) entries.push_back(entry_text(static_cast<int>(++next)));
      std::uint64_t last = next;
      auto committing = log.commit(std::move(entries));
      Result<std::uint64_t> done = co_await committing;
      if (!done || *done != last) _exit(4);
      if (write(out, &last, sizeof last) != sizeof last) _exit(5);
    }
  };
  std::uint64_t next = session.machine.entries.size();
  for (int i = 0; i < 8; ++i) io::spawn(client(*session.log, pipe, next));
  session.loop.run();
  _exit(6);
}

TEST(RaftLog, survives_kills_at_random_moments) {
  Place place;
  RaftOptions options = place.options();
  options.snapshot_threshold = 500;
  options.snapshot_trailing = 50;
  std::mt19937 random(20261121);
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 40; ++round) {
    int fds[2];
    ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) propose_until_killed(options, fds[1]);
    close(fds[1]);
    usleep(random() % 120'000);
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "round " << round << " exit " << WEXITSTATUS(status);
    for (std::uint64_t last; read(fds[0], &last, sizeof last) == sizeof last;)
      acknowledged = std::max(acknowledged, last);
    close(fds[0]);

    Session check(options);
    ASSERT_TRUE(check.started) << check.started.error().text;
    ASSERT_GE(check.machine.entries.size(), acknowledged) << "round " << round;
    for (std::size_t i = 0; i < check.machine.entries.size(); ++i) {
      ASSERT_EQ(check.machine.entries[i], entry_text(static_cast<int>(i + 1))) << "round " << round;
    }
    acknowledged = check.machine.entries.size();
  }
  EXPECT_GT(acknowledged, 100u);
}

/// Commits `count` entries and leaves the directory as a killed process does, with open segments.
void fill_and_crash(const RaftOptions& options, int count) {
  pid_t child = fork();
  if (child == 0) {
    log_set_level(Level::fatal);
    Session session(options);
    for (int i = 1; i <= count; ++i) {
      if (!session.commit({entry_text(i)})) _exit(1);
    }
    kill(getpid(), SIGKILL);
  }
  int status;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void spit(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Changes one bit in the copy of a crashed directory and starts there. Either the start is refused and the file is
/// named, or nothing is lost.
void flip_and_start(const Place& origin, const RaftOptions& options, const std::string& name, std::size_t at, int bit,
                    std::size_t expected, int& refused) {
  Place copy;
  fs::copy(origin.path, copy.path);
  std::string bytes = slurp(copy.path / name);
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
  spit(copy.path / name, bytes);
  RaftOptions there = options;
  there.directory = copy.path;
  Session session(there);
  if (!session.started) {
    ++refused;
    EXPECT_EQ(session.started.error().code, Errc::corrupt) << session.started.error().text;
    std::string stem = name.substr(0, name.find('.'));
    EXPECT_NE(session.started.error().text.find(stem), std::string::npos)
        << name << " at " << at << ": " << session.started.error().text;
    return;
  }
  EXPECT_EQ(session.machine.entries.size(), expected) << name << " byte " << at << " bit " << bit;
}

void flip_everywhere(const Place& place, const RaftOptions& options, const std::string& prefix, std::size_t expected) {
  log_set_level(Level::fatal);
  std::mt19937 random(7);
  int refused = 0, tried = 0;
  for (const fs::path& path : files_starting(place.path, prefix)) {
    std::string bytes = slurp(path);
    std::size_t content = bytes.find_last_not_of('\0') + 1;
    if (content == 0) continue;
    for (int i = 0; i < 60; ++i, ++tried) {
      // The first bytes and the last write are where mistakes hide; the rest by chance.
      std::size_t at = i < 20   ? static_cast<std::size_t>(i)
                       : i < 40 ? content - 1 - static_cast<std::size_t>(i - 20) * 7 % content
                                : random() % content;
      flip_and_start(place, options, path.filename(), at % content, static_cast<int>(random() % 8), expected, refused);
    }
  }
  log_set_level(Level::info);
  EXPECT_GT(tried, 0) << prefix;
  EXPECT_GT(refused, tried / 2) << prefix;
}

TEST(RaftLogDamage, open_segment) {
  Place place;
  fill_and_crash(place.options(), 40);
  flip_everywhere(place, place.options(), "open-", 40);
}

TEST(RaftLogDamage, closed_segment) {
  Place place;
  fill_and_crash(place.options(), 40);
  { Session closes(place.options()); }
  flip_everywhere(place, place.options(), "0000", 40);
}

TEST(RaftLogDamage, snapshot) {
  Place place;
  RaftOptions options = place.options();
  options.snapshot_threshold = 30;
  options.snapshot_trailing = 5;
  {
    Session session(options);
    for (int i = 1; i <= 45; ++i) ASSERT_TRUE(session.commit({entry_text(i)}));
    // The snapshot is written in the background.
    for (int i = 0; i < 500 && session.log->position().snapshot == 0; ++i) {
      io::run_task(session.loop, [&] { return io::sleep(session.loop, 5); });
    }
    ASSERT_GT(session.log->position().snapshot, 0u);
  }
  flip_everywhere(place, options, "snapshot-", 45);
}

TEST(RaftLogDamage, metadata) {
  Place place;
  fill_and_crash(place.options(), 5);
  log_set_level(Level::fatal);
  int refused = 0;
  for (std::size_t at = 0; at < 16; ++at) {
    flip_and_start(place, place.options(), "metadata1", at, 1, 5, refused);
  }
  log_set_level(Level::info);
  EXPECT_GE(refused, 8);  // the format; there is one file only, so its version cannot contradict another
}

TEST(RaftLogDamage, missing_files_are_noticed) {
  Place place;
  fill_and_crash(place.options(), 5);
  { Session closes(place.options()); }
  Place copy;
  fs::copy(place.path, copy.path);
  for (const fs::path& path : files_starting(copy.path, "0000")) fs::remove(path);
  for (const fs::path& path : files_starting(copy.path, "open-")) fs::remove(path);
  EXPECT_EQ(Session(copy.options()).started.error().code, Errc::corrupt);
  fs::remove_all(copy.path);
  fs::copy(place.path, copy.path);
  fs::remove(copy.path / "metadata1");
  fs::remove(copy.path / "metadata2");
  EXPECT_EQ(Session(copy.options()).started.error().code, Errc::corrupt);
}

// An interrupted write leaves some sectors new and some zero. Every such state of the last write must start, and lose
// at most that write.
TEST(RaftLogDamage, torn_last_write_is_legal) {
  Place place;
  fill_and_crash(place.options(), 20);
  // One more entry of several sectors; the restart made a new segment for it.
  pid_t child = fork();
  if (child == 0) {
    log_set_level(Level::fatal);
    Session session(place.options());
    if (!session.commit({std::string(5000, 'z')})) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  fs::path written;
  for (const fs::path& path : files_starting(place.path, "open-")) {
    if (slurp(path).find(std::string(5000, 'z')) != std::string::npos) written = path;
  }
  ASSERT_FALSE(written.empty());
  std::string whole = slurp(written);
  std::size_t end = whole.find_last_not_of('\0') + 1;
  std::size_t sectors = (end + 511) / 512;
  log_set_level(Level::fatal);
  for (std::size_t missing = 0; missing < sectors; ++missing) {
    Place copy;
    fs::copy(place.path, copy.path);
    std::string torn = whole;
    for (std::size_t i = missing * 512; i < (missing + 1) * 512 && i < torn.size(); ++i) torn[i] = 0;
    spit(copy.path / written.filename(), torn);
    Session session(copy.options());
    ASSERT_TRUE(session.started) << "sector " << missing << ": " << session.started.error().text;
    EXPECT_EQ(session.machine.entries.size(), 20u);
    EXPECT_TRUE(session.commit({"next"}));
  }
  log_set_level(Level::info);
}

// A disk that fails: the proposer hears of it, the log leads again by itself when there is room, nothing is doubled.
TEST(RaftLogFailure, full_disk_is_reported_and_recovered_from) {
  signal(SIGXFSZ, SIG_IGN);
  Place place;
  RaftOptions options = place.options();
  std::vector<bool> changes;
  std::vector<std::string> expected;
  {
    Session session(options);
    ASSERT_TRUE(session.started);
    session.log->on_leadership([&](bool leads) { changes.push_back(leads); });
    ASSERT_TRUE(session.commit({"first"}));
    rlimit old{}, tight{};
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = 64 * 1024;
    setrlimit(RLIMIT_FSIZE, &tight);
    Result<std::uint64_t> failed = std::uint64_t{0};
    for (int i = 0; i < 100 && failed; ++i) failed = session.commit({std::string(100'000, 'y')});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::io) << failed.error().text;
    EXPECT_FALSE(session.log->leads());
    EXPECT_EQ(session.commit({"refused"}).error().code, Errc::io);
    setrlimit(RLIMIT_FSIZE, &old);
    for (int i = 0; i < 400 && !session.log->leads(); ++i) {
      io::run_task(session.loop, [&] { return io::sleep(session.loop, 10); });
    }
    log_set_level(Level::info);
    ASSERT_TRUE(session.log->leads());
    ASSERT_TRUE(session.commit({"last"}));
    expected = session.machine.entries;
    EXPECT_EQ(expected.front(), "first");
    EXPECT_EQ(expected.back(), "last");
    EXPECT_EQ(changes.back(), true);
  }
  Session again(options);
  ASSERT_TRUE(again.started) << again.started.error().text;
  EXPECT_EQ(again.machine.entries, expected);
}

}  // namespace
}  // namespace flurm::replog
