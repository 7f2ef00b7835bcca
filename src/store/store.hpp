// store/store.hpp — accounting on disk. Members block: call from worker threads; any of them, at once.
//
// The books (acct::Books) are kept whole in memory by those who use them, and written here change by change under a
// revision, so that several daemons on one database never overwrite each other. Jobs, steps and events are only here.
//
// Errors of all members: db_connection (the database failed; nothing was written).
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "acct/books.hpp"
#include "acct/job.hpp"
#include "base/result.hpp"
#include "store/archive.hpp"
#include "store/session.hpp"
#include "store/usage.hpp"

namespace flurm::store {

struct Loaded {
  std::shared_ptr<const acct::Books> books;
  std::uint64_t revision = 0;
};

/// Which jobs; empty lists and unset numbers ask for all. What SQL finds fast; the rest is for the caller to sift.
struct JobFilter {
  std::vector<std::string> clusters;
  std::vector<std::uint32_t> job_ids;  ///< also of arrays and heterogeneous jobs that these began
  std::vector<std::uint32_t> uids, assoc_ids;
  std::vector<std::string> accounts;
  TimeS period_start, period_end;  ///< alive at some time in it; 0: open
  bool unfinished_only = false;
};

struct EventFilter {
  std::vector<std::string> clusters;
  TimeS period_start, period_end;
  bool open_only = false;
};

/// What one transaction reads.
class Reader {
 public:
  explicit Reader(Session& session) : session_(session) {}
  /// By cluster, job id and submit time.
  std::vector<acct::Job> jobs(const JobFilter& filter);
  std::optional<acct::Job> job(std::uint64_t db_index);
  /// With these numbers, of any time; in no order.
  std::vector<acct::Job> jobs_of(const std::string& cluster, std::span<const std::uint32_t> job_ids);
  std::vector<acct::Step> steps_of(std::span<const std::uint64_t> db_indices);
  /// Of the cluster; the latest with this id and submit time.
  std::optional<acct::Job> job(const std::string& cluster, std::uint32_t job_id, TimeS submit);
  std::vector<acct::Step> steps(std::uint64_t db_index);
  std::optional<acct::Step> step(std::uint64_t db_index, std::uint32_t step_id, std::uint32_t het_comp);
  std::vector<acct::Suspension> suspensions(std::uint64_t db_index);
  std::vector<acct::Event> events(const EventFilter& filter);
  std::vector<acct::Reservation> reservations(const std::vector<std::string>& clusters);
  std::vector<acct::Transaction> transactions(TimeS from, TimeS to);
  /// A script (kind 1) or environment (2).
  std::optional<std::string> text(int kind, const std::string& hash);

  /// Of these associations: are there jobs, now running or ever?
  bool has_jobs(const std::string& cluster, std::span<const std::uint32_t> assoc_ids);
  bool has_jobs_of_qos(std::uint32_t qos_id);
  std::vector<acct::Job> running_jobs(const std::string& cluster, std::span<const std::uint32_t> assoc_ids);

  /// A number under a name, of the database as a whole; 0: none. Those of the store itself: last_job, last_transaction.
  std::int64_t mark(const std::string& name);
  /// All whose names begin so.
  std::map<std::string, std::int64_t> marks(const std::string& prefix);

  UsageReader usage() { return UsageReader(session_); }

 protected:
  Session& session_;
};

/// And what it writes. Jobs and steps are read once and written once: what is put waits in memory until the transaction
/// ends, and is found there meanwhile.
class Writer : private Reader {
 public:
  explicit Writer(Session& session) : Reader(session) {}

  /// Jobs with these numbers will be asked for: reads them and their steps at once.
  void expect(const std::string& cluster, std::vector<std::uint32_t> job_ids);
  std::optional<acct::Job> job(std::uint64_t db_index);
  std::optional<acct::Job> job(const std::string& cluster, std::uint32_t job_id, TimeS submit);
  std::optional<acct::Step> step(std::uint64_t db_index, std::uint32_t step_id, std::uint32_t het_comp);
  std::vector<acct::Job> jobs(const JobFilter& filter);
  std::vector<acct::Step> steps(std::uint64_t db_index);
  using Reader::events;
  using Reader::mark;
  using Reader::marks;
  using Reader::reservations;
  using Reader::suspensions;
  using Reader::text;
  using Reader::transactions;
  using Reader::usage;

