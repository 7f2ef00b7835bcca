// dbd/slurm_sql.cpp — see the header.
#include "dbd/slurm_sql.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

#include "dbd/renumbered.hpp"
#include "dbd/slurm_archive.hpp"
#include "dbd/slurm_tables.hpp"
#include "dbd/sql_text.hpp"

namespace flurm::dbd {

namespace {

using acct::Period;
using store::OldRecords;

enum class Of : std::uint8_t { cluster, assocs, wckeys };

/// `old`: how a table that all clusters shared was called; `name`: what follows "CLUSTER_" now. Usage has a period.
struct Table {
  std::string_view old, name;
  OldRecords records;
  Period period = Period::hour;
  Of of = Of::cluster;
};
constexpr Table kTables[] = {
    {"cluster_event_table", "event_table", OldRecords::events},
    {"job_table", "job_table", OldRecords::jobs},
    {"step_table", "step_table", OldRecords::steps},
    {"suspend_table", "suspend_table", OldRecords::suspensions},
    {"", "resv_table", OldRecords::reservations},
    // The longer names first: they end like the shorter ones.
    {"assoc_hour_usage_table", "assoc_usage_hour_table", OldRecords::usage, Period::hour, Of::assocs},
    {"assoc_day_usage_table", "assoc_usage_day_table", OldRecords::usage, Period::day, Of::assocs},
    {"assoc_month_usage_table", "assoc_usage_month_table", OldRecords::usage, Period::month, Of::assocs},
    {"wckey_hour_usage_table", "wckey_usage_hour_table", OldRecords::usage, Period::hour, Of::wckeys},
    {"wckey_day_usage_table", "wckey_usage_day_table", OldRecords::usage, Period::day, Of::wckeys},
    {"wckey_month_usage_table", "wckey_usage_month_table", OldRecords::usage, Period::month, Of::wckeys},
    {"cluster_hour_usage_table", "usage_hour_table", OldRecords::usage, Period::hour, Of::cluster},
    {"cluster_day_usage_table", "usage_day_table", OldRecords::usage, Period::day, Of::cluster},
    {"cluster_month_usage_table", "usage_month_table", OldRecords::usage, Period::month, Of::cluster},
};

constexpr std::string_view kCluster = "cluster";
/// Of jobs; what is given out later has to fit, too.
constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 62;

constexpr std::pair<std::string_view, std::string_view> kOldColumns[] = {
    {"period_start", "time_start"},
    {"period_end", "time_end"},
    {"cpu_count", "count"},
    {"jobid", "id_job"},
    {"stepid", "id_step"},
    {"associd", "id_assoc"},
    {"blockid", "id_block"},
    {"wckeyid", "id_wckey"},
    {"qos", "id_qos"},
    {"uid", "id_user"},
    {"gid", "id_group"},
    {"submit", "time_submit"},
    {"eligible", "time_eligible"},
    {"start", "time_start"},
    {"end", "time_end"},
    {"suspended", "time_suspended"},
    {"comp_code", "exit_code"},
    {"alloc_cpus", "cpus_alloc"},
    {"req_cpus", "cpus_req"},
    {"alloc_nodes", "nodes_alloc"},
};

/// Columns of Slurm's tables that say nothing here.
constexpr std::string_view kIgnored[] = {"creation_time", "mod_time", "deleted",   "id_block",    "cpus_alloc",
                                         "id_assoc",      kCluster,   "last_used", "script_hash", "env_hash"};

/// Scripts (1) and environments (2), by what follows "CLUSTER".
struct TextTable {
  std::string_view name, column;
  int kind;
};
constexpr TextTable kTexts[] = {{"_job_script_table", "batch_script", 1}, {"_job_env_table", "env_vars", 2}};
constexpr std::string_view kTransactions = "txn_table";

std::string new_column(const std::string& old, const Table& table) {
  if (old == "name") return table.records == OldRecords::steps ? "step_name" : "job_name";
  if (old == "id" && table.records != OldRecords::usage) return "job_db_inx";
  const auto at = std::ranges::find(kOldColumns, old, &std::pair<std::string_view, std::string_view>::first);
  return at == std::end(kOldColumns) ? old : std::string(at->second);
}

struct Found {
  const Table& table;
  std::string cluster;  ///< empty: an old table, of all clusters
};

Result<Found> find_table(const std::string& name) {
  for (const Table& each : kTables)
    if (!each.old.empty() && name == each.old) return Found{each, ""};
  for (const Table& each : kTables)
    if (name.size() > each.name.size() + 1 && name.ends_with(each.name) &&
        name[name.size() - each.name.size() - 1] == '_')
      return Found{each, name.substr(0, name.size() - each.name.size() - 1)};
  return fail(Errc::einval, "no table for jobs, steps, events, reservations, usage, transactions or scripts: '{}'",
              name);
}

/// Every row of a statement, and those of its columns that change what is there already.
struct Statement {
  const Table& table;
  bool replaces = false;
  SlurmRow::Places places, changed;
};

class Loading {
 public:
  /// `theirs`: numbers of associations, wckeys and jobs are those of a slurmdbd that may have been imported since.
  Loading(store::Writer& writer, const acct::Books& books, bool theirs)
      : writer_(writer), books_(books), theirs_(theirs) {}

