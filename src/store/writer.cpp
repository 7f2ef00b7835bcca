// store/writer.cpp — one transaction's records: read once, written once.
#include <algorithm>

#include "store/columns.hpp"
#include "store/numbers.hpp"
#include "store/rows.hpp"
#include "store/store.hpp"

namespace flurm::store {

namespace {

/// How many records one DELETE names.
constexpr std::size_t kKeysAtOnce = 100;

/// Rows with the key, gone; those of a whole batch with few statements.
class Removal {
 public:
  Removal(Session& session, std::string table, std::string condition)
      : session_(session), table_(std::move(table)), condition_(std::move(condition)) {}
  void add(const Row& key) {
    sql_ += (sql_.empty() ? "" : " OR ") + condition_;
    std::ranges::copy(key, std::back_inserter(values_));
    if (++count_ == kKeysAtOnce) flush();
  }
  void flush() {
    if (count_ == 0) return;
    session_.execute("DELETE FROM " + table_ + " WHERE " + sql_, values_);
    sql_.clear();
    values_.clear();
    count_ = 0;
  }

 private:
  Session& session_;
  std::string table_, condition_, sql_;
  Row values_;
  std::size_t count_ = 0;
};

/// `held`: the records of a table by their keys; what was stored before is gone from it.
template <class Record, class Held>
void write_changed(Session& session, const std::string& table, Held& held) {
  Rows fresh(session, table + " (" + column_list<Record>() + ")", to_row(Record{}).size());
  for (auto& [key, each] : held) {
    if (!std::exchange(each.changed, false)) continue;
    fresh.add(to_row(*each.record));
    each.stored = true;
  }
  fresh.flush();
}

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

// --- what is read -------------------------------------------------------------------------------------------------

void Writer::expect(const std::string& cluster, std::vector<std::uint32_t> job_ids) {
  std::ranges::sort(job_ids);
  const auto repeated = std::ranges::unique(job_ids);
  job_ids.erase(repeated.begin(), repeated.end());
  std::erase_if(job_ids, [&](std::uint32_t id) { return whole_.contains({cluster, id}); });
  std::vector<std::uint64_t> numbers;
  for (acct::Job& job : jobs_of(cluster, job_ids)) {
    std::uint64_t& latest = latest_[{job.cluster, job.job_id, job.submit}];
    latest = std::max(latest, job.db_index);
    numbers.push_back(job.db_index);
    hold(std::move(job));
  }
  for (const std::uint32_t id : job_ids) whole_.emplace(cluster, id);
  for (acct::Step& step : steps_of(numbers)) hold(std::move(step));
  all_steps_.insert(numbers.begin(), numbers.end());
}

/// What was changed here already is newer than what the database says.
acct::Job& Writer::hold(acct::Job job) {
  Held<acct::Job>& held = jobs_[job.db_index];
  if (!held.record) {
    held.record = std::move(job);
    held.stored = true;
  }
  return *held.record;
}

void Writer::hold(acct::Step step) {
  Held<acct::Step>& held = steps_[{step.db_index, step.step_id, step.het_comp}];
  if (held.record) return;
  held.record = std::move(step);
  held.stored = true;
}

std::optional<acct::Job> Writer::job(std::uint64_t db_index) {
  if (const auto at = jobs_.find(db_index); at != jobs_.end()) return at->second.record;
  std::optional<acct::Job> found = Reader::job(db_index);
  if (found) hold(*found);
  return found;
}

std::optional<acct::Job> Writer::job(const std::string& cluster, std::uint32_t job_id, TimeS submit) {
  const auto [at, fresh] = latest_.try_emplace({cluster, job_id, submit}, 0);
  if (!fresh) {
    if (at->second == 0) return std::nullopt;
    return jobs_.at(at->second).record;
  }
  if (whole_.contains({cluster, job_id})) return std::nullopt;
  std::optional<acct::Job> found = Reader::job(cluster, job_id, submit);
  if (!found) return std::nullopt;
  at->second = found->db_index;
  return hold(*std::move(found));
}

std::optional<acct::Step> Writer::step(std::uint64_t db_index, std::uint32_t step_id, std::uint32_t het_comp) {
  const auto [at, fresh] = steps_.try_emplace({db_index, step_id, het_comp});
  if (fresh && !all_steps_.contains(db_index)) {
    at->second.record = Reader::step(db_index, step_id, het_comp);
    at->second.stored = at->second.record.has_value();
  }
  return at->second.record;
}

std::vector<acct::Job> Writer::jobs(const JobFilter& filter) {
  flush();
  std::vector<acct::Job> found = Reader::jobs(filter);
  for (const acct::Job& job : found) hold(job);
  return found;
}

std::vector<acct::Step> Writer::steps(std::uint64_t db_index) {
  flush();
  std::vector<acct::Step> found = Reader::steps(db_index);
  for (const acct::Step& step : found) hold(step);
  return found;
}

// --- what is written ----------------------------------------------------------------------------------------------

/// How many numbers were given out.
std::uint64_t& Writer::last_job() {
  if (!last_job_) {
    // Written first: so other daemons on this database wait for the number.
    session_.execute("UPDATE meta SET value = value WHERE name = 'last_job'");
    last_job_ = static_cast<std::uint64_t>(session_.number("SELECT value FROM meta WHERE name = 'last_job'"));
  }
  return *last_job_;
}

void Writer::keep_number(std::uint64_t db_index) {
  last_job() = std::max(last_job(), static_cast<std::uint64_t>(turn_of(db_index)));
}

void Writer::add(acct::Job& job) {
  job.db_index = job_number(job.uid, ++last_job());
  latest_[{job.cluster, job.job_id, job.submit}] = job.db_index;
  all_steps_.insert(job.db_index);
  jobs_[job.db_index] = {.record = job, .stored = false, .changed = true};
}

void Writer::put(const acct::Job& job) {
  const auto [at, fresh] = jobs_.try_emplace(job.db_index);
  if (fresh) at->second.stored = true;
  at->second.record = job;
  at->second.changed = true;
}

void Writer::put(const acct::Step& step) {
  const auto [at, fresh] = steps_.try_emplace({step.db_index, step.step_id, step.het_comp});
  if (fresh) at->second.stored = !all_steps_.contains(step.db_index);  // perhaps
  at->second.record = step;
  at->second.changed = true;
}

void Writer::flush() {
  flush_jobs();
  flush_steps();
  for (const auto& [cluster, when] : stale_) usage_writer().stale_from(cluster, when);
  stale_.clear();
}

void Writer::flush_jobs() {
  if (last_job_) session_.execute("UPDATE meta SET value = ? WHERE name = 'last_job'", {signed_of(*last_job_)});
  Removal old(session_, "jobs", "db_index = ?");
  for (const auto& [db_index, held] : jobs_)
    if (held.changed && held.stored) old.add({signed_of(db_index)});
  old.flush();
  write_changed<acct::Job>(session_, "jobs", jobs_);
}

void Writer::flush_steps() {
  Removal old(session_, "steps", "(db_index = ? AND step_id = ? AND het_comp = ?)");
  for (const auto& [key, held] : steps_)
    if (held.changed && held.stored)
      old.add({signed_of(std::get<0>(key)), std::int64_t{std::get<1>(key)}, std::int64_t{std::get<2>(key)}});
  old.flush();
  write_changed<acct::Step>(session_, "steps", steps_);
}

void Writer::stale_from(const std::string& cluster, TimeS when) {
  const auto [at, fresh] = stale_.try_emplace(cluster, when);
  if (!fresh) at->second = std::min(at->second, when);
}

void Writer::remove(OldRecords kind, const std::string& cluster) {
  flush();
  archiver().remove(kind, cluster);
  forget();
}

void Writer::remove_jobs(const std::string& cluster, const std::string& nodes) {
  flush();
  archiver().remove_jobs(cluster, nodes);
  forget();
}

/// What was read may be gone.
void Writer::forget() {
  jobs_.clear();
  latest_.clear();
  steps_.clear();
  whole_.clear();
  all_steps_.clear();
}

void Writer::put(const acct::Suspension& suspension) {
  replace(session_, "suspensions", suspension, "db_index = ? AND time_start = ?",
          {signed_of(suspension.db_index), suspension.start.v});
}

void Writer::put(const acct::Event& event) {
  replace(session_, "events", event, "cluster = ? AND node = ? AND time_start = ?",
          {event.cluster, event.node, event.start.v});
}

void Writer::put(const acct::Reservation& reservation) {
  replace(session_, "reservations", reservation, "cluster = ? AND id = ? AND time_start = ?",
          {reservation.cluster, std::int64_t{reservation.id}, reservation.start.v});
}

void Writer::put(const acct::Transaction& transaction) {
  replace(session_, "transactions", transaction, "id = ?", {std::int64_t{transaction.id}});
}

void Writer::set_mark(const std::string& name, std::int64_t value) {
  session_.execute("DELETE FROM meta WHERE name = ?", {name});
  session_.execute("INSERT INTO meta (name, value) VALUES (?, ?)", {name, value});
}

void Writer::clear_marks(const std::string& prefix) {
  session_.execute("DELETE FROM meta WHERE name LIKE ?", {prefix + "%"});
}

void Writer::add_text(int kind, const std::string& hash, const std::string& text) {
  if (this->text(kind, hash)) return;
  session_.execute("INSERT INTO texts (hash, kind, text) VALUES (?, ?, ?)", {hash, std::int64_t{kind}, text});
}

}  // namespace flurm::store
