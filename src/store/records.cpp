// store/records.cpp — jobs, steps, events: found and written.
#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "store/columns.hpp"
#include "store/spans.hpp"
#include "store/store.hpp"

namespace flurm::store {

namespace {

std::string placeholders(std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i) text += i ? ", ?" : "?";
  return text;
}

/// Conditions joined by AND, with their values.
class Where {
 public:
  void add(const std::string& condition, Row values = {}) {
    text_ += " AND " + condition;
    for (Value& each : values) values_.push_back(std::move(each));
  }
  template <class T>
  void in(const std::string& column, const std::vector<T>& list) {
    if (list.empty()) return;
    Row values;
    for (const T& each : list) {
      if constexpr (std::is_same_v<T, std::string>)
        values.push_back(each);
      else
        values.push_back(std::int64_t{each});
    }
    add(column + " IN (" + placeholders(list.size()) + ")", std::move(values));
  }
  /// Alive at some time between the two; 0: open.
  void period(const std::string& start, const std::string& end, TimeS from, TimeS to) {
    if (from) add("(" + end + " >= ? OR " + end + " = 0)", {from.v});
    if (to) add(start + " <= ?", {to.v});
  }
  const std::string& text() const { return text_; }
  const Row& values() const { return values_; }

 private:
  std::string text_ = "1 = 1";
  Row values_;
};

/// SQLite allows some ten thousand values per statement; questions about more are asked in parts.
constexpr std::size_t kValuesMax = 5000, kIdsMax = 1000;

template <class Ids, class Ask>
void in_parts(const Ids& ids, Ask&& ask) {
  for (std::size_t at = 0; at < ids.size(); at += kIdsMax) {
    Row part;
    for (const auto id : ids.subspan(at, std::min(kIdsMax, ids.size() - at)))
      part.push_back(static_cast<std::int64_t>(id));
    ask(part);
  }
}

/// Of those that begin at once the batch and extern steps first, which Slurm gives negative numbers.
constexpr const char* kInOrder = " ORDER BY time_start, step_id < 2147483648, step_id";

template <class T>
std::optional<T> first(std::vector<T> list) {
  if (list.empty()) return std::nullopt;
  return std::move(list.front());
}

}  // namespace

std::vector<acct::Job> Reader::jobs(const JobFilter& filter) {
  std::vector<acct::Job> found;
  // Several questions in place of one with OR, and no order asked for: so the database takes an index for each.
  std::string questions;
  Row values;
  const auto find = [&](const std::string& condition, Row its_values) {
    Where where;
    where.in("cluster", filter.clusters);
    where.add(condition, std::move(its_values));
    where.in("uid", filter.uids);
    where.in("assoc_id", filter.assoc_ids);
    where.in("account", filter.accounts);
    if (filter.period_end) where.add("time_submit <= ?", {filter.period_end.v});
    if (!questions.empty()) questions += " UNION ALL SELECT " + column_list<acct::Job>() + " FROM jobs WHERE ";
    questions += where.text();
    std::ranges::copy(where.values(), std::back_inserter(values));
  };
  const auto ask = [&] {
    std::ranges::move(select<acct::Job>(session_, "jobs", std::exchange(questions, {}), std::exchange(values, {})),
                      std::back_inserter(found));
  };
  if (filter.job_ids.empty()) {
    find(kUnfinished, {});
    if (!filter.unfinished_only)
      for (Condition& each : ended_since(filter.period_start, filter.period_end))
        find(each.sql, std::move(each.values));
    ask();
  } else {
    const std::int64_t from = std::max<std::int64_t>(filter.period_start.v, 1);
    const std::string when = filter.unfinished_only ? " AND time_end = 0" : " AND (time_end = 0 OR time_end >= ?)";
    in_parts(std::span(filter.job_ids), [&](Row ids) {
      const std::string in = " IN (" + placeholders(ids.size()) + ")" + when;
      if (!filter.unfinished_only) ids.push_back(from);
      for (const char* column : {"job_id", "array_job_id", "het_job_id"}) find(column + in, ids);
      ask();
    });
  }
  const auto place = [](const acct::Job& job) { return std::tie(job.cluster, job.job_id, job.submit, job.db_index); };
  std::ranges::sort(found, {}, place);
  const auto again = std::ranges::unique(found, {}, &acct::Job::db_index);
  found.erase(again.begin(), again.end());
  return found;
}

std::optional<acct::Job> Reader::job(std::uint64_t db_index) {
  return first(select<acct::Job>(session_, "jobs", "db_index = ?", {static_cast<std::int64_t>(db_index)}));
}

std::vector<acct::Job> Reader::jobs_of(const std::string& cluster, std::span<const std::uint32_t> job_ids) {
  std::vector<acct::Job> found;
  in_parts(job_ids, [&](const Row& ids) {
    Row values{cluster};
    std::ranges::copy(ids, std::back_inserter(values));
    std::ranges::move(
        select<acct::Job>(session_, "jobs", "cluster = ? AND job_id IN (" + placeholders(ids.size()) + ")", values),
        std::back_inserter(found));
  });
  return found;
}

