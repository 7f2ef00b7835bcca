// acct/hour.hpp — what was used in an hour: jobs, outages and reservations turned into TRES-seconds.
//
// Pure: whoever rolls up reads the records that touch the hour, gives them to an Hour and writes what comes out. Days
// and months are sums of hours.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "acct/job.hpp"
#include "base/hostlist.hpp"

namespace flurm::acct {

enum class Period : std::uint8_t { hour = 0, day = 1, month = 2 };

/// Of one TRES of a cluster in a period; all but `count` in TRES-seconds.
struct ClusterUse {
  std::uint64_t count = 0;         ///< how many of it there are
  std::uint64_t alloc = 0;         ///< used by jobs, or set apart by reservations
  std::uint64_t down = 0;          ///< on nodes that were down, or while the controller was
  std::uint64_t planned_down = 0;  ///< in maintenance
  std::uint64_t idle = 0;
  std::uint64_t over = 0;     ///< asked for beyond what there was
  std::uint64_t planned = 0;  ///< that eligible jobs waited for
  bool operator==(const ClusterUse&) const = default;
};

/// Id of an association or wckey, and of a TRES.
using IdTres = std::pair<std::uint32_t, std::uint32_t>;

struct HourUsage {
  TimeS start;
  std::map<std::uint32_t, ClusterUse> cluster;  ///< by TRES; empty: no controller was registered
  std::map<IdTres, std::uint64_t> assocs, wckeys;
  /// Seconds of a reservation in this hour that no job has used; less than none where jobs go beyond it (FLEX).
  struct Unused {
    std::uint32_t reservation = 0;
    TimeS start;
    double wall = 0;
    bool operator==(const Unused&) const = default;
  };
  std::vector<Unused> unused;
};

/// Of a job, what its usage depends on.
struct JobUse {
  std::uint32_t assoc_id = 0, wckey_id = 0, resv_id = 0, req_cpus = 0, array_pending = 0;
  TimeS eligible, start, end;
  TresCounts tres;
  std::vector<Suspension> suspensions;
};

class Hour {
 public:
  /// What touches [start, end): events of the cluster (those with an empty node, in the order of their time, say what
  /// the cluster consists of) and of nodes, and reservations.
  Hour(TimeS start, TimeS end, std::span<const Event> events, std::span<const Reservation> reservations);
  /// A job that was eligible before the end, and not over before the start.
  void add(const JobUse& job);
  HourUsage finish() &&;

 private:
  struct Amount {
    std::uint64_t count = 0, total = 0, alloc = 0, down = 0, planned_down = 0, planned = 0;
  };
  using Amounts = std::map<std::uint32_t, Amount>;
  struct Reserved {
    std::uint32_t id = 0;
    std::uint64_t flags = 0;
    TimeS start, end, began;
    double unused_wall = 0;
    std::vector<std::uint32_t> assocs;
    HostSet nodes;
    Amounts amounts;
  };
  /// The controller was away.
  struct Outage {
    TimeS start, end;
    Amounts amounts;
  };
  /// Seconds that two periods share.
  static std::int64_t overlap(TimeS a_start, TimeS a_end, TimeS b_start, TimeS b_end);
  static void add_total(Amounts& amounts, const TresCounts& counts, std::int64_t seconds);
  static void take(Amounts& amounts, const TresCounts& counts, std::int64_t seconds);

  void add_cluster(const Event& event, TimeS start, TimeS end);
  void add_down(const Event& event, TimeS start, TimeS end);
  void use_reservation(const JobUse& job, TimeS start, TimeS end);
  void share_idle_reservations();
  ClusterUse settle(const Amount& amount) const;

  TimeS start_, end_;
  bool registered_ = false;
  TimeS cluster_start_, cluster_end_;
  Amounts cluster_;
  std::vector<Outage> outages_;
  std::vector<Reserved> reservations_;
  HourUsage usage_;
};

}  // namespace flurm::acct
