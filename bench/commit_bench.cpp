// bench/commit_bench.cpp — how long a commit takes, against the bare write and fdatasync of as many bytes on the same
// disk, which no commit can beat; and how many commits share one write when there are many proposers.
//
//   commit_bench [directory] [entry bytes]
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "io/clock.hpp"
#include "io/event.hpp"
#include "io/process.hpp"
#include "replog/raft_log.hpp"

namespace {

using namespace flurm;

struct Counter : replog::Machine {
  void apply(std::uint64_t index, std::string_view) override { last = index; }
  replog::SnapshotJob take_snapshot() override {
    return [] { return std::string("x"); };
  }
  Result<void> restore(std::uint64_t index, std::string_view) override {
    last = index;
    return {};
  }
  std::uint64_t last = 0;
};

double percentile(std::vector<double>& us, double p) {
  std::sort(us.begin(), us.end());
  return us.empty() ? 0 : us[static_cast<std::size_t>(p * static_cast<double>(us.size() - 1))];
}

/// Appends to a file with its blocks allocated, as the log does.
void bare(const std::string& path, std::size_t bytes, bool direct, int n) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | (direct ? O_DIRECT | O_DSYNC : 0), 0600);
  if (fd < 0 || posix_fallocate(fd, 0, 64 << 20) != 0) return;
  std::size_t block = direct ? (bytes + 4095) / 4096 * 4096 : bytes;
  void* data = nullptr;
  if (posix_memalign(&data, 4096, block) != 0) return;
  std::fill_n(static_cast<char*>(data), block, 'x');
  std::vector<double> us;
  for (int i = 0; i < n; ++i) {
    auto begin = static_cast<double>(io::monotonic_us());
    if (pwrite(fd, data, block, static_cast<off_t>(block) * i) < 0) std::perror("write");
    if (!direct) fdatasync(fd);
    us.push_back(static_cast<double>(io::monotonic_us()) - begin);
  }
  close(fd);
  unlink(path.c_str());
  free(data);
  std::printf("bare %-22s %6zu bytes: p50 %7.0f us  p99 %7.0f us\n", direct ? "O_DIRECT|O_DSYNC" : "write + fdatasync",
              bytes, percentile(us, 0.5), percentile(us, 0.99));
}

struct Run {
  io::Loop& loop;
  replog::Log& log;
  std::size_t bytes;
  int left;
  std::vector<double> us;
  int running = 0;
};

io::Task<void> proposer(Run& run) {
  while (run.left-- > 0) {
    std::vector<std::string> entries{std::string(run.bytes, 'x')};
    auto begin = static_cast<double>(io::monotonic_us());
    auto committing = run.log.commit(std::move(entries));
    Result<std::uint64_t> done = co_await committing;
    if (!done) std::fprintf(stderr, "%s\n", done.error().text.c_str());
    run.us.push_back(static_cast<double>(io::monotonic_us()) - begin);
  }
  if (--run.running == 0) run.loop.stop();
}

void commits(io::Loop& loop, replog::Log& log, std::size_t bytes, int proposers, int n) {
  Run run{loop, log, bytes, n, {}};
  run.running = proposers;
  auto begin = static_cast<double>(io::monotonic_us());
  for (int i = 0; i < proposers; ++i) io::spawn(proposer(run));
  loop.run();
  double seconds = (static_cast<double>(io::monotonic_us()) - begin) / 1e6;
  std::printf("commit, %4d proposers      %6zu bytes: p50 %7.0f us  p99 %7.0f us  %9.0f commits/s\n", proposers, bytes,
              percentile(run.us, 0.5), percentile(run.us, 0.99), n / seconds);
}

io::Task<void> start(io::Loop& loop, replog::Log& log) {
  auto starting = log.start();
  Result<void> started = co_await starting;
  if (!started) {
    std::fprintf(stderr, "%s\n", started.error().text.c_str());
    std::exit(1);
  }
  loop.stop();
}

io::Task<void> stop(io::Loop& loop, replog::Log& log) {
  auto stopping = log.stop();
  co_await stopping;
  loop.stop();
}

}  // namespace

int main(int argc, char** argv) {
  std::string parent = argc > 1 ? argv[1] : ".";
  std::size_t bytes = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 2000;
  std::string directory = parent + "/commit-bench-" + std::to_string(getpid());
  log_set_level(Level::error);
  io::ignore_sigpipe();
  bare(directory + ".bare", bytes, false, 1000);
  bare(directory + ".bare", bytes, true, 1000);
  {
    io::Loop loop;
    Counter machine;
    replog::RaftOptions options;
    options.directory = directory;
    options.members = {replog::Member{1}};
    auto log = replog::make_raft_log(loop, machine, options);
    io::spawn(start(loop, *log));
    loop.run();
    commits(loop, *log, bytes, 1, 2000);
    commits(loop, *log, bytes, 8, 8000);
    commits(loop, *log, bytes, 64, 40000);
    commits(loop, *log, bytes, 1000, 100000);
    io::spawn(stop(loop, *log));
    loop.run();
  }
  std::filesystem::remove_all(directory);
}
