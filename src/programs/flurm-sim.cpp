// programs/flurm-sim.cpp — histories of a simulated cluster, one a seed. See docs/TESTING.md.
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "fmt/format.h"
#include "sim/scenario.hpp"

namespace {

constexpr const char* kUsage =
    "usage: flurm-sim [--seeds N] [--from SEED] [--jobs J]   run N histories (default 100), J at a time\n"
    "       flurm-sim --seed SEED [--trace]                  run one; --trace prints what happens and the logs\n";

struct Options {
  std::uint64_t seeds = 100, from = 1, jobs = std::max(1u, std::thread::hardware_concurrency());
  bool one = false, trace = false;
};

bool read_number(const char* text, std::uint64_t& out) {
  if (!text) return false;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), out);
  return error == std::errc{} && *end == 0;
}

bool read_options(int argc, char** argv, Options& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (name == "--trace") {
      out.trace = true;
      continue;
    }
    out.one |= name == "--seed";
    std::uint64_t* target = name == "--seeds"                      ? &out.seeds
                            : name == "--jobs"                     ? &out.jobs
                            : name == "--from" || name == "--seed" ? &out.from
                                                                   : nullptr;
    if (!target || !read_number(value, *target) || (target != &out.from && *target == 0)) return false;
    ++i;
  }
  return true;
}

/// Runs one history in this process and prints a line about it.
int run_one(std::uint64_t seed, bool trace) {
  flurm::log_set_level(trace ? flurm::Level::debug : flurm::Level::fatal);
  const flurm::sim::Outcome outcome = flurm::sim::run_scenario(seed, trace);
  const std::string facts = fmt::format(
      "{} jobs, {} reads, {} leaders, {} faults, {:.0f} s, {} events, fingerprint {:016x}", outcome.jobs, outcome.reads,
      outcome.elections, outcome.faults, outcome.virtual_s, outcome.events, outcome.fingerprint);
  if (outcome.broken.empty()) {
    if (trace) fmt::print("seed {}: all is well; {}\n", seed, facts);
  } else {
    fmt::print("seed {}: BROKEN: {}; {}\n", seed, outcome.broken, facts);
  }
  std::fflush(stdout);
  return outcome.broken.empty() ? 0 : 1;
}

/// Each history in a process of its own: what a crash leaves in memory goes with it.
int run_many(const Options& options) {
  std::map<pid_t, std::uint64_t> running;
  std::uint64_t next = options.from, failed = 0;
  const std::uint64_t end = options.from + options.seeds;
  while (next < end || !running.empty()) {
    if (next < end && running.size() < options.jobs) {
      std::fflush(stdout);
      const pid_t child = fork();
      if (child == 0) std::_Exit(run_one(next, false));
      if (child < 0) {
        std::perror("flurm-sim: fork");
        return 2;
      }
      running[child] = next++;
      continue;
    }
    int status = 0;
    const pid_t child = wait(&status);
    const auto done = running.find(child);
    if (done == running.end()) continue;
    if (status != 0) ++failed;
    if (WIFSIGNALED(status)) fmt::print("seed {}: BROKEN: ended by signal {}\n", done->second, WTERMSIG(status));
    running.erase(done);
  }
  fmt::print("{} histories from seed {}: {} broken\n", options.seeds, options.from, failed);
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  return options.one ? run_one(options.from, options.trace) : run_many(options);
}
