// store/store.hpp — accounting on disk. Members block: call from worker threads; any of them, at once.
//
// The books (acct::Books) are kept whole in memory by those who use them, and written here change by change under a
// revision, so that several daemons on one database never overwrite each other. Jobs, steps and events are only here.
//
// Errors of all members: db_connection (the database failed; nothing was written).
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "acct/books.hpp"
#include "acct/job.hpp"
#include "base/result.hpp"
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

  UsageReader usage() { return UsageReader(session_); }

 protected:
  Session& session_;
};

/// And what it writes.
class Writer : public Reader {
 public:
  using Reader::Reader;
  /// A new record; sets its db_index.
  void add(acct::Job& job);
  void put(const acct::Job& job);
  void put(const acct::Step& step);
  void put(const acct::Suspension& suspension);
  void put(const acct::Event& event);
  void put(const acct::Reservation& reservation);
  void add_text(int kind, const std::string& hash, const std::string& text);

  UsageWriter usage_writer() { return UsageWriter(session_); }
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
