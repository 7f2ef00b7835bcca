// store/archive.cpp — see the header.
#include "store/archive.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "fmt/format.h"
#include "store/columns.hpp"
#include "store/numbers.hpp"
#include "store/spans.hpp"

namespace flurm::store {

namespace {

constexpr std::string_view kFirstLine = "flurm-archive 1";
/// Records that one text holds, more or less: those of one second stay together.
constexpr std::int64_t kAtOnce = 20'000;

struct Table {
  const char* name;
  std::string columns;
  std::vector<const char*> key;
};

const std::vector<Table>& tables() {
  static const std::vector<Table> kTables = {
      {"jobs", column_list<acct::Job>(), {"db_index"}},
      {"steps", column_list<acct::Step>(), {"db_index", "step_id", "het_comp"}},
      {"suspensions", column_list<acct::Suspension>(), {"db_index", "time_start"}},
      {"texts", "hash, kind, text", {"kind", "hash"}},
      {"events", column_list<acct::Event>(), {"cluster", "node", "time_start"}},
      {"reservations", column_list<acct::Reservation>(), {"cluster", "id", "time_start"}},
      {"transactions", column_list<acct::Transaction>(), {"id"}},
      {"usage_of_ids",
       "cluster, kind, period, time_start, id, tres, alloc",
       {"cluster", "kind", "period", "time_start", "id", "tres"}},
      {"usage_of_clusters",
       "cluster, period, time_start, tres, amount, alloc, down, planned_down, idle, over_asked, planned",
       {"cluster", "period", "time_start", "tres"}},
      {"usage_of_reservations",
       "cluster, time_start, id, began, unused_wall",
       {"cluster", "time_start", "id", "began"}},
  };
  return kTables;
}

const Table* find_table(std::string_view name) {
  const auto at = std::ranges::find(tables(), name, [](const Table& each) { return std::string_view(each.name); });
  return at == tables().end() ? nullptr : &*at;
}

std::vector<std::string> words(std::string_view text, std::string_view between) {
  std::vector<std::string> list;
  while (true) {
    const std::size_t end = text.find(between);
    list.emplace_back(text.substr(0, end));
    if (end == text.npos) return list;
    text.remove_prefix(end + between.size());
  }
}

void append_value(std::string& out, const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    out += fmt::format("i{}", *whole);
    return;
  }
  if (const auto* fraction = std::get_if<double>(&value)) {
    out += fmt::format("d{}", *fraction);
    return;
  }
  out += 't';
  for (const char c : std::get<std::string>(value)) {
    constexpr std::string_view kPlain = "\t\n\r\\", kLetters = "tnr\\";
    if (const std::size_t at = kPlain.find(c); at != kPlain.npos)
      (out += '\\') += kLetters[at];
    else
      out += c;
  }
}

std::optional<Value> value_of(std::string_view word) {
  if (word.empty()) return std::nullopt;
  const std::string rest(word.substr(1));
  char* end = nullptr;
  switch (word[0]) {
    case 'i': {
      const std::int64_t whole = std::strtoll(rest.c_str(), &end, 10);
      return *end || rest.empty() ? std::nullopt : std::optional<Value>(whole);
    }
    case 'd': {
      const double fraction = std::strtod(rest.c_str(), &end);
      return *end || rest.empty() ? std::nullopt : std::optional<Value>(fraction);
    }
    case 't': {
      std::string text;
      for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] != '\\') {
          text += rest[i];
          continue;
        }
        constexpr std::string_view kPlain = "\t\n\r\\", kLetters = "tnr\\";
        const std::size_t at = ++i < rest.size() ? kLetters.find(rest[i]) : kLetters.npos;
        if (at == kLetters.npos) return std::nullopt;
        text += kPlain[at];
      }
      return text;
    }
    default:
      return std::nullopt;
  }
}

/// Rows of a table that go: `where` with its values.
struct Selection {
  const char* table;
  std::string where;
  Row values;
};

