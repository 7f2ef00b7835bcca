// rpc/stats.hpp — how often each RPC came and how long it took, as sdiag and the metrics show it.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>

#include "wire/msg_type.hpp"

namespace flurm::rpc {

struct Count {
  std::uint64_t count = 0;
  std::uint64_t time_us = 0;  ///< from the verified request to the handler's answer
  void add(std::uint64_t us) {
    ++count;
    time_us += us;
  }
};

struct Stats {
  std::map<wire::MsgType, Count> by_type;
  std::map<uid_t, Count> by_user;  ///< at most kUsersMax; later users count as the last one, 0xffffffff
  std::uint64_t accepted = 0;      ///< connections
  std::uint64_t refused = 0;       ///< requests not understood or not authenticated
  std::uint64_t evicted = 0;       ///< idle connections closed to make room
  std::uint64_t timed_out = 0;     ///< connections that sent nothing, or too slowly

  static constexpr std::size_t kUsersMax = 10'000;
  void add(wire::MsgType type, uid_t uid, std::uint64_t us) {
    by_type[type].add(us);
    if (by_user.size() >= kUsersMax && !by_user.contains(uid)) uid = static_cast<uid_t>(-1);
    by_user[uid].add(us);
  }
};

}  // namespace flurm::rpc
