// store/spans.hpp — jobs of a time, found without a look at all that came later.
//
// An index by end alone finds who had not ended before a moment: also everybody who has begun since. So the database
// keeps (column `lasted`, migration 5) which of a few classes a job's life falls in, from submission to end; who ended
// later than a class's longest life after a moment was submitted after it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "store/session.hpp"

namespace flurm::store {

struct Condition {
  std::string sql;
  Row values;
};

/// Conditions for `jobs`, each of which an index serves that goes on with `lasted` and `time_end`; no job satisfies
/// two. Together: all that ended at `from` or later and may have been submitted, or eligible, by `to`. Asked for more
/// than that is, when it matters, for the caller to add. 0: open.
inline std::vector<Condition> ended_since(TimeS from, TimeS to) {
  constexpr std::int64_t kLives[] = {7200, 86400, 604800, 3024000, 0};  // 0: any; as in migration 5
  std::vector<Condition> found;
  for (std::int64_t number = 0; const std::int64_t life : kLives) {
    Condition each{"lasted = ? AND time_end >= ?", {number++, std::max<std::int64_t>(from.v, 1)}};
    if (life != 0 && to) {
      each.sql += " AND time_end < ?";
      each.values.push_back(to.v + life);
    }
    found.push_back(std::move(each));
  }
  return found;
}

/// Those that have not ended.
constexpr const char* kUnfinished = "lasted = 0 AND time_end = 0";

/// For conditions on `time_end` that hold for all alike.
constexpr const char* kWhatever = "lasted IN (0, 1, 2, 3, 4)";

}  // namespace flurm::store
