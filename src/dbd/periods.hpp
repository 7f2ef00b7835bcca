// dbd/periods.hpp — hours, days and months of this machine's time zone, by which usage is kept and asked for.
#pragma once
#include "acct/hour.hpp"
#include "base/types.hpp"

namespace flurm::dbd {

/// The begin of the period that `time` falls into.
TimeS begin_of(acct::Period period, TimeS time);
/// The begin of the one after it; a day may have 23 or 25 hours.
TimeS next(acct::Period period, TimeS time);

/// The begin of the period that was `count` periods before that of `time`.
TimeS before(acct::Period period, TimeS time, int count);

/// Where the answer to a question about usage is found.
struct Window {
  acct::Period period = acct::Period::day;
  TimeS start, end;
};
/// From `start` to `end` (0 and 0: yesterday), in months or days where both begin one and in hours otherwise.
Window window(TimeS start, TimeS end, TimeS now);

}  // namespace flurm::dbd
