// replog/raft_log.hpp — Log over libraft. A single controller is a Raft cluster of one: the path is the same.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "replog/log.hpp"

namespace flurm::replog {

struct Member {
  std::uint64_t id = 0;  ///< > 0
  std::string address;   ///< numeric IPv4 "host:port" for the other members
  bool operator==(const Member&) const = default;
};

struct RaftOptions {
  std::string directory;                 ///< made (mode 0700) when it does not exist; its parent must
  std::uint64_t self = 1;                ///< which of `members` this is
  std::vector<Member> members;           ///< all members; used only when the directory is empty
  unsigned snapshot_threshold = 10'000;  ///< entries between snapshots
  unsigned snapshot_trailing = 1'000;    ///< entries kept behind a snapshot, for members that lag
  unsigned election_timeout_ms = 1'000;  ///< members are told apart from dead ones by this; irrelevant for one member
  unsigned heartbeat_ms = 100;
  std::size_t segment_bytes = std::size_t{8} << 20;  ///< size of a log file
};

/// Opens nothing yet; start() does. `machine` must outlive the log.
std::unique_ptr<Log> make_raft_log(io::Loop& loop, Machine& machine, RaftOptions options);

}  // namespace flurm::replog
