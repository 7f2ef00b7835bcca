// dbd/statistics.hpp — how often each request came, from whom, and how long it took.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>

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
  void clear(TimeS now) {
    std::lock_guard lock(mutex_);
    by_type_.clear();
    by_user_.clear();
    since_ = now;
  }
  wire::DbdStats report() const {
    std::lock_guard lock(mutex_);
    wire::DbdStats stats;
    stats.dbd_rollup_stats.kinds.resize(3);
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
  mutable std::mutex mutex_;
  std::map<std::uint32_t, Sum> by_type_, by_user_;
  TimeS since_;
};

}  // namespace flurm::dbd