  Result<void> run(const SqlStatement& statement) {
    if (const auto* removal = std::get_if<SqlRemoval>(&statement)) return remove(*removal);
    return insert(std::get<SqlInsert>(statement));
  }
  std::uint64_t rows() const { return rows_; }

 private:
  Result<void> remove(const SqlRemoval& removal) {
    FLURM_TRY(const Found found, find_table(removal.table));
    const std::string& cluster = found.cluster.empty() ? removal.cluster : found.cluster;
    FLURM_TRY_VOID(check_cluster(cluster));
    const Table& table = found.table;
    if (!removal.nodes.empty()) {
      if (table.records != OldRecords::jobs) return fail(Errc::einval, "{} has no column alloc_nodes", removal.table);
      writer_.remove_jobs(cluster, removal.nodes);
      numbers_.clear();
      placed_.clear();
    } else if (table.records != OldRecords::usage) {
      writer_.remove(table.records, cluster);
      numbers_.clear();
      placed_.clear();
    } else if (table.of == Of::cluster) {
      writer_.usage_writer().remove(cluster, table.period);
    } else {
      writer_.usage_writer().remove(cluster, usage_of(table), table.period);
    }
    return {};
  }

  /// `put` takes each row. What it does not ask of the first one may not be there.
  template <class Put>
  Result<void> each_row(const SqlInsert& insert, const SlurmRow::Places& places, Put&& put) {
    SlurmRow::Names asked(std::begin(kIgnored), std::end(kIgnored));
    bool first = true;
    for (const std::vector<std::string>& values : insert.rows) {
      const store::Row row(values.begin(), values.end());
      FLURM_TRY_VOID(put(SlurmRow(places, row, first ? &asked : nullptr), row));
      ++rows_;
      if (!std::exchange(first, false)) continue;
      for (const auto& [column, place] : places)
        if (!asked.contains(column))
          return fail(Errc::einval, "{} has no column {}", insert.table, insert.columns[place]);
    }
    return {};
  }

  static SlurmRow::Places places_of(const SqlInsert& insert) {
    SlurmRow::Places places;
    for (const std::string& column : insert.columns) places.emplace(column, places.size());
    return places;
  }

  Result<void> insert_texts(const SqlInsert& insert, const TextTable& table) {
    const std::string cluster = insert.table.substr(0, insert.table.size() - table.name.size());
    FLURM_TRY_VOID(check_cluster(cluster));
    return each_row(insert, places_of(insert), [&](const SlurmRow& row, const store::Row&) -> Result<void> {
      const std::string key = text_key(cluster, row.number("hash_inx"));
      if (key.empty()) return fail(Errc::einval, "{}: a text without its number", insert.table);
      writer_.add_text(table.kind, key, row.text(table.column));
      return {};
    });
  }