void append_rows(Session& session, const Selection& selection, std::string& text) {
  const Table& table = *find_table(selection.table);
  std::string rows;
  std::uint64_t count = 0;
  session.for_each("SELECT " + table.columns + " FROM " + table.name + " WHERE " + selection.where, selection.values,
                   [&](const Row& row) {
                     for (std::size_t i = 0; i < row.size(); ++i) {
                       if (i) rows += '\t';
                       append_value(rows, row[i]);
                     }
                     rows += '\n';
                     ++count;
                   });
  if (count == 0) return;
  std::string names;
  for (const std::string& name : words(table.columns, ", ")) (names += names.empty() ? "" : "\t") += name;
  text += fmt::format("table {} {}\n{}\n{}", table.name, count, names, rows);
}

constexpr const char* kJobsOf = "db_index IN (SELECT db_index FROM jobs WHERE cluster = ?)";

/// What `kind` takes from each table, up to a time of its own column `time`.
struct Plan {
  const char* time;
  std::vector<Selection> from;  // the first has the records that are counted, and the last goes last
};

Plan plan(OldRecords kind, const std::string& cluster, TimeS until) {
  const std::string ended = "time_end BETWEEN 1 AND ?";
  switch (kind) {
    case OldRecords::events:
      return {"time_start", {{"events", "cluster = ? AND " + ended, {cluster, until.v}}}};
    case OldRecords::suspensions:
      return {"time_start", {{"suspensions", kJobsOf + (" AND " + ended), {cluster, until.v}}}};
    case OldRecords::steps:
      return {"time_start", {{"steps", kJobsOf + (" AND " + ended), {cluster, until.v}}}};
    case OldRecords::jobs:
      return {"time_submit",
              {{"jobs", std::string("cluster = ? AND ") + kWhatever + " AND " + ended, {cluster, until.v}}}};
    case OldRecords::reservations:
      return {"time_start", {{"reservations", "cluster = ? AND " + ended, {cluster, until.v}}}};
    case OldRecords::transactions:
      return {"time", {{"transactions", "1 = 1", {}}}};
    case OldRecords::usage:
      return {"time_start",
              {{"usage_of_ids", "cluster = ? AND kind IN (0, 1) AND period IN (0, 1, 2)", {cluster}},
               {"usage_of_clusters", "cluster = ? AND period IN (0, 1, 2)", {cluster}},
               {"usage_of_reservations", "cluster = ?", {cluster}}}};
  }
  return {};
}

/// What goes with jobs, and last these themselves.
std::vector<Selection> with_companions(const Selection& jobs) {
  const std::string chosen = " FROM jobs WHERE " + jobs.where + ")";
  return {{"steps", "db_index IN (SELECT db_index" + chosen, jobs.values},
          {"suspensions", "db_index IN (SELECT db_index" + chosen, jobs.values},
          jobs};
}

std::vector<Selection> texts_of(const Selection& jobs) {
  const std::string chosen = " FROM jobs WHERE " + jobs.where + ")";
  return {{"texts", "kind = 1 AND hash IN (SELECT script_hash" + chosen, jobs.values},
          {"texts", "kind = 2 AND hash IN (SELECT env_hash" + chosen, jobs.values}};
}

std::string text_of(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : std::string();
}

/// Kind and hash of scripts and environments.
using Hashes = std::vector<std::pair<std::int64_t, std::string>>;

Hashes hashes_of(Session& session, const Selection& jobs) {
  Hashes hashes;
  for (const Selection& each : texts_of(jobs))
    for (const Row& row : session.query("SELECT kind, hash FROM texts WHERE " + each.where, each.values))
      hashes.emplace_back(whole(row[0]), text_of(row[1]));
  return hashes;
}

/// Those that only jobs had which are gone; jobs may share them.
void drop_unused_texts(Session& session, const Hashes& hashes) {
  for (const auto& [kind, hash] : hashes) {
    const std::string column = kind == 1 ? "script_hash" : "env_hash";
    if (session.query("SELECT 1 FROM jobs WHERE " + column + " = ? LIMIT 1", {hash}).empty())
      session.execute("DELETE FROM texts WHERE kind = ? AND hash = ?", {kind, hash});
  }
}

