// store/usage.hpp — rolled-up usage in the database: what a roll-up reads, what it writes, what is asked of it.
//
// As Store's: all may throw DatabaseError inside Store::read() and Store::write().
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "acct/hour.hpp"
#include "store/session.hpp"

namespace flurm::store {

/// How far a cluster is rolled up. Times: the end of the last whole period that is done; 0: not even begun.
struct Rollup {
  TimeS hours_until, days_until, months_until;
};

enum class UsageOf : std::uint8_t { associations = 0, wckeys = 1 };

struct IdUsage {
  std::uint32_t id = 0, tres = 0;
  TimeS start;
  std::uint64_t alloc = 0;  ///< TRES-seconds
};

struct ClusterUsage {
  std::uint32_t tres = 0;
  TimeS start;
  acct::ClusterUse use;
};

class UsageReader {
 public:
  explicit UsageReader(Session& session) : session_(session) {}

  /// Jobs of the cluster that were eligible before `to` and not over before `from`, in no order.
  void for_jobs(const std::string& cluster, TimeS from, TimeS to,
                const std::function<void(const acct::JobUse&)>& visit);
  std::vector<acct::Event> events(const std::string& cluster, TimeS from, TimeS to);
  std::vector<acct::Reservation> reservations(const std::string& cluster, TimeS from, TimeS to);
  /// When a controller of the cluster registered first.
  std::optional<TimeS> first_registration(const std::string& cluster);

  /// Periods that begin in [from, to), in the order of their time.
  std::vector<IdUsage> of_ids(const std::string& cluster, UsageOf kind, acct::Period period, TimeS from, TimeS to);
  std::vector<ClusterUsage> of_cluster(const std::string& cluster, acct::Period period, TimeS from, TimeS to);

 private:
  Session& session_;
};

class UsageWriter {
 public:
  explicit UsageWriter(Session& session) : session_(session) {}

  /// Begins to roll up, unless another daemon is at it: it has until `busy_until`. What is reported meanwhile about
  /// times that are done is noted, and keeps the ends behind it.
  std::optional<Rollup> begin(const std::string& cluster, TimeS now, TimeS busy_until);
  void busy(const std::string& cluster, TimeS until);
  void end(const std::string& cluster, const Rollup& done);
  /// Something at this time changed: hours, days and months from there on have to be done again.
  void stale_from(const std::string& cluster, TimeS when);

  /// Usage that is not there yet.
  void add(const std::string& cluster, UsageOf kind, acct::Period period, const std::vector<IdUsage>& list);
  void add(const std::string& cluster, acct::Period period, const std::vector<ClusterUsage>& list);
  /// In place of what was there.
  void put(const std::string& cluster, const acct::HourUsage& hour);
  /// The same, one by one.
  void put(const std::string& cluster, UsageOf kind, acct::Period period, const std::vector<IdUsage>& list);
  void put(const std::string& cluster, acct::Period period, const std::vector<ClusterUsage>& list);
  /// All of the cluster.
  void remove(const std::string& cluster, UsageOf kind, acct::Period period);
  void remove(const std::string& cluster, acct::Period period);
  /// The sum of the period's hours, or of the month's days.
  void sum_up(const std::string& cluster, acct::Period period, TimeS from, TimeS to);

 private:
  void lock(const std::string& cluster);

  Session& session_;
};

}  // namespace flurm::store
