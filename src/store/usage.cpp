// store/usage.cpp — see the header.
#include "store/usage.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include "store/columns.hpp"
#include "store/rows.hpp"
#include "store/spans.hpp"

namespace flurm::store {

namespace {

/// Whatever the database makes of it: SQLite gives sums as text.
double real(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return std::strtod(text->c_str(), nullptr);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}
std::uint32_t small(const Value& value) { return static_cast<std::uint32_t>(whole(value)); }
std::uint64_t large(const Value& value) { return static_cast<std::uint64_t>(whole(value)); }
/// Columns as one text with blanks between: to read one costs the library as much as to read them all.
std::string joined(const Session& session, std::initializer_list<const char*> columns) {
  const bool sqlite = session.kind() == Place::Kind::sqlite;
  std::string list;
  for (const char* each : columns) list += (list.empty() ? "" : sqlite ? " || ' ' || " : ", ") + std::string(each);
  return sqlite ? list : "CONCAT_WS(' ', " + list + ")";
}

/// Reads such a text.
class Numbers {
 public:
  explicit Numbers(std::string_view text) : rest_(text) {}
  template <class T>
  T next() {
    T number{};
    const char* const end = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number).ptr;
    rest_.remove_prefix(std::min(rest_.size(), static_cast<std::size_t>(end - rest_.data()) + 1));
    return number;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

Value of(acct::Period period) { return static_cast<std::int64_t>(period); }

}  // namespace

void UsageReader::for_jobs(const std::string& cluster, TimeS from, TimeS to,
                           const std::function<void(const acct::JobUse&)>& visit) {
  struct Suspended {
    std::int64_t db_index;
    acct::JobUse job;
  };
  std::vector<Suspended> suspended;
  const std::string begin =
      "SELECT " +
      joined(session_, {"db_index", "assoc_id", "wckey_id", "resv_id", "req_cpus", "array_task_pending",
                        "time_eligible", "time_start", "time_end", "suspended", "tres_alloc"}) +
      " FROM jobs WHERE cluster = ? AND time_eligible > 0 AND time_eligible < ? AND ";
  // Rolled up are millions of jobs, and not much is allocated in many different ways.
  acct::JobUse job;
  std::string tres;
  const auto take = [&](const Row& row) {
    Numbers numbers(std::get<std::string>(row[0]));
    const auto db_index = numbers.next<std::int64_t>();
    job.assoc_id = numbers.next<std::uint32_t>();
    job.wckey_id = numbers.next<std::uint32_t>();
    job.resv_id = numbers.next<std::uint32_t>();
    job.req_cpus = numbers.next<std::uint32_t>();
    job.array_pending = numbers.next<std::uint32_t>();
    job.eligible.v = numbers.next<std::int64_t>();
    job.start.v = numbers.next<std::int64_t>();
    job.end.v = numbers.next<std::int64_t>();
    const auto suspension = numbers.next<std::int64_t>();
    if (tres != numbers.rest()) {
      tres = numbers.rest();
      job.tres = acct::parse_tres(tres);
    }
    if (suspension != 0)
      suspended.push_back({db_index, job});
    else
      visit(job);
  };
  // Several questions in place of one with OR: each has an index.
  for (const Condition& each : ended_since(from, to)) {
    Row values{cluster, to.v};
    std::ranges::copy(each.values, std::back_inserter(values));
    session_.for_each(begin + each.sql, values, take);
  }
  session_.for_each(begin + kUnfinished, {cluster, to.v}, take);
  for (Suspended& each : suspended) {
    each.job.suspensions =
        select<acct::Suspension>(session_, "suspensions", "db_index = ? ORDER BY time_start", {each.db_index});
    visit(each.job);
  }
}

std::vector<acct::Event> UsageReader::events(const std::string& cluster, TimeS from, TimeS to) {
  return select<acct::Event>(session_, "events",
                             "cluster = ? AND time_start < ? AND (time_end >= ? OR time_end = 0) ORDER BY node, "
                             "time_start",
                             {cluster, to.v, from.v});
}

std::vector<acct::Reservation> UsageReader::reservations(const std::string& cluster, TimeS from, TimeS to) {
  return select<acct::Reservation>(session_, "reservations",
                                   "cluster = ? AND deleted = 0 AND time_start < ? AND time_end >= ? ORDER BY "
                                   "time_start, id",
                                   {cluster, to.v, from.v});
}

std::optional<TimeS> UsageReader::first_registration(const std::string& cluster) {
  const std::vector<Row> rows = session_.query(
      "SELECT time_start FROM events WHERE cluster = ? AND node = '' ORDER BY time_start LIMIT 1", {cluster});
  if (rows.empty()) return std::nullopt;
  return TimeS{whole(rows[0][0])};
}

std::vector<IdUsage> UsageReader::of_ids(const std::string& cluster, UsageOf kind, acct::Period period, TimeS from,
                                         TimeS to) {
  std::vector<IdUsage> found;
  session_.for_each(
      "SELECT id, tres, time_start, alloc FROM usage_of_ids WHERE cluster = ? AND kind = ? AND period = ? AND "
      "time_start >= ? AND time_start < ? ORDER BY time_start, id, tres",
      {cluster, static_cast<std::int64_t>(kind), of(period), from.v, to.v}, [&](const Row& row) {
        found.push_back({small(row[0]), small(row[1]), TimeS{whole(row[2])}, large(row[3])});
      });
  return found;
}

std::vector<ClusterUsage> UsageReader::of_cluster(const std::string& cluster, acct::Period period, TimeS from,
                                                  TimeS to) {
  std::vector<ClusterUsage> found;
  session_.for_each(
      "SELECT tres, time_start, amount, alloc, down, planned_down, idle, over_asked, planned FROM usage_of_clusters "
      "WHERE cluster = ? AND period = ? AND time_start >= ? AND time_start < ? ORDER BY time_start, tres",
      {cluster, of(period), from.v, to.v}, [&](const Row& row) {
        found.push_back({small(row[0]), TimeS{whole(row[1])},
                         acct::ClusterUse{large(row[2]), large(row[3]), large(row[4]), large(row[5]), large(row[6]),
                                          large(row[7]), large(row[8])}});
      });
  return found;
}

/// Others who change the row wait until this transaction ends, and what is read of it next is the newest.
void UsageWriter::lock(const std::string& cluster) {
  session_.execute("UPDATE rollups SET cluster = cluster WHERE cluster = ?", {cluster});
}

std::optional<Rollup> UsageWriter::begin(const std::string& cluster, TimeS now, TimeS busy_until) {
  lock(cluster);
  const std::vector<Row> rows = session_.query(
      "SELECT hours_until, days_until, months_until, busy_until FROM rollups WHERE cluster = ?", {cluster});
  if (rows.empty()) {
    session_.execute("INSERT INTO rollups VALUES (?, 0, 0, 0, 0, ?)", {cluster, busy_until.v});
    return Rollup{};
  }
  const Row& row = rows[0];
  if (whole(row[3]) > now.v) return std::nullopt;
  session_.execute("UPDATE rollups SET stale_from = 0, busy_until = ? WHERE cluster = ?", {busy_until.v, cluster});
  return Rollup{TimeS{whole(row[0])}, TimeS{whole(row[1])}, TimeS{whole(row[2])}};
}

void UsageWriter::busy(const std::string& cluster, TimeS until) {
  session_.execute("UPDATE rollups SET busy_until = ? WHERE cluster = ?", {until.v, cluster});
}

void UsageWriter::end(const std::string& cluster, const Rollup& done) {
  lock(cluster);
  const std::int64_t stale = session_.number("SELECT stale_from FROM rollups WHERE cluster = ?", {cluster});
  const auto until = [&](TimeS time) { return stale != 0 ? std::min(time.v, stale) : time.v; };
  session_.execute(
      "UPDATE rollups SET hours_until = ?, days_until = ?, months_until = ?, busy_until = 0 WHERE cluster = ?",
      {until(done.hours_until), until(done.days_until), until(done.months_until), cluster});
}

void UsageWriter::stale_from(const std::string& cluster, TimeS when) {
  for (const char* column : {"hours_until", "days_until", "months_until"}) {
    const std::string name = column;
    session_.execute("UPDATE rollups SET " + name + " = ? WHERE cluster = ? AND " + name + " > ?",
                     {when.v, cluster, when.v});
  }
  session_.execute("UPDATE rollups SET stale_from = ? WHERE cluster = ? AND (stale_from = 0 OR stale_from > ?)",
                   {when.v, cluster, when.v});
}

void UsageWriter::add(const std::string& cluster, UsageOf kind, acct::Period period, const std::vector<IdUsage>& list) {
  Rows rows(session_, "usage_of_ids (cluster, kind, period, time_start, id, tres, alloc)", 7);
  for (const IdUsage& each : list)
    rows.add({cluster, static_cast<std::int64_t>(kind), of(period), each.start.v, std::int64_t{each.id},
              std::int64_t{each.tres}, static_cast<std::int64_t>(each.alloc)});
  rows.flush();
}

void UsageWriter::add(const std::string& cluster, acct::Period period, const std::vector<ClusterUsage>& list) {
  Rows rows(session_,
            "usage_of_clusters (cluster, period, time_start, tres, amount, alloc, down, planned_down, idle, "
            "over_asked, planned)",
            11);
  for (const ClusterUsage& each : list) {
    Row row{cluster, of(period), each.start.v, std::int64_t{each.tres}};
    const acct::ClusterUse& use = each.use;
    for (std::uint64_t amount : {use.count, use.alloc, use.down, use.planned_down, use.idle, use.over, use.planned})
      row.emplace_back(static_cast<std::int64_t>(amount));
    rows.add(std::move(row));
  }
  rows.flush();
}

void UsageWriter::put(const std::string& cluster, const acct::HourUsage& hour) {
  const Value period = of(acct::Period::hour);
  session_.execute("DELETE FROM usage_of_ids WHERE cluster = ? AND kind IN (0, 1) AND period = ? AND time_start = ?",
                   {cluster, period, hour.start.v});
  session_.execute("DELETE FROM usage_of_clusters WHERE cluster = ? AND period = ? AND time_start = ?",
                   {cluster, period, hour.start.v});
  for (const UsageOf kind : {UsageOf::associations, UsageOf::wckeys}) {
    std::vector<IdUsage> list;
    for (const auto& [key, alloc] : kind == UsageOf::wckeys ? hour.wckeys : hour.assocs)
      list.push_back({key.first, key.second, hour.start, alloc});
    add(cluster, kind, acct::Period::hour, list);
  }
  std::vector<ClusterUsage> clusters;
  for (const auto& [tres, use] : hour.cluster) clusters.push_back({tres, hour.start, use});
  add(cluster, acct::Period::hour, clusters);
  session_.execute("DELETE FROM usage_of_reservations WHERE cluster = ? AND time_start = ?", {cluster, hour.start.v});
  for (const acct::HourUsage::Unused& each : hour.unused) {
    const std::int64_t id = each.reservation;
    session_.execute(
        "INSERT INTO usage_of_reservations (cluster, time_start, id, began, unused_wall) VALUES (?, ?, ?, ?, ?)",
        {cluster, hour.start.v, id, each.start.v, each.wall});
    // Summed up anew, for this hour may have been counted before.
    const std::vector<Row> sum =
        session_.query("SELECT SUM(unused_wall) FROM usage_of_reservations WHERE cluster = ? AND id = ? AND began = ?",
                       {cluster, id, each.start.v});
    const double wall = sum.empty() ? 0 : real(sum[0][0]);
    session_.execute("UPDATE reservations SET unused_wall = ? WHERE cluster = ? AND id = ? AND time_start = ?",
                     {std::max(0.0, wall), cluster, id, each.start.v});
  }
}

void UsageWriter::put(const std::string& cluster, UsageOf kind, acct::Period period, const std::vector<IdUsage>& list) {
  for (const IdUsage& each : list)
    session_.execute(
        "DELETE FROM usage_of_ids WHERE cluster = ? AND kind = ? AND period = ? AND time_start = ? AND id = ? AND tres "
        "= ?",
        {cluster, static_cast<std::int64_t>(kind), of(period), each.start.v, std::int64_t{each.id},
         std::int64_t{each.tres}});
  add(cluster, kind, period, list);
}

void UsageWriter::put(const std::string& cluster, acct::Period period, const std::vector<ClusterUsage>& list) {
  for (const ClusterUsage& each : list)
    session_.execute("DELETE FROM usage_of_clusters WHERE cluster = ? AND period = ? AND time_start = ? AND tres = ?",
                     {cluster, of(period), each.start.v, std::int64_t{each.tres}});
  add(cluster, period, list);
}

void UsageWriter::remove(const std::string& cluster, UsageOf kind, acct::Period period) {
  session_.execute("DELETE FROM usage_of_ids WHERE cluster = ? AND kind = ? AND period = ?",
                   {cluster, static_cast<std::int64_t>(kind), of(period)});
}

void UsageWriter::remove(const std::string& cluster, acct::Period period) {
  session_.execute("DELETE FROM usage_of_clusters WHERE cluster = ? AND period = ?", {cluster, of(period)});
}

void UsageWriter::sum_up(const std::string& cluster, acct::Period period, TimeS from, TimeS to) {
  const Value parts = of(period == acct::Period::month ? acct::Period::day : acct::Period::hour);
  session_.execute("DELETE FROM usage_of_ids WHERE cluster = ? AND kind IN (0, 1) AND period = ? AND time_start = ?",
                   {cluster, of(period), from.v});
  session_.execute("DELETE FROM usage_of_clusters WHERE cluster = ? AND period = ? AND time_start = ?",
                   {cluster, of(period), from.v});
  // The constants are written out: not every database can tell their types when they are bound.
  const std::string key = std::to_string(static_cast<int>(period)) + ", " + std::to_string(from.v);
  session_.execute(
      "INSERT INTO usage_of_ids (cluster, kind, period, time_start, id, tres, alloc) SELECT cluster, kind, " + key +
          ", id, tres, SUM(alloc) FROM usage_of_ids WHERE cluster = ? AND kind IN (0, 1) AND period = ? AND time_start "
          ">= ? AND time_start < ? GROUP BY cluster, kind, id, tres",
      {cluster, parts, from.v, to.v});
  session_.execute(
      "INSERT INTO usage_of_clusters (cluster, period, time_start, tres, amount, alloc, down, planned_down, idle, "
      "over_asked, planned) SELECT cluster, " +
          key +
          ", tres, MAX(amount), SUM(alloc), SUM(down), SUM(planned_down), SUM(idle), SUM(over_asked), SUM(planned) "
          "FROM usage_of_clusters WHERE cluster = ? AND period = ? AND time_start >= ? AND time_start < ? GROUP BY "
          "cluster, tres",
      {cluster, parts, from.v, to.v});
}

}  // namespace flurm::store