/// Jobs with all that goes with them.
void delete_all(Session& session, const Selection& selection) {
  const bool jobs = std::string_view(selection.table) == "jobs";
  const Hashes hashes = jobs ? hashes_of(session, selection) : Hashes();
  for (const Selection& each : jobs ? with_companions(selection) : std::vector<Selection>{selection})
    session.execute(std::string("DELETE FROM ") + each.table + " WHERE " + each.where, each.values);
  drop_unused_texts(session, hashes);
}

}  // namespace

TakenOut Archiver::take_out(OldRecords kind, const std::string& cluster, TimeS until, std::string* text) {
  Plan what = plan(kind, cluster, until);
  const std::string time = what.time;
  TakenOut taken;
  std::int64_t last = 0;
  for (const Selection& each : what.from) {
    Row values = each.values;
    values.push_back(until.v);
    // The time of the last of so many; of fewer, whatever is old enough.
    const std::string old = std::string(" FROM ") + each.table + " WHERE " + each.where + " AND " + time + " <= ?";
    const std::int64_t first = session_.number("SELECT " + time + old + " ORDER BY " + time + " LIMIT 1", values);
    if (first == 0) continue;
    if (!taken.first || first < taken.first.v) taken.first = TimeS{first};
    const std::int64_t end =
        session_.number(fmt::format("SELECT {0}{1} ORDER BY {0} LIMIT 1 OFFSET {2}", time, old, kAtOnce - 1), values);
    last = last == 0 ? (end ? end : until.v) : std::min(last, end ? end : until.v);
  }
  if (!taken.first) return taken;
  taken.last = TimeS{last};

  if (text && text->empty()) *text = std::string(kFirstLine) + "\n";
  for (Selection& each : what.from) {
    each.where += " AND " + time + " <= ?";
    each.values.push_back(last);
  }
  std::vector<Selection> going = what.from;
  Hashes hashes;
  if (kind == OldRecords::jobs) {
    const Selection jobs = what.from[0];
    going = with_companions(jobs);
    for (const Selection& each : texts_of(jobs))
      if (text) append_rows(session_, each, *text);
    hashes = hashes_of(session_, jobs);
  }
  for (const Selection& each : going) {
    taken.records += static_cast<std::uint64_t>(
        session_.number(std::string("SELECT COUNT(*) FROM ") + each.table + " WHERE " + each.where, each.values));
    if (text) append_rows(session_, each, *text);
    session_.execute(std::string("DELETE FROM ") + each.table + " WHERE " + each.where, each.values);
  }
  drop_unused_texts(session_, hashes);
  return taken;
}

void Archiver::remove(OldRecords kind, const std::string& cluster) {
  const auto all = [&]() -> std::optional<Selection> {
    switch (kind) {
      case OldRecords::events:
        return Selection{"events", "cluster = ?", {cluster}};
      case OldRecords::suspensions:
        return Selection{"suspensions", kJobsOf, {cluster}};
      case OldRecords::steps:
        return Selection{"steps", kJobsOf, {cluster}};
      case OldRecords::jobs:
        return Selection{"jobs", "cluster = ?", {cluster}};
      case OldRecords::reservations:
        return Selection{"reservations", "cluster = ?", {cluster}};
      case OldRecords::transactions:
      case OldRecords::usage:
        break;
    }
    return std::nullopt;
  }();
  if (all) delete_all(session_, *all);
}

void Archiver::remove_jobs(const std::string& cluster, const std::string& nodes) {
  std::int64_t count = 0;
  const char* const end = nodes.data() + nodes.size();
  const auto [at, error] = std::from_chars(nodes.data(), end, count);
  if (error == std::errc() && at == end)
    delete_all(session_, {"jobs", "cluster = ? AND alloc_nodes = ?", {cluster, count}});
  else
    delete_all(session_, {"jobs", "cluster = ? AND nodes = ?", {cluster, nodes}});
}

