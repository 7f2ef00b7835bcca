// acct/usage.hpp — what an association or a QOS has used so far, as limits and fair share count it.
#pragma once
#include <cstdint>
#include <map>

namespace flurm::acct {

/// Decayed sums (PriorityDecayHalfLife); of an account with those of all below it.
struct Usage {
  double raw = 0;                        ///< billing-seconds, times the usage factor of the jobs' QOS
  double wall = 0;                       ///< s, times that factor
  std::map<std::uint32_t, double> tres;  ///< TRES-seconds by id, times that factor
  bool operator==(const Usage&) const = default;
  bool empty() const { return raw == 0 && wall == 0 && tres.empty(); }
};

}  // namespace flurm::acct
