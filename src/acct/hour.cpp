// acct/hour.cpp — the sums of an hour (rules: slurm 22.05 src/plugins/accounting_storage/mysql/as_mysql_rollup.c).
#include "acct/hour.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace flurm::acct {

namespace {

// slurm 22.05 slurm/slurm.h: RESERVE_FLAG_*, NODE_STATE_*.
constexpr std::uint64_t kMaintenance = 1ull << 0, kIgnoreJobs = 1ull << 6;
constexpr std::uint32_t kStateBase = 0xf, kFuture = 6, kCloud = 1u << 7, kPoweredDown = 1u << 12, kNodeMaint = 1u << 15;

/// Nodes are shared by jobs, so that their sum would say nothing.
bool counts(std::uint32_t tres) { return tres != tres_node; }

/// "1,2,-3": those that may use it.
std::vector<std::uint32_t> ids(const std::string& list) {
  std::vector<std::uint32_t> out;
  for (const char* at = list.c_str(); *at;) {
    char* next = nullptr;
    const long id = std::strtol(at, &next, 10);
    if (next == at) {
      ++at;
      continue;
    }
    if (id > 0) out.push_back(static_cast<std::uint32_t>(id));
    at = next;
  }
  return out;
}

std::uint64_t less(std::uint64_t from, std::uint64_t what) { return from > what ? from - what : 0; }

/// Of a job's suspensions, what falls into its time.
std::int64_t suspended_seconds(const JobUse& job, TimeS start, TimeS end) {
  std::int64_t seconds = 0;
  for (const Suspension& each : job.suspensions)
    seconds += std::max<std::int64_t>(0, std::min(each.end ? each.end : end, end) - std::max(each.start, start));
  return seconds;
}

}  // namespace

std::int64_t Hour::overlap(TimeS a_start, TimeS a_end, TimeS b_start, TimeS b_end) {
  return std::max<std::int64_t>(0, std::min(a_end, b_end) - std::max(a_start, b_start));
}

void Hour::add_total(Amounts& amounts, const TresCounts& wanted, std::int64_t seconds) {
  for (const auto& [tres, count] : wanted) {
    if (!counts(tres)) continue;
    Amount& amount = amounts[tres];
    amount.count = count;
    amount.total += static_cast<std::uint64_t>(seconds) * count;
  }
}

void Hour::take(Amounts& amounts, const TresCounts& taken, std::int64_t seconds) {
  if (seconds <= 0) return;
  for (auto& [tres, amount] : amounts)
    if (auto at = taken.find(tres); at != taken.end())
      amount.total = less(amount.total, static_cast<std::uint64_t>(seconds) * at->second);
}

Hour::Hour(TimeS start, TimeS end, std::span<const Event> events, std::span<const Reservation> reservations)
    : start_(start), end_(end) {
  usage_.start = start;
  for (const Reservation& each : reservations) {
    const std::int64_t seconds = overlap(each.start, each.end, start, end);
    if (seconds < 1) continue;
    Reserved& reserved = reservations_.emplace_back();
    reserved.id = each.id;
    reserved.flags = each.flags;
    reserved.start = std::max(each.start, start);
    reserved.end = std::min(each.end, end);
    reserved.began = each.start;
    reserved.unused_wall = static_cast<double>(seconds);
    reserved.assocs = ids(each.assocs);
    if (auto nodes = HostSet::parse(each.nodes)) reserved.nodes = std::move(*nodes);
    add_total(reserved.amounts, parse_tres(each.tres), seconds);
  }
  for (const bool of_cluster : {true, false})
    for (const Event& each : events) {
      if (each.node.empty() != of_cluster || (each.state & kNodeMaint)) continue;
      const TimeS from = std::max(each.start, start), to = each.end && each.end < end ? each.end : end;
      if (to - from < 1) continue;
      if (of_cluster)
        add_cluster(each, from, to);
      else if (registered_)
        add_down(each, from, to);
    }
  if (!registered_) return;
  for (const Reserved& each : reservations_) {
    // Jobs within it are not told apart from the others, so they count for themselves.
    if (each.flags & kIgnoreJobs) continue;
    for (const auto& [tres, amount] : each.amounts) {
      if (amount.total == 0) continue;
      Amount& of_cluster = cluster_[tres];
      (each.flags & kMaintenance ? of_cluster.planned_down : of_cluster.alloc) += amount.total;
    }
  }
}

void Hour::add_cluster(const Event& event, TimeS start, TimeS end) {
  const TresCounts tres = parse_tres(event.tres);
  if (event.state != 0) {
    Outage& outage = outages_.emplace_back(Outage{start, end, {}});
    return add_total(outage.amounts, tres, end - start);
  }
  // The cluster may have changed within the hour: each part counts for its time, and the last says how many there are.
  if (!registered_) cluster_start_ = start;
  registered_ = true;
  cluster_end_ = end;
  add_total(cluster_, tres, end - start);
}