namespace {

/// One table of a text, and what follows it.
class Reading {
 public:
  explicit Reading(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  std::optional<std::string_view> line() {
    const std::size_t end = rest_.find('\n');
    if (end == rest_.npos) return std::nullopt;
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return found;
  }

 private:
  std::string_view rest_;
};

/// Writes rows of one table.
class Putting {
 public:
  Putting(Session& session, const Table& table, std::vector<std::string> names)
      : session_(session), table_(table), names_(std::move(names)) {
    std::string marks;
    for (const std::string& name : names_) {
      (insert_ += insert_.empty() ? "" : ", ") += name;
      marks += marks.empty() ? "?" : ", ?";
    }
    insert_ = std::string("INSERT INTO ") + table.name + " (" + insert_ + ") VALUES (" + marks + ")";
    for (const char* key : table.key) {
      (where_ += where_.empty() ? "" : " AND ") += std::string(key) + " = ?";
      keys_.push_back(index(key));
    }
  }
  /// All columns are known, and those of the key are there.
  bool fits() const {
    const std::vector<std::string> known = words(table_.columns, ", ");
    return std::ranges::all_of(names_,
                               [&](const auto& name) { return std::ranges::find(known, name) != known.end(); }) &&
           std::ranges::find(keys_, names_.size()) == keys_.end();
  }
  Result<void> put(Row row) {
    Row key;
    for (const std::size_t at : keys_) key.push_back(row[at]);
    if (std::string_view(table_.name) == "jobs") FLURM_TRY_VOID(check_job(row, key));
    session_.execute(std::string("DELETE FROM ") + table_.name + " WHERE " + where_, key);
    session_.execute(insert_, row);
    return {};
  }

 private:
  std::size_t index(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::find(names_, name) - names_.begin());
  }
  /// A job's number is its own; new jobs get others.
  Result<void> check_job(const Row& row, const Row& key) {
    const std::size_t cluster = index("cluster"), id = index("job_id");
    if (cluster == names_.size() || id == names_.size()) return fail(Errc::parse, "a job without its names");
    for (const Row& other : session_.query("SELECT cluster, job_id FROM jobs WHERE db_index = ?", key))
      if (text_of(other[0]) != text_of(row[cluster]) || whole(other[1]) != whole(row[id]))
        return fail(Errc::einval, "another job has the number of job {} here", whole(row[id]));
    const std::int64_t turn = turn_of(static_cast<std::uint64_t>(whole(key[0])));
    session_.execute("UPDATE meta SET value = ? WHERE name = 'last_job' AND value < ?", {turn, turn});
    return {};
  }

  Session& session_;
  const Table& table_;
  std::vector<std::string> names_;
  std::string insert_, where_;
  std::vector<std::size_t> keys_;
};

}  // namespace

Result<std::uint64_t> Archiver::put_back(std::string_view text) {
  Reading reading(text);
  if (reading.line() != kFirstLine) return fail(Errc::parse, "not an archive of FLURM");
  std::uint64_t records = 0;
  while (!reading.done()) {
    const auto head = reading.line(), columns = reading.line();
    if (!head || !columns) return fail(Errc::parse, "the archive is cut off");
    const std::vector<std::string> heading = words(*head, " ");
    const Table* table = heading.size() == 3 && heading[0] == "table" ? find_table(heading[1]) : nullptr;
    std::uint64_t count = 0;
    if (!table || std::from_chars(heading[2].data(), heading[2].data() + heading[2].size(), count).ec != std::errc())
      return fail(Errc::parse, "no table: '{}'", head->substr(0, 80));
    const std::vector<std::string> names = words(*columns, "\t");
    Putting putting(session_, *table, names);
    if (!putting.fits())
      return fail(Errc::parse, "columns of {} that are not known, or none to find them by", table->name);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto line = reading.line();
      if (!line) return fail(Errc::parse, "the archive is cut off");
      Row row;
      for (const std::string& word : words(*line, "\t")) {
        std::optional<Value> value = value_of(word);
        if (!value) return fail(Errc::parse, "no value: '{}'", word.substr(0, 80));
        row.push_back(std::move(*value));
      }
      if (row.size() != names.size()) return fail(Errc::parse, "a row of {} with {} values", table->name, row.size());
      FLURM_TRY_VOID(putting.put(std::move(row)));
      ++records;
    }
  }
  return records;
}

}  // namespace flurm::store
