// dbd/statistics.hpp — how often each request came, from whom, and how long it took.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "acct/hour.hpp"
#include "wire/msg/dbd_messages.hpp"
#include "wire/msg_type.hpp"

namespace flurm::dbd {

/// Any thread.
class Statistics {
 public:
  explicit Statistics(TimeS since) : since_(since) {}

  void count(wire::MsgType type, std::uint32_t uid, std::uint64_t us) {
    std::lock_guard lock(mutex_);
    for (Sum* sum : {&by_type_[static_cast<std::uint32_t>(type)], &by_user_[uid]}) {
      ++sum->count;
      sum->us += us;
    }
  }
  /// A roll-up of all clusters has ended; `asked`: by somebody, not by the clock.
  void rolled_up(bool asked, std::uint64_t us, TimeS now) {
    std::lock_guard lock(mutex_);
    add(rollups_[asked ? 1 : 0], us, now);
  }
  void rolled_up(const std::string& cluster, acct::Period period, std::uint64_t us, TimeS until) {
    std::lock_guard lock(mutex_);
    add(cluster_rollups_[cluster][static_cast<std::size_t>(period)], us, until);
  }
  void clear(TimeS now) {
    std::lock_guard lock(mutex_);
    rollups_ = {};
    cluster_rollups_.clear();
    by_type_.clear();
    by_user_.clear();
    since_ = now;
  }
  wire::DbdStats report() const {
    std::lock_guard lock(mutex_);
    wire::DbdStats stats;
    stats.dbd_rollup_stats.kinds.assign(rollups_.begin(), rollups_.end());
    for (const auto& [cluster, kinds] : cluster_rollups_)
      stats.rollup_stats.push_back({cluster, {kinds.begin(), kinds.end()}});
    stats.time_start = since_;
    for (const auto& [type, sum] : by_type_) stats.rpc_list.push_back({sum.count, type, sum.us});
    for (const auto& [uid, sum] : by_user_) stats.user_list.push_back({sum.count, uid, sum.us});
    return stats;
  }

 private:
  struct Sum {
    std::uint32_t count = 0;
    std::uint64_t us = 0;
  };
  using Rollups = std::array<wire::RollupKind, 3>;
  static void add(wire::RollupKind& kind, std::uint64_t us, TimeS at) {
    ++kind.count;
    kind.timestamp = at;
    kind.time_last = us;
    kind.time_max = std::max(kind.time_max, us);
    kind.time_total += us;
  }

  mutable std::mutex mutex_;
  Rollups rollups_;  // of all clusters: by the clock, asked for
  std::map<std::string, Rollups> cluster_rollups_;
  std::map<std::uint32_t, Sum> by_type_, by_user_;
  TimeS since_;
};

}  // namespace flurm::dbd
