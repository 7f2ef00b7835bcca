// replog/raft_acknowledged.cpp — see raft_acknowledged.hpp.
#include "replog/raft_acknowledged.hpp"

#include <algorithm>

extern "C" {
#include <raft.h>
}

namespace flurm::replog {

void Acknowledged::hear(std::uint64_t member, raft_append_entries_result& result) {
  std::uint64_t& last = last_[member];
  if (result.rejected == 0) {
    last = std::max<std::uint64_t>(last, result.last_log_index);
  } else if (result.rejected <= last && result.last_log_index < last) {
    // One more than it ever had cannot be an old message. The next refusals are right as they are.
    result.rejected = last + 1;
    last = 0;
  }
}

}  // namespace flurm::replog
