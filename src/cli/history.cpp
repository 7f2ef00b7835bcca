// cli/history.cpp — see history.hpp.
#include "cli/history.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "cli/site.hpp"
#include "fmt/format.h"
#include "replog/history.hpp"
#include "state/apply.hpp"

namespace flurm::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kEnd = ~std::uint64_t{0};

Result<std::string> existing_data_dir(const HistoryOptions& options) {
  std::string dir = options.data_dir;
  if (dir.empty()) {
    FLURM_TRY(const conf::FlurmConf conf, load_flurm_conf(options.local_dir));
    dir = conf.ra_data_dir;
  }
  std::error_code error;
  if (!fs::is_directory(dir, error)) return fail(Errc::io, "{} is not a directory; see --data", dir);
  fs::directory_iterator readable(dir, error);
  if (error) return fail(Errc::io, "{}: {}", dir, error.message());
  return dir;
}

Result<TimeS> parse_time(const std::string& text) {
  char* end = nullptr;
  const long long seconds = std::strtoll(text.c_str(), &end, 10);
  if (end != text.c_str() && *end == '\0') return TimeS{seconds};
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* rest = strptime(text.c_str(), form, &parts);
    if (rest && *rest == '\0') return TimeS{std::mktime(&parts)};
  }
  return fail(Errc::einval, "'{}' is no time; allowed: 2026-11-21T10:00:00, 2026-11-21, or Unix seconds", text);
}

/// A state on its way through the log.
struct Moment {
  state::ClusterState state;
  std::uint64_t index = 0;
  std::optional<replog::Link> link;  // of the snapshot it began with
};

/// The newest snapshot that has nothing after `last`, or the beginning of the log.
Result<Moment> begin_at(const std::string& dir, std::uint64_t last) {
  Moment moment;
  FLURM_TRY(const auto snapshot, replog::read_snapshot(dir, last));
  moment.link = snapshot ? snapshot->link : replog::Link{};
  if (!snapshot) return moment;
  FLURM_TRY(moment.state, state::load(snapshot->state));
  moment.index = snapshot->link.index;
  return moment;
}

/// Applies the entries after the moment's while `wanted(index, entry)`.
template <class Wanted>
Result<void> go_on(const std::string& dir, Moment& moment, Wanted wanted) {
  return replog::read_entries(dir, moment.link, [&](std::uint64_t index, std::string_view bytes) -> Result<bool> {
    FLURM_TRY(const state::Entry entry, state::decode(bytes));
    if (!wanted(index, entry)) return false;
    (void)state::apply(moment.state, entry);
    moment.index = index;
    return true;
  });
}

}  // namespace

std::string time_text(TimeS time) {
  const auto seconds = static_cast<std::time_t>(time.v);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}

Result<void> log_list(const HistoryOptions& options) {
  FLURM_TRY(const std::string dir, existing_data_dir(options));
  return replog::read_entries(dir, std::nullopt, [&](std::uint64_t index, std::string_view bytes) -> Result<bool> {
    FLURM_TRY(const state::Entry entry, state::decode(bytes));
    const std::string what = options.full ? state::describe(entry) : std::string(state::command_name(entry.command));
    std::printf("%llu %s %s\n", static_cast<unsigned long long>(index), time_text(entry.now).c_str(), what.c_str());
    return !std::ferror(stdout);
  });
}

Result<void> state_at(const HistoryOptions& options) {
  FLURM_TRY(const std::string dir, existing_data_dir(options));
  const std::uint64_t last = options.index.value_or(kEnd);
  TimeS until{INT64_MAX};
  if (!options.at.empty()) {
    FLURM_TRY(until, parse_time(options.at));
  }
  FLURM_TRY(Moment moment, begin_at(dir, last));
  // A time says nothing about indexes: go back to ever older snapshots until one is early enough.
  while (moment.index > 0 && moment.state.now > until) {
    FLURM_TRY(moment, begin_at(dir, moment.index - 1));
  }
  bool kept = true;
  FLURM_TRY_VOID(go_on(dir, moment, [&](std::uint64_t index, const state::Entry& entry) {
    if (moment.index == 0 && index > 1) kept = false;  // the log begins after that moment
    return kept && index <= last && entry.now <= until;
  }));
  if (!kept) return fail(Errc::einval, "{}: nothing so old is kept; see 'flurm log list'", dir);
  if (options.index && moment.index != last)
    return fail(Errc::einval, "{}: the log ends with entry {}", dir, moment.index);
  std::printf("%s\n", state::describe(moment.state).c_str());
  return {};
}

Result<void> replay_log(const HistoryOptions& options) {
  FLURM_TRY(const std::string dir, existing_data_dir(options));
  // All snapshots that are kept, the oldest first.
  std::vector<Moment> snapshots;
  for (std::uint64_t last = kEnd;;) {
    FLURM_TRY(Moment moment, begin_at(dir, last));
    if (moment.index == 0) break;
    last = moment.index - 1;
    snapshots.insert(snapshots.begin(), std::move(moment));
  }
  const auto print = [](const Moment& moment, const char* what) {
    std::printf("%llu %s %016llx %s\n", static_cast<unsigned long long>(moment.index),
                time_text(moment.state.now).c_str(), static_cast<unsigned long long>(state::state_hash(moment.state)),
                what);
  };
  Moment moment;
  moment.link = replog::Link{};
  std::size_t next = 0;
  if (!snapshots.empty()) {
    // Where the log reaches back to its beginning, the first snapshot is checked, too.
    bool whole = false;
    FLURM_TRY_VOID(replog::read_entries(dir, std::nullopt, [&](std::uint64_t index, std::string_view) -> Result<bool> {
      whole = index == 1;
      return false;
    }));
    if (!whole) {
      moment = snapshots[next++];
      print(moment, "snapshot, where the log begins");
    }
  }
  Result<void> same;
  const auto compare = [&] {
    if (next == snapshots.size() || snapshots[next].index != moment.index) return;
    const bool equal = state::state_hash(snapshots[next].state) == state::state_hash(moment.state);
    print(moment, equal ? "snapshot, equal" : "snapshot, DIFFERENT");
    if (!equal && same)
      same = fail(Errc::corrupt, "{}: the snapshot after entry {} is not what the entries give", dir, moment.index);
    ++next;
  };
  FLURM_TRY_VOID(go_on(dir, moment, [&](std::uint64_t, const state::Entry&) {
    compare();
    return true;
  }));
  compare();
  print(moment, "end of the log");
  return same;
}

}  // namespace flurm::cli