  /// A new record; sets its db_index (store/numbers.hpp).
  void add(acct::Job& job);
  /// The record has its db_index already: new ones get others.
  void keep_number(std::uint64_t db_index);
  /// In place of what has the same db_index.
  void put(const acct::Job& job);
  void put(const acct::Step& step);
  void put(const acct::Suspension& suspension);
  void put(const acct::Event& event);
  void put(const acct::Reservation& reservation);
  void put(const acct::Transaction& transaction);
  void set_mark(const std::string& name, std::int64_t value);
  /// All whose names begin so.
  void clear_marks(const std::string& prefix);
  void add_text(int kind, const std::string& hash, const std::string& text);
  /// Something was reported of a time that may be rolled up already; see UsageWriter.
  void stale_from(const std::string& cluster, TimeS when);
  /// All of the cluster, whatever its age; see Archiver::remove.
  void remove(OldRecords kind, const std::string& cluster);
  void remove_jobs(const std::string& cluster, const std::string& nodes);

  /// All that was not put or added above goes to the database at once, and sees what is there: flush() first.
  UsageWriter usage_writer() { return UsageWriter(session_); }
  Archiver archiver() { return Archiver(session_); }
  /// Writes what waits. Store::write() does so at the end.
  void flush();

 private:
  template <class Record>
  struct Held {
    std::optional<Record> record;  ///< none: it is known that there is none
    bool stored = false, changed = false;
  };
  using StepKey = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>;  // db_index, step, heterogeneous component
  using JobKey = std::tuple<std::string, std::uint32_t, TimeS>;

  acct::Job& hold(acct::Job job);
  void hold(acct::Step step);
  std::uint64_t& last_job();
  void forget();
  void flush_jobs();
  void flush_steps();

  std::map<std::uint64_t, Held<acct::Job>> jobs_;  // by db_index
  std::map<JobKey, std::uint64_t> latest_;         // the db_index of the latest run; 0: there is none
  std::map<StepKey, Held<acct::Step>> steps_;
  std::set<std::pair<std::string, std::uint32_t>> whole_;  // cluster and number: all jobs of it are here
  std::set<std::uint64_t> all_steps_;                      // jobs of which all steps are here
  std::optional<std::uint64_t> last_job_;                  // how many numbers were given out
  std::map<std::string, TimeS> stale_;
};

class Store {
 public:
  /// Brings the database to the present schema. A SQLite file is made when it is not there; the others' databases must
  /// exist, empty or ours.
  static Result<std::unique_ptr<Store>> open(const Place& place);
  ~Store();

  /// The books as they are on disk; those of a new database are `founding`.
  Result<Loaded> load(const acct::Books& founding);
  /// Writes what differs between the two, and the log of it. Returns the new revision.
  /// Errors: outdated (the books on disk are not those of `revision`).
  Result<std::uint64_t> save(const acct::Books& before, const acct::Books& after,
                             std::span<const acct::Transaction> log, std::uint64_t revision);
  Result<std::uint64_t> revision();

  /// One transaction; rolled back when `work` returns an error.
  Result<void> write(const std::function<Result<void>(Writer&)>& work);
  Result<void> read(const std::function<void(Reader&)>& work);

 private:
  explicit Store(Place place) : place_(std::move(place)) {}
  template <class Work>
  auto writing(Work&& work) -> decltype(work(std::declval<Session&>()));

  Place place_;
  std::mutex writing_;
  std::unique_ptr<Session> writer_;  // none after an error: the next one who writes connects again
  std::mutex idle_mutex_;
  std::vector<std::unique_ptr<Session>> idle_readers_;
};

}  // namespace flurm::store