std::vector<acct::Step> Reader::steps_of(std::span<const std::uint64_t> db_indices) {
  std::vector<acct::Step> found;
  in_parts(db_indices, [&](const Row& ids) {
    std::ranges::move(
        select<acct::Step>(session_, "steps", "db_index IN (" + placeholders(ids.size()) + ")" + kInOrder, ids),
        std::back_inserter(found));
  });
  return found;
}

std::optional<acct::Job> Reader::job(const std::string& cluster, std::uint32_t job_id, TimeS submit) {
  return first(select<acct::Job>(session_, "jobs",
                                 "cluster = ? AND job_id = ? AND time_submit = ? ORDER BY db_index DESC",
                                 {cluster, std::int64_t{job_id}, submit.v}));
}

std::vector<acct::Step> Reader::steps(std::uint64_t db_index) {
  return select<acct::Step>(session_, "steps", std::string("db_index = ?") + kInOrder,
                            {static_cast<std::int64_t>(db_index)});
}

std::optional<acct::Step> Reader::step(std::uint64_t db_index, std::uint32_t step_id, std::uint32_t het_comp) {
  return first(
      select<acct::Step>(session_, "steps", "db_index = ? AND step_id = ? AND het_comp = ?",
                         {static_cast<std::int64_t>(db_index), std::int64_t{step_id}, std::int64_t{het_comp}}));
}

std::vector<acct::Suspension> Reader::suspensions(std::uint64_t db_index) {
  return select<acct::Suspension>(session_, "suspensions", "db_index = ? ORDER BY time_start",
                                  {static_cast<std::int64_t>(db_index)});
}

std::vector<acct::Event> Reader::events(const EventFilter& filter) {
  Where where;
  where.in("cluster", filter.clusters);
  where.period("time_start", "time_end", filter.period_start, filter.period_end);
  if (filter.open_only) where.add("time_end = 0");
  return select<acct::Event>(session_, "events", where.text() + " ORDER BY cluster, node, time_start", where.values());
}

std::vector<acct::Reservation> Reader::reservations(const std::vector<std::string>& clusters) {
  Where where;
  where.add("deleted = 0");
  where.in("cluster", clusters);
  return select<acct::Reservation>(session_, "reservations", where.text() + " ORDER BY cluster, time_start, id",
                                   where.values());
}

std::vector<acct::Transaction> Reader::transactions(TimeS from, TimeS to) {
  Where where;
  where.add("time >= ?", {from.v});
  if (to) where.add("time <= ?", {to.v});
  return select<acct::Transaction>(session_, "transactions", where.text() + " ORDER BY time, id", where.values());
}

std::optional<std::string> Reader::text(int kind, const std::string& hash) {
  auto rows = session_.query("SELECT text FROM texts WHERE kind = ? AND hash = ?", {std::int64_t{kind}, hash});
  if (rows.empty()) return std::nullopt;
  return std::get<std::string>(rows[0][0]);
}

bool Reader::has_jobs(const std::string& cluster, std::span<const std::uint32_t> assoc_ids) {
  for (std::size_t at = 0; at < assoc_ids.size(); at += kValuesMax) {
    Where where;
    where.add("cluster = ?", {cluster});
    const auto part = assoc_ids.subspan(at, std::min(kValuesMax, assoc_ids.size() - at));
    where.in("assoc_id", std::vector<std::uint32_t>(part.begin(), part.end()));
    if (!session_.query("SELECT job_id FROM jobs WHERE " + where.text() + " LIMIT 1", where.values()).empty())
      return true;
  }
  return false;
}

bool Reader::has_jobs_of_qos(std::uint32_t qos_id) {
  return !session_.query("SELECT job_id FROM jobs WHERE qos_id = ? LIMIT 1", {std::int64_t{qos_id}}).empty();
}

std::vector<acct::Job> Reader::running_jobs(const std::string& cluster, std::span<const std::uint32_t> assoc_ids) {
  if (assoc_ids.empty()) return {};
  JobFilter filter;
  filter.clusters = {cluster};
  filter.unfinished_only = true;
  std::vector<acct::Job> running = jobs(filter);
  std::erase_if(running, [&](const acct::Job& job) {
    return std::ranges::find(assoc_ids, job.assoc_id) == assoc_ids.end() || job.state > acct::job_suspended;
  });
  return running;
}

std::int64_t Reader::mark(const std::string& name) {
  return session_.number("SELECT value FROM meta WHERE name = ?", {name});
}

std::map<std::string, std::int64_t> Reader::marks(const std::string& prefix) {
  std::map<std::string, std::int64_t> found;
  session_.for_each("SELECT name, value FROM meta WHERE name LIKE ?", {prefix + "%"}, [&](const Row& row) {
    const std::string& name = std::get<std::string>(row[0]);
    if (name.starts_with(prefix)) found[name] = whole(row[1]);  // for LIKE, '_' is any character
  });
  return found;
}

}  // namespace flurm::store
