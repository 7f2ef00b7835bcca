// dbd/import.cpp — see the header.
#include "dbd/import.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "dbd/configuration.hpp"
#include "dbd/renumbered.hpp"
#include "dbd/slurm_tables.hpp"
#include "fmt/format.h"
#include "io/clock.hpp"
#include "store/store.hpp"

namespace flurm::dbd {

namespace {

using store::Row;
using store::Writer;

/// Rows of a transaction, more or less.
constexpr std::int64_t kAtOnce = 5000;
/// Set as long as an import is under way. Marks of its parts begin with it, too.
constexpr const char* kUnderWay = "import";

class Import {
 public:
  Import(store::Session& source, store::Store& target) : source_(source), target_(target) {}

  Result<ImportReport> run() {
    all_ = read_books(source_);
    if (all_.books.clusters.size() == 0 && all_.books.users.size() == 0)
      return fail(Errc::einval, "there are no tables of a slurmdbd in the database");
    FLURM_TRY_VOID(begin());
    count("clusters", all_.books.clusters.size());
    count("accounts", all_.books.accounts.size());
    count("users", all_.books.users.size());
    count("associations", all_.books.assocs().size());
    count("QOS", all_.books.qos.size());
    count("TRES", all_.books.tres.size());
    count("wckeys", all_.books.wckeys.size());
    count("resources", all_.books.resources.size());
    count("federations", all_.books.federations.size());
    FLURM_TRY_VOID(transactions());
    for (const auto& [name, numbers] : all_.clusters) {
      FLURM_TRY_VOID(texts(name, 1, "_job_script_table", "batch_script"));
      FLURM_TRY_VOID(texts(name, 2, "_job_env_table", "env_vars"));
      FLURM_TRY_VOID(jobs(name, numbers));
      FLURM_TRY_VOID(events(name));
      FLURM_TRY_VOID(reservations(name, numbers));
      FLURM_TRY_VOID(usage(name, numbers));
    }
    FLURM_TRY_VOID(target_.write([&](Writer& writer) -> Result<void> {
      writer.clear_marks(kUnderWay);
      writer.set_mark("last_job", std::max(writer.mark("last_job"), static_cast<std::int64_t>(all_.last_job)));
      return {};
    }));
    return std::move(report_);
  }

 private:
  void count(const std::string& what, std::uint64_t n) {
    const auto at = std::ranges::find(report_, what, &std::pair<std::string, std::uint64_t>::first);
    if (at == report_.end())
      report_.emplace_back(what, n);
    else
      at->second += n;
  }

  /// Books in place of the founding ones, unless an import that was interrupted has put them there.
  Result<void> begin() {
    FLURM_TRY(const store::Loaded loaded, target_.load(acct::founding_books(io::now())));
    bool under_way = false, empty = false;
    FLURM_TRY_VOID(target_.read([&](store::Reader& reader) {
      under_way = reader.mark(kUnderWay) != 0;
      empty = reader.mark("last_job") == 0 && reader.mark("last_transaction") == 0;
    }));
    const bool founded = loaded.books->clusters.size() == 0 && loaded.books->users.size() <= 1;
    if (under_way && !founded) return {};
    if (!founded || !empty)
      return fail(Errc::einval, "the store holds accounting already: an import needs one that is empty");
    FLURM_TRY_VOID(target_.write([&](Writer& writer) -> Result<void> {
      writer.set_mark(kUnderWay, 1);
      for (const auto& [name, numbers] : all_.clusters) keep_renumbered(writer, name, numbers);
      return {};
    }));
    const auto saved = target_.save(*loaded.books, all_.books, {}, loaded.revision);
    return saved ? Result<void>() : fail(saved.error());
  }

