// ctld/statistics.hpp — counters behind sdiag and the metrics; RPCs are counted by the server. Loop thread only.
#pragma once
#include <cstdint>

#include "base/types.hpp"

namespace flurm::ctld {

struct Statistics {
  std::uint32_t jobs_submitted = 0, jobs_started = 0, jobs_completed = 0, jobs_canceled = 0, jobs_failed = 0;

  // scheduling passes
  std::uint32_t passes = 0, pass_last_us = 0, pass_max_us = 0, pass_queue_length = 0;
  std::uint64_t pass_sum_us = 0, pass_depth_sum = 0;
  TimeS since;

  // passes in which backfill had something to do; their time is that of the whole pass
  std::uint32_t backfill_passes = 0, backfill_last_us = 0, backfill_max_us = 0;
  std::uint64_t backfill_sum_us = 0;
  std::uint32_t backfill_looked = 0, backfill_tried = 0, backfill_queue = 0, backfill_places = 0;  // of the last one
  std::uint32_t backfill_looked_sum = 0, backfill_tried_sum = 0, backfill_queue_sum = 0, backfill_places_sum = 0;
  TimeS backfill_when;
  std::uint32_t backfilled = 0, backfilled_het = 0;  // jobs and tasks, components

  void reset(TimeS now) {
    *this = {};
    since = now;
  }
};

}  // namespace flurm::ctld