void Hour::add_down(const Event& event, TimeS start, TimeS end) {
  const TresCounts tres = parse_tres(event.tres);
  const auto add = [&](std::int64_t seconds, bool planned) {
    if (seconds < 1) return;
    for (const auto& [id, count] : tres) {
      Amount& amount = cluster_[id];
      (planned ? amount.planned_down : amount.down) += static_cast<std::uint64_t>(seconds) * count;
    }
  };
  std::int64_t reserved_seconds = 0;
  for (Reserved& each : reservations_) {
    if (!each.nodes.contains(event.node)) continue;
    const std::int64_t seconds = overlap(start, end, each.start, each.end);
    if (seconds < 1) continue;
    reserved_seconds += seconds;
    add(seconds, each.flags & kMaintenance);
    take(each.amounts, tres, seconds);
  }
  const bool planned =
      (event.state & kStateBase) == kFuture || ((event.state & kCloud) && (event.state & kPoweredDown));
  add(overlap(start, end, cluster_start_, cluster_end_) - reserved_seconds, planned);
  for (Outage& each : outages_) take(each.amounts, tres, overlap(start, end, each.start, each.end));
}

void Hour::use_reservation(const JobUse& job, TimeS start, TimeS end) {
  for (Reserved& each : reservations_) {
    if (each.id != job.resv_id) continue;
    const std::int64_t seconds = overlap(start, end, each.start, each.end);
    if (seconds < 1) continue;
    if (registered_ && each.flags & kIgnoreJobs)
      for (const auto& [tres, count] : job.tres) cluster_[tres].alloc += static_cast<std::uint64_t>(seconds) * count;
    bool first = true;
    for (auto& [tres, amount] : each.amounts) {
      const auto at = job.tres.find(tres);
      if (at == job.tres.end() || amount.count == 0) continue;
      // As in Slurm a job takes the whole reservation while it runs, however little of it it has.
      amount.alloc += static_cast<std::uint64_t>(seconds) * amount.count;
      if (!std::exchange(first, false)) continue;
      const double share = static_cast<double>(at->second) / static_cast<double>(amount.count);
      each.unused_wall -= static_cast<double>(seconds) * share;
    }
  }
}

void Hour::add(const JobUse& job) {
  TimeS start = job.start, end = job.end;
  if (start && start < start_) start = start_;
  if (!start && end) start = end;
  if (!end || end > end_) end = end_;
  const std::int64_t seconds = start ? std::max<std::int64_t>(0, end - start) : 0;
  if (seconds > 0) {
    const std::int64_t suspended = suspended_seconds(job, start, end);
    for (const auto& [tres, count] : job.tres) {
      // Energy is known for the whole job only. Of the rest, suspended jobs give back their CPUs.
      const std::int64_t used = tres == tres_cpu ? std::max<std::int64_t>(0, seconds - suspended) : seconds;
      const std::uint64_t amount = tres == tres_energy ? count : count * static_cast<std::uint64_t>(used);
      if (amount == 0 || count == kNoVal64) continue;
      usage_.assocs[{job.assoc_id, tres}] += amount;
      if (job.wckey_id != 0) usage_.wckeys[{job.wckey_id, tres}] += amount;
      if (auto at = cluster_.find(tres); at != cluster_.end() && registered_ && job.resv_id == 0)
        at->second.alloc += amount;
    }
    for (Outage& each : outages_) take(each.amounts, job.tres, overlap(start, end, each.start, each.end));
  }
  // A reservation is counted whole, whether jobs use it or not; who waits for it does not wait for the cluster.
  if (job.resv_id != 0) {
    if (seconds > 0) use_reservation(job, start, end);
    return;
  }
  if (!registered_ || (start && start < cluster_start_)) return;
  const TimeS from = std::max(job.eligible, cluster_start_), to = start ? std::min(start, cluster_end_) : cluster_end_;
  if (to - from < 1) return;
  const auto waited = static_cast<std::uint64_t>(to - from) * std::max(1u, job.array_pending);
  cluster_[tres_cpu].planned += waited * job.req_cpus;
}

/// What nobody used of a reservation is laid to those who could have.
void Hour::share_idle_reservations() {
  for (const Reserved& each : reservations_) {
    usage_.unused.push_back({each.id, each.began, each.unused_wall});
    for (const auto& [tres, amount] : each.amounts) {
      if (amount.total <= amount.alloc) break;  // the same holds for the others
      const std::uint64_t share = (amount.total - amount.alloc) / std::max<std::size_t>(1, each.assocs.size());
      if (share == 0) continue;
      for (std::uint32_t assoc : each.assocs) usage_.assocs[{assoc, tres}] += share;
    }
  }
}

/// Makes the parts add up to what there was: what is too much is taken from the least certain.
ClusterUse Hour::settle(const Amount& amount) const {
  ClusterUse use{amount.count, amount.alloc, amount.down, amount.planned_down, 0, 0, amount.planned};
  if (amount.total != 0) {
    use.alloc = std::min(use.alloc, amount.total);
    use.down = std::min(use.down, amount.total - use.alloc);
    use.planned_down = std::min(use.planned_down, amount.total - use.alloc - use.down);
  }
  const std::uint64_t used = use.alloc + use.down + use.planned_down;
  use.over = less(used + use.planned, amount.total);
  use.planned = less(use.planned, use.over);
  use.idle = less(amount.total, used + use.planned);
  return use;
}

HourUsage Hour::finish() && {
  share_idle_reservations();
  if (registered_) {
    for (const Outage& each : outages_)
      for (const auto& [tres, amount] : each.amounts) cluster_[tres].down += amount.total;
    for (const auto& [tres, amount] : cluster_) usage_.cluster[tres] = settle(amount);
  }
  return std::move(usage_);
}

}  // namespace flurm::acct
