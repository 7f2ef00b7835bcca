// dbd/purge.cpp — see the header. What goes when: slurm 22.05 slurmdbd.conf(5), Purge*After.
#include "dbd/purge.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "base/log.hpp"
#include "conf/lines.hpp"
#include "dbd/periods.hpp"
#include "dbd/slurm_sql.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

namespace {

using store::OldRecords;

/// slurm 22.05 slurm/slurmdb.h SLURMDB_PURGE_*
constexpr std::uint32_t kUnits = 0xffff, kHours = 0x10000, kDays = 0x20000, kMonths = 0x40000, kArchive = 0x80000;
/// What is read back must fit into memory.
constexpr std::uintmax_t kArchiveMax = std::uintmax_t{1} << 31;

/// Of each kind: names in archives' file names and in a script's environment.
struct Kind {
  OldRecords records;
  const char *file, *flag, *last;
};
constexpr Kind kKinds[] = {
    {OldRecords::events, "event_table", "SLURM_ARCHIVE_EVENTS", "SLURM_ARCHIVE_LAST_EVENT"},
    {OldRecords::suspensions, "suspend_table", "SLURM_ARCHIVE_SUSPEND", "SLURM_ARCHIVE_LAST_SUSPEND"},
    {OldRecords::steps, "step_table", "SLURM_ARCHIVE_STEPS", "SLURM_ARCHIVE_LAST_STEP"},
    {OldRecords::jobs, "job_table", "SLURM_ARCHIVE_JOBS", "SLURM_ARCHIVE_LAST_JOB"},
    {OldRecords::reservations, "resv_table", "SLURM_ARCHIVE_RESV", "SLURM_ARCHIVE_LAST_RESV"},
    {OldRecords::transactions, "txn_table", "SLURM_ARCHIVE_TXN", "SLURM_ARCHIVE_LAST_TXN"},
    {OldRecords::usage, "usage_table", "SLURM_ARCHIVE_USAGE", "SLURM_ARCHIVE_LAST_USAGE"},
};

std::size_t index(OldRecords kind) { return static_cast<std::size_t>(kind); }

/// "3days"; a number alone means months, and units may be shortened.
Result<std::uint32_t> parse_age(const std::string& text) {
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string unit(end, text.data() + text.size());
  const auto means = [&](std::string_view word) { return conf::same_word(unit, word.substr(0, unit.size())); };
  if (error == std::errc() && count <= kUnits) {
    if (means("months")) return count | kMonths;
    if (means("hours")) return count | kHours;
    if (means("days")) return count | kDays;
  }
  return fail(Errc::einval, "'{}' is no age to purge at: a number of hours, days or months", text);
}

/// Records whose time is not after this one go.
Result<TimeS> limit(std::uint32_t age, TimeS now) {
  const int count = static_cast<int>(age & kUnits);
  for (const auto& [bit, period] : {std::pair(kHours, acct::Period::hour), std::pair(kDays, acct::Period::day),
                                    std::pair(kMonths, acct::Period::month)})
    if (age & bit) return TimeS{before(period, now, count).v - 1};
  return fail(Errc::einval, "nothing says how old records get");
}

std::string stamp(TimeS time) {
  const std::time_t seconds = time.v;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}

/// Writes a new file that is on disk when this returns. The name says whose and which; a number tells those apart that
/// are alike.
Result<void> keep_archive(const std::string& folder, const std::string& cluster, const Kind& kind,
                          const store::TakenOut& taken, const std::string& text) {
  const std::string name =
      fmt::format("{}/{}_{}_archive_{}_{}", folder, cluster, kind.file, stamp(taken.first), stamp(taken.last));
  std::string path = name;
  int fd = -1;
  for (int number = 2; (fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0; ++number) {
    if (errno != EEXIST) return fail(Errc::io, "cannot make the archive {}: {}", path, std::strerror(errno));
    path = fmt::format("{}.{}", name, number);
  }
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const ssize_t wrote = write(fd, at, static_cast<std::size_t>(end - at));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    at += wrote;
  }
  const bool kept = at == end && fsync(fd) == 0;
  const int why = errno;
  close(fd);
  if (!kept) {
    unlink(path.c_str());
    return fail(Errc::io, "cannot write the archive {}: {}", path, std::strerror(why));
  }
  if (const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); directory >= 0) {
    fsync(directory);
    close(directory);
  }
  log(Level::info, "dbd.archived", {{"file", path}, {"records", taken.records}});
  return {};
}

