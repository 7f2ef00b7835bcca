// store/numbers.hpp — the numbers of jobs (db_index): whose it is, then the how manieth of all.
//
// MariaDB keeps a table in the order of its key. So the jobs of a user lie side by side, and so do their steps: his day
// is a few pages, where in the order of time alone it is one for each job and one for each step. Numbers of other
// makers (slurmdbd's, and our own before this) are only the second part, and stay as they are.
#pragma once
#include <cstdint>

namespace flurm::store {

constexpr int kTurnBits = 40, kOwnerBits = 22;

constexpr std::uint64_t job_number(std::uint32_t uid, std::uint64_t turn) {
  return (static_cast<std::uint64_t>(uid & ((1u << kOwnerBits) - 1)) << kTurnBits) | turn;
}

/// Which of all that were given out it was.
constexpr std::int64_t turn_of(std::uint64_t db_index) {
  return static_cast<std::int64_t>(db_index & ((1ull << kTurnBits) - 1));
}

}  // namespace flurm::store
