// bench/commit_bench.cpp — how long a commit takes, against the bare write and fdatasync of as many bytes on the same
// disk, which no commit can beat; and how many commits share one write when there are many proposers.
//
//   commit_bench [directory] [entry bytes]
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "cluster/link.hpp"
#include "cluster/members.hpp"
#include "io/clock.hpp"
#include "io/event.hpp"
#include "io/process.hpp"
#include "io/stream.hpp"
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

/// Appends to a file with its blocks allocated, as the log does. Returns the median in microseconds.
double bare(const std::string& path, std::size_t bytes, bool direct, int n, bool quiet = false) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | (direct ? O_DIRECT | O_DSYNC : 0), 0600);
  if (fd < 0 || posix_fallocate(fd, 0, 64 << 20) != 0) return 0;
  std::size_t block = direct ? (bytes + 4095) / 4096 * 4096 : bytes;
  void* data = nullptr;
  if (posix_memalign(&data, 4096, block) != 0) return 0;
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
  const double median = percentile(us, 0.5);
  if (!quiet)
    std::printf("bare %-22s %6zu bytes: p50 %7.0f us  p99 %7.0f us\n", direct ? "O_DIRECT|O_DSYNC" : "write + fdatasync",
                bytes, median, percentile(us, 0.99));
  return median;
}

/// The same with two more processes that do it, too, for as long.
double bare_of_three(const std::string& path, std::size_t bytes, int n) {
  pid_t beside[2];
  for (int i = 0; i < 2; ++i)
    if ((beside[i] = fork()) == 0)
      for (;;) bare(path + std::to_string(i), bytes, false, n, true);
  std::printf("beside two others, ");
  const double median = bare(path, bytes, false, n);
  for (const pid_t pid : beside) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  for (int i = 0; i < 2; ++i) unlink((path + std::to_string(i)).c_str());
  return median;
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

/// Returns the median in microseconds.
double commits(io::Loop& loop, replog::Log& log, std::size_t bytes, int proposers, int n) {
  Run run{loop, log, bytes, n, {}};
  run.running = proposers;
  auto begin = static_cast<double>(io::monotonic_us());
  for (int i = 0; i < proposers; ++i) io::spawn(proposer(run));
  loop.run();
  double seconds = (static_cast<double>(io::monotonic_us()) - begin) / 1e6;
  std::printf("commit, %4d proposers      %6zu bytes: p50 %7.0f us  p99 %7.0f us  %9.0f commits/s\n", proposers, bytes,
              percentile(run.us, 0.5), percentile(run.us, 0.99), n / seconds);
  return percentile(run.us, 0.5);
}

void own_cost(const char* members, double commit_us, double bare_us) {
  std::printf("%s: a commit costs %.0f us more than a bare fdatasync of its size\n\n", members, commit_us - bare_us);
  std::fflush(stdout);
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

std::uint16_t free_port() {
  io::Loop loop;
  auto listener = io::Listener::tcp(loop, "127.0.0.1", 0, [](io::Stream) {});
  return listener ? (*listener)->port() : 0;
}

/// One of three members, until it is killed; the leader measures first and ends then.
[[noreturn]] void member_of_three(const std::vector<cluster::Member>& members, std::size_t self,
                                  const std::string& directory, std::size_t bytes, double bare_us) {
  io::Loop loop;
  Counter machine;
  cluster::LinkOptions link_options;
  link_options.cluster_name = "bench";
  link_options.self = members[self].id;
  link_options.members = members;
  link_options.secret = "known to all who measure here";
  link_options.listen_host = "127.0.0.1";
  auto link = cluster::Link::make(loop, std::move(link_options));
  if (!link->start()) std::exit(1);
  replog::RaftOptions options;
  options.directory = directory + "-" + members[self].name;
  options.self = members[self].id;
  for (const cluster::Member& member : members)
    options.members.push_back({.id = member.id});
  options.transport = link.get();
  options.election_timeout_ms = 150;
  options.heartbeat_ms = 50;
  auto log = replog::make_raft_log(loop, machine, options);
  io::spawn(start(loop, *log));
  loop.run();
  log->on_leadership([&](bool leads) {
    if (leads) loop.stop();
  });
  if (!log->leads()) loop.run();
  own_cost("three members", commits(loop, *log, bytes, 1, 2000), bare_us);
  commits(loop, *log, bytes, 64, 20000);
  std::fflush(stdout);
  _exit(0);
}

void three_members(const std::string& directory, std::size_t bytes) {
  const double bare_us = bare_of_three(directory + ".bare", bytes, 1000);
  std::vector<cluster::Member> members;
  for (const char* name : {"one", "two", "three"}) members.push_back({cluster::member_id(name), name, "127.0.0.1", free_port()});
  std::fflush(stdout);
  pid_t pids[3];
  for (std::size_t i = 0; i < 3; ++i)
    if ((pids[i] = fork()) == 0) member_of_three(members, i, directory, bytes, bare_us);
  wait(nullptr);
  for (const pid_t pid : pids) kill(pid, SIGKILL);
  while (wait(nullptr) > 0) {
  }
  for (const cluster::Member& member : members) std::filesystem::remove_all(directory + "-" + member.name);
}

}  // namespace

int main(int argc, char** argv) {
  std::string parent = argc > 1 ? argv[1] : ".";
  std::size_t bytes = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 2000;
  std::string directory = parent + "/commit-bench-" + std::to_string(getpid());
  log_set_level(Level::error);
  io::ignore_sigpipe();
  const double bare_us = bare(directory + ".bare", bytes, false, 1000);
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
    own_cost("one member", commits(loop, *log, bytes, 1, 2000), bare_us);
    commits(loop, *log, bytes, 8, 8000);
    commits(loop, *log, bytes, 64, 40000);
    commits(loop, *log, bytes, 1000, 100000);
    io::spawn(stop(loop, *log));
    loop.run();
  }
  std::filesystem::remove_all(directory);
  std::printf("\n");
  three_members(directory, bytes);
}