Result<void> run_script(const std::string& script, const std::string& cluster, const PurgeRules& rules, TimeS now) {
  std::vector<std::string> environment = {"SLURM_ARCHIVE_CLUSTER=" + cluster, "PATH=/bin:/usr/bin"};
  for (const Kind& kind : kKinds) {
    const std::uint32_t age = rules.ages[index(kind.records)];
    if (age == kNoVal32) continue;
    FLURM_TRY(const TimeS until, limit(age, now));
    environment.push_back(fmt::format("{}={}", kind.flag, age & kArchive ? 1 : 0));
    environment.push_back(fmt::format("{}={}", kind.last, until.v));
  }
  std::vector<char*> pointers;
  for (std::string& each : environment) pointers.push_back(each.data());
  pointers.push_back(nullptr);
  std::string program = script;
  char* arguments[] = {program.data(), nullptr};
  pid_t child = 0;
  if (const int error = posix_spawn(&child, script.c_str(), nullptr, nullptr, arguments, pointers.data()))
    return fail(Errc::io, "cannot run {}: {}", script, std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return fail(Errc::io, "{} ended with status {:#x}", script, status);
  return {};
}

Result<void> purge_kind(store::Store& store, const std::string& cluster, const Kind& kind, const PurgeRules& rules,
                        TimeS now) {
  const std::uint32_t age = rules.ages[index(kind.records)];
  if (age == kNoVal32) return {};
  FLURM_TRY(const TimeS until, limit(age, now));
  std::uint64_t records = 0;
  for (store::TakenOut taken{.records = 1}; taken.records != 0; records += taken.records)
    FLURM_TRY_VOID(store.write([&](store::Writer& writer) -> Result<void> {
      std::string text;
      taken = writer.archiver().take_out(kind.records, cluster, until, age & kArchive ? &text : nullptr);
      return text.empty() ? Result<void>() : keep_archive(rules.folder, cluster, kind, taken, text);
    }));
  if (records != 0)
    log(Level::info, "dbd.purged", {{"cluster", cluster}, {"records", records}, {"of", kind.file}, {"until", until.v}});
  return {};
}

}  // namespace

Result<PurgeRules> PurgeRules::of(const conf::SlurmdbdConf& conf) {
  PurgeRules rules{.folder = conf.archive_dir, .script = conf.archive_script};
  const auto set = [&](OldRecords kind, const std::string& after, bool archive) -> Result<void> {
    std::uint32_t& age = rules.ages[index(kind)];
    age = kNoVal32;
    if (after.empty()) return {};
    FLURM_TRY(age, parse_age(after));
    if (archive) age |= kArchive;
    return {};
  };
  FLURM_TRY_VOID(set(OldRecords::events, conf.purge_events, conf.archive_events));
  FLURM_TRY_VOID(set(OldRecords::suspensions, conf.purge_suspend, conf.archive_suspend));
  FLURM_TRY_VOID(set(OldRecords::steps, conf.purge_steps, conf.archive_steps));
  FLURM_TRY_VOID(set(OldRecords::jobs, conf.purge_jobs, conf.archive_jobs));
  FLURM_TRY_VOID(set(OldRecords::reservations, conf.purge_resvs, conf.archive_resvs));
  FLURM_TRY_VOID(set(OldRecords::transactions, conf.purge_txn, conf.archive_txn));
  FLURM_TRY_VOID(set(OldRecords::usage, conf.purge_usage, conf.archive_usage));
  return rules;
}

PurgeRules PurgeRules::changed(const wire::ArchiveCond& wish) const {
  PurgeRules rules = *this;
  if (!wish.archive_dir.empty()) rules.folder = wish.archive_dir;
  if (!wish.archive_script.empty()) rules.script = wish.archive_script;
  const auto set = [&](OldRecords kind, std::uint32_t age) {
    if (age != kNoVal32) rules.ages[index(kind)] = age;
  };
  set(OldRecords::events, wish.purge_event);
  set(OldRecords::suspensions, wish.purge_suspend);
  set(OldRecords::steps, wish.purge_step);
  set(OldRecords::jobs, wish.purge_job);
  set(OldRecords::reservations, wish.purge_resv);
  set(OldRecords::transactions, wish.purge_txn);
  set(OldRecords::usage, wish.purge_usage);
  return rules;
}

std::vector<std::string> live_clusters(const acct::Books& books) {
  std::vector<std::string> names;
  for (const auto& [name, each] : books.clusters.rows())
    if (!each->deleted) names.push_back(name);
  return names;
}

Result<void> purge(store::Store& store, const std::vector<std::string>& clusters, const PurgeRules& rules, TimeS now) {
  if (std::ranges::all_of(rules.ages, [](std::uint32_t age) { return age == kNoVal32; })) return {};
  for (const std::string& cluster : clusters) {
    if (!rules.script.empty()) {
      FLURM_TRY_VOID(run_script(rules.script, cluster, rules, now));
      continue;
    }
    for (const Kind& kind : kKinds) FLURM_TRY_VOID(purge_kind(store, cluster, kind, rules, now));
  }
  return {};
}

Result<std::string> read_archive(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return fail(static_cast<Errc>(error.value()), "{}: {}", path, error.message());
  if (size > kArchiveMax) return fail(Errc::einval, "{} is larger than any archive", path);
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(static_cast<Errc>(errno), "{}: {}", path, std::strerror(errno));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<void> put_back(store::Store& store, const acct::Books& books, const std::string& text, bool keep) {
  bool fits = false;
  auto written = store.write([&](store::Writer& writer) -> Result<void> {
    FLURM_TRY(const std::uint64_t records,
              is_of_slurmdbd(text) ? load_of_slurmdbd(writer, books, text) : writer.archiver().put_back(text));
    fits = true;
    if (!keep) return fail(Errc::success, "only tried");  // which rolls it back
    log(Level::info, "dbd.archive_loaded", {{"records", records}});
    return {};
  });
  return fits && !keep ? Result<void>() : written;
}

}  // namespace flurm::dbd
