// dbd/rollup.hpp — usage per hour, day and month, brought up to date.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "dbd/ledger.hpp"
#include "dbd/statistics.hpp"

namespace flurm::dbd {

/// Blocks for as long as there is something to do; call from a worker. Several may run, also in several daemons on one
/// database: a cluster is rolled up by one at a time.
class Rollup {
 public:
  /// What it is given must outlive it.
  Rollup(store::Store& store, Ledger& ledger, Statistics& statistics, bool track_wckey)
      : store_(store), ledger_(ledger), statistics_(statistics), track_wckey_(track_wckey) {}

  /// Where another roll-up of a cluster runs: who asks waits for his turn, the clock leaves the cluster to the other.
  enum class Turn : std::uint8_t { waits, passes };

  /// The whole hours from `start` to `end`, of all clusters; 0: from where each was left, to the present. The first
  /// error is told when all clusters were tried: db_connection.
  Result<void> run(TimeS start, TimeS end, TimeS now, Turn turn);
  /// Ends what runs at the next opportunity. Any thread.
  void stop() { stopping_ = true; }

 private:
  struct Begun {
    store::Rollup done;
    TimeS first;  ///< when the cluster's controller registered
  };
  /// None: no controller ever registered, or another daemon is at it.
  Result<std::optional<Begun>> begin(const std::string& cluster, TimeS now, Turn turn);
  Result<void> roll(const std::string& cluster, TimeS start, TimeS end, TimeS now, Turn turn);
  Result<void> roll_hours(const std::string& cluster, TimeS from, TimeS to);
  Result<void> roll_sums(const std::string& cluster, acct::Period period, TimeS from, TimeS to);

  store::Store& store_;
  Ledger& ledger_;
  Statistics& statistics_;
  const bool track_wckey_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace flurm::dbd