  /// Their numbers are slurmdbd's, ours have others: what is there already is known by what it says.
  Result<void> insert_transactions(const SqlInsert& insert) {
    std::vector<acct::Transaction> log;
    FLURM_TRY_VOID(each_row(insert, places_of(insert), [&](const SlurmRow& row, const store::Row&) -> Result<void> {
      log.push_back(transaction_of(row));
      return {};
    }));
    if (log.empty()) return {};
    const auto said = [](const acct::Transaction& each) {
      return std::tie(each.time, each.action, each.actor, each.where, each.info, each.cluster);
    };
    const auto [first, last] = std::ranges::minmax(log, {}, &acct::Transaction::time);
    std::vector<acct::Transaction> known = writer_.transactions(first.time, last.time);
    std::ranges::sort(known, {}, said);
    std::int64_t id = writer_.mark("last_transaction");
    for (acct::Transaction& each : log) {
      if (std::ranges::binary_search(known, said(each), {}, said)) continue;
      each.id = static_cast<std::uint32_t>(++id);
      writer_.put(each);
    }
    writer_.set_mark("last_transaction", id);
    return {};
  }

  Result<void> insert(const SqlInsert& insert) {
    for (const TextTable& each : kTexts)
      if (insert.table.ends_with(each.name)) return insert_texts(insert, each);
    if (insert.table == kTransactions) return insert_transactions(insert);
    FLURM_TRY(const Found found, find_table(insert.table));
    Statement statement{.table = found.table, .replaces = insert.replaces, .places = {}, .changed = {}};
    const auto renamed = [&](const std::string& column) {
      return found.cluster.empty() ? new_column(column, found.table) : column;
    };
    for (const std::string& column : insert.columns)
      if (!statement.places.emplace(renamed(column), statement.places.size()).second)
        return fail(Errc::einval, "column {} of {} is there twice", column, insert.table);
    for (const std::string& column : insert.updated) {
      const auto at = statement.places.find(renamed(column));
      if (at == statement.places.end())
        return fail(Errc::einval, "column {} of {} is to be updated, but not there", column, insert.table);
      statement.changed.insert(*at);
    }
    return each_row(insert, statement.places, [&](const SlurmRow& read, const store::Row& row) -> Result<void> {
      const std::string cluster = found.cluster.empty() ? read.text(kCluster) : found.cluster;
      FLURM_TRY_VOID(check_cluster(cluster));
      return put(statement, cluster, read, SlurmRow(statement.changed, row));
    });
  }

  Result<void> check_cluster(const std::string& cluster) const {
    if (books_.clusters.find(cluster)) return {};
    return fail(Errc::einval, "there is no cluster '{}'", cluster);
  }

  Result<void> put(const Statement& statement, const std::string& cluster, const SlurmRow& row,
                   const SlurmRow& changed) {
    const Table& table = statement.table;
    switch (table.records) {
      case OldRecords::jobs:
        return put_job(cluster, row, statement.replaces ? &changed : nullptr);
      case OldRecords::steps:
        return put_step(cluster, row, statement.replaces ? &changed : nullptr);
      case OldRecords::suspensions: {
        FLURM_TRY(const std::uint64_t job, job_of_part(cluster, row));
        writer_.put(acct::Suspension{job, row.time("time_start"), row.time("time_end")});
        return {};
      }
      case OldRecords::events:
        writer_.put(event_of(row, cluster));
        return {};
      case OldRecords::reservations:
        writer_.put(reservation_of(row, cluster, ours(cluster)));
        return {};
      case OldRecords::usage:
        if (table.of == Of::cluster)
          writer_.usage_writer().put(cluster, table.period, {cluster_usage_of(row)});
        else
          writer_.usage_writer().put(
              cluster, usage_of(table), table.period,
              {id_usage_of(row, table.of == Of::wckeys ? ours(cluster).wckeys : ours(cluster).assocs)});
        return {};
      case OldRecords::transactions:
        break;
    }
    return {};
  }

  /// `changed`: what it brings for one that is there; null: that must not be.
  Result<void> put_job(const std::string& cluster, const SlurmRow& row, const SlurmRow* changed) {
    acct::Job job;
    job.cluster = cluster;
    read_job(cluster, row, job);
    const std::uint64_t number = job.db_index;
    if (job.job_id == 0 || number > kNumberMax) return fail(Errc::einval, "a job without its number, or with none");
    const bool deleted = row.flag("deleted");
    if (std::optional<acct::Job> known = find(job)) {
      if (!changed)
        return fail(Errc::einval, "job {} of {}, submitted at {}, is there already", job.job_id, cluster, job.submit.v);
      const std::uint64_t its_number = known->db_index;
      job = *std::move(known);
      read_job(cluster, *changed, job);
      job.db_index = its_number;
    } else if (deleted) {
      return {};
    } else if (number != 0 && !writer_.job(number)) {
      writer_.keep_number(number);
      placed_[{cluster, job.job_id, job.submit}] = number;
    } else {
      writer_.add(job);
    }
    if (number != 0) numbers_[{cluster, number}] = job.db_index;
    const acct::Assoc* assoc = books_.assocs().find(job.assoc_id);
    job.user = assoc ? assoc->user : "";
    writer_.put(job);
    return {};
  }

