// replog/raft_acknowledged.hpp — what members have said they have, and that one of them lost it.
//
// libraft 0.15 takes a refusal of something that a member acknowledged earlier for an old message that came late. So it
// would never send anything again to one that came back with an empty disk.
#pragma once
#include <cstdint>
#include <map>

struct raft_append_entries_result;

namespace flurm::replog {

/// Of one leader's reign.
class Acknowledged {
 public:
  /// Before libraft sees it: a refusal by a member whose log is shorter than what it acknowledged becomes one that
  /// libraft believes; it then looks from the end of the member's log on.
  void hear(std::uint64_t member, raft_append_entries_result& result);
  void clear() { last_.clear(); }

 private:
  std::map<std::uint64_t, std::uint64_t> last_;  // by member, libraft's index
};

}  // namespace flurm::replog