  /// Copies part after part. `part` is given a mark and a writer; it returns the next mark, or the same: it is done.
  /// What it counts it counts only when it is committed.
  Result<void> copy(const std::string& name, const std::function<std::int64_t(Writer&, std::int64_t)>& part) {
    const std::string mark = fmt::format("{}:{}", kUnderWay, name);
    for (bool more = true; more;) {
      const ImportReport before = report_;
      const auto copied = target_.write([&](Writer& writer) -> Result<void> {
        report_ = before;
        const std::int64_t at = writer.mark(mark), next = part(writer, at);
        more = next != at;
        if (more) writer.set_mark(mark, next);
        return {};
      });
      if (!copied) return copied;
    }
    return {};
  }
  /// The value of `column` up to which a part goes, after `at`; `at`: there is nothing left.
  static std::int64_t part_end(const SlurmTable& table, const std::string& column, std::int64_t at) {
    const std::string after = fmt::format("WHERE `{}` > ? ", column);
    const std::int64_t end =
        table.number(fmt::format("`{}`", column),
                     fmt::format("{}ORDER BY `{}` LIMIT 1 OFFSET {}", after, column, kAtOnce - 1), {at});
    return end ? end : std::max(at, table.number(fmt::format("MAX(`{}`)", column), after, {at}));
  }
  static void each_between(const SlurmTable& table, const std::string& column, std::int64_t after, std::int64_t to,
                           const std::function<void(const SlurmRow&)>& visit) {
    table.each(fmt::format("WHERE `{0}` > ? AND `{0}` <= ? ORDER BY `{0}`", column), {after, to}, visit);
  }

  Result<void> transactions() {
    const SlurmTable table(source_, "txn_table");
    return copy("transactions", [&](Writer& writer, std::int64_t at) {
      const std::int64_t end = part_end(table, "id", at);
      std::uint64_t copied = 0;
      each_between(table, "id", at, end, [&](const SlurmRow& row) {
        writer.put(transaction_of(row));
        ++copied;
      });
      count("transactions", copied);
      if (copied) writer.set_mark("last_transaction", end);
      return end;
    });
  }

  Result<void> texts(const std::string& cluster, int kind, const char* table_name, const char* text) {
    const SlurmTable table(source_, cluster + table_name);
    return copy(cluster + table_name, [&](Writer& writer, std::int64_t at) {
      const std::int64_t end = part_end(table, "hash_inx", at);
      each_between(table, "hash_inx", at, end, [&](const SlurmRow& row) {
        writer.add_text(kind, text_key(cluster, row.number("hash_inx")), row.text(text));
        count(kind == 1 ? "job scripts" : "job environments", 1);
      });
      return end;
    });
  }

  /// Jobs with their steps and the times when they were suspended.
  Result<void> jobs(const std::string& cluster, const Renumbered& numbers) {
    const SlurmTable job_table(source_, cluster + "_job_table"), step_table(source_, cluster + "_step_table"),
        suspend_table(source_, cluster + "_suspend_table");
    return copy(cluster + "_jobs", [&](Writer& writer, std::int64_t at) {
      const std::int64_t end = part_end(job_table, "job_db_inx", at);
      if (end == at) return end;
      std::set<std::uint64_t> known;
      each_between(job_table, "job_db_inx", at, end, [&](const SlurmRow& row) {
        if (row.flag("deleted")) return;
        acct::Job job = job_of(row, cluster, all_);
        job.script_hash = text_key(cluster, row.number("script_hash_inx"));
        job.env_hash = text_key(cluster, row.number("env_hash_inx"));
        known.insert(job.db_index);
        writer.put(job);
        count("jobs", 1);
      });
      each_between(step_table, "job_db_inx", at, end, [&](const SlurmRow& row) {
        if (row.flag("deleted") || !known.contains(row.number("job_db_inx") + numbers.jobs)) return;
        writer.put(step_of(row, numbers));
        count("steps", 1);
      });
      each_between(suspend_table, "job_db_inx", at, end, [&](const SlurmRow& row) {
        const std::uint64_t job = row.number("job_db_inx") + numbers.jobs;
        if (!known.contains(job)) return;
        writer.put(acct::Suspension{job, row.time("time_start"), row.time("time_end")});
        count("suspensions", 1);
      });
      writer.set_mark("last_job", std::max(writer.mark("last_job"), end + static_cast<std::int64_t>(numbers.jobs)));
      return end;
    });
  }

  Result<void> events(const std::string& cluster) {
    const SlurmTable table(source_, cluster + "_event_table");
    return copy(cluster + "_events", [&](Writer& writer, std::int64_t at) {
      const std::int64_t end = part_end(table, "time_start", at);
      each_between(table, "time_start", at, end, [&](const SlurmRow& row) {
        writer.put(event_of(row, cluster));
        count("events", 1);
      });
      return end;
    });
  }