  void read_job(const std::string& cluster, const SlurmRow& row, acct::Job& job) {
    read(row, job);
    const std::uint64_t script = row.number("script_hash_inx"), environment = row.number("env_hash_inx");
    // A job that is there may know its script by another name.
    if (job.script_hash.empty()) job.script_hash = text_key(cluster, script);
    if (job.env_hash.empty()) job.env_hash = text_key(cluster, environment);
    if (!theirs_) return;
    const Renumbered& numbers = ours(cluster);
    if (job.db_index) job.db_index += numbers.jobs;
    job.assoc_id = renumbered(numbers.assocs, job.assoc_id);
    job.wckey_id = renumbered(numbers.wckeys, job.wckey_id);
  }

  const Renumbered& ours(const std::string& cluster) {
    const auto [at, is_new] = renumbered_.try_emplace(cluster);
    if (is_new && theirs_) at->second = find_renumbered(writer_, cluster);
    return at->second;
  }

  /// The one with the same number of its controller and the same submission.
  std::optional<acct::Job> find(const acct::Job& job) {
    if (const auto at = placed_.find({job.cluster, job.job_id, job.submit}); at != placed_.end())
      return writer_.job(at->second);
    return writer_.job(job.cluster, job.job_id, job.submit);
  }

  Result<void> put_step(const std::string& cluster, const SlurmRow& row, const SlurmRow* changed) {
    acct::Step step;
    read(row, step);
    FLURM_TRY(step.db_index, job_of_part(cluster, row));
    if (row.flag("deleted")) return {};
    if (std::optional<acct::Step> known = writer_.step(step.db_index, step.step_id, step.het_comp)) {
      if (!changed)
        return fail(Errc::einval, "step {} of the job with number {} is there already", step.step_id, step.db_index);
      const acct::Step fresh = std::exchange(step, *std::move(known));
      read(*changed, step);
      std::tie(step.db_index, step.step_id, step.het_comp) = std::tie(fresh.db_index, fresh.step_id, fresh.het_comp);
    }
    writer_.put(step);
    return {};
  }

  /// Our number of the job that a step or a suspension names. The job may come later.
  Result<std::uint64_t> job_of_part(const std::string& cluster, const SlurmRow& row) {
    std::uint64_t number = row.number("job_db_inx");
    if (number) number += ours(cluster).jobs;
    if (number == 0 || number > kNumberMax) return fail(Errc::einval, "a part of a job that says not of which");
    if (const auto at = numbers_.find({cluster, number}); at != numbers_.end()) return at->second;
    if (const std::optional<acct::Job> job = writer_.job(number); job && job->cluster != cluster)
      return fail(Errc::einval, "number {} is that of a job of {} here, not of {}", number, job->cluster, cluster);
    writer_.keep_number(number);
    return number;
  }

  static store::UsageOf usage_of(const Table& table) {
    return table.of == Of::wckeys ? store::UsageOf::wckeys : store::UsageOf::associations;
  }

  store::Writer& writer_;
  const acct::Books& books_;
  const bool theirs_;
  std::map<std::string, Renumbered> renumbered_;
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> numbers_;         // of a cluster there, and ours
  std::map<std::tuple<std::string, std::uint32_t, TimeS>, std::uint64_t> placed_;  // jobs that kept their numbers
  std::uint64_t rows_ = 0;
};

}  // namespace

bool is_of_slurmdbd(std::string_view text) { return is_sql(text) || is_slurm_archive(text); }

Result<std::uint64_t> load_of_slurmdbd(store::Writer& writer, const acct::Books& books, std::string_view text) {
  const bool binary = is_slurm_archive(text);
  Loading loading(writer, books, binary);
  FLURM_TRY_VOID((binary ? read_slurm_archive : read_sql)(
      text, [&](const SqlStatement& statement) { return loading.run(statement); }));
  writer.flush();
  return loading.rows();
}

}  // namespace flurm::dbd
