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

  void reset(TimeS now) {
    *this = {};
    since = now;
  }
};

}  // namespace flurm::ctld