  Result<void> reservations(const std::string& cluster, const Renumbered& numbers) {
    const SlurmTable table(source_, cluster + "_resv_table");
    return copy(cluster + "_reservations", [&](Writer& writer, std::int64_t at) {
      const std::int64_t end = part_end(table, "time_start", at);
      each_between(table, "time_start", at, end, [&](const SlurmRow& row) {
        writer.put(reservation_of(row, cluster, numbers));
        count("reservations", 1);
      });
      return end;
    });
  }

  Result<void> usage(const std::string& cluster, const Renumbered& numbers) {
    using acct::Period;
    using store::UsageOf;
    constexpr std::pair<Period, const char*> kPeriods[] = {
        {Period::hour, "hour"}, {Period::day, "day"}, {Period::month, "month"}};
    for (const auto& [period, word] : kPeriods) {
      FLURM_TRY_VOID(usage_of_ids(cluster, UsageOf::associations, period,
                                  fmt::format("{}_assoc_usage_{}_table", cluster, word), numbers.assocs));
      FLURM_TRY_VOID(usage_of_ids(cluster, UsageOf::wckeys, period,
                                  fmt::format("{}_wckey_usage_{}_table", cluster, word), numbers.wckeys));
      FLURM_TRY_VOID(usage_of_cluster(cluster, period, fmt::format("{}_usage_{}_table", cluster, word)));
    }
    store::Rollup done;
    SlurmTable(source_, cluster + "_last_ran_table").each("", {}, [&](const SlurmRow& row) {
      done = {row.time("hourly_rollup"), row.time("daily_rollup"), row.time("monthly_rollup")};
    });
    return target_.write([&](Writer& writer) -> Result<void> {
      if (done.hours_until && writer.usage_writer().begin(cluster, {}, {})) writer.usage_writer().end(cluster, done);
      return {};
    });
  }

  Result<void> usage_of_ids(const std::string& cluster, store::UsageOf kind, acct::Period period,
                            const std::string& table_name, const std::map<std::uint32_t, std::uint32_t>& numbers) {
    const SlurmTable table(source_, table_name);
    return copy(table_name, [&](Writer& writer, std::int64_t at) {
      const std::int64_t end = part_end(table, "time_start", at);
      std::vector<store::IdUsage> list;
      each_between(table, "time_start", at, end, [&](const SlurmRow& row) {
        if (row.flag("deleted")) return;
        list.push_back(id_usage_of(row, numbers));
      });
      writer.usage_writer().add(cluster, kind, period, list);
      count(kind == store::UsageOf::associations ? "usage of associations" : "usage of wckeys", list.size());
      return end;
    });
  }

  Result<void> usage_of_cluster(const std::string& cluster, acct::Period period, const std::string& table_name) {
    const SlurmTable table(source_, table_name);
    return copy(table_name, [&](Writer& writer, std::int64_t at) {
      const std::int64_t end = part_end(table, "time_start", at);
      std::vector<store::ClusterUsage> list;
      each_between(table, "time_start", at, end, [&](const SlurmRow& row) {
        if (row.flag("deleted")) return;
        list.push_back(cluster_usage_of(row));
      });
      writer.usage_writer().add(cluster, period, list);
      count("usage of clusters", list.size());
      return end;
    });
  }

  store::Session& source_;
  store::Store& target_;
  SlurmBooks all_;
  ImportReport report_;
};

}  // namespace

Result<ImportReport> import_from_slurmdbd(const ImportOptions& options) {
  FLURM_TRY(const conf::SlurmdbdConf from, load_configuration(options.from));
  FLURM_TRY(const conf::SlurmdbdConf ours, load_configuration(options.config_file));
  const store::Place place = place_of(from);
  if (place.kind != store::Place::Kind::mysql)
    return fail(Errc::einval, "{}: StorageType={} is no database of slurmdbd", options.from, from.storage_type);
  const store::Place target_place = place_of(ours);
  if (target_place.kind == place.kind && target_place.name == place.name && target_place.host == place.host &&
      target_place.port == place.port)
    return fail(Errc::einval, "both configurations name the database {} on {}", place.name, place.host);
  FLURM_TRY(const std::unique_ptr<store::Store> target, store::Store::open(target_place));
  try {
    store::Session source(place);
    return Import(source, *target).run();
  } catch (const store::DatabaseError& error) {
    return fail(Errc::db_connection, "slurmdbd's database {} on {}: {}", place.name, place.host, error.what());
  }
}

}  // namespace flurm::dbd
