// model/cron.hpp — when a job of scrontab comes back, and what a user's scrontab is.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"

namespace flurm::codec {
class Archive;
}

namespace flurm::model {

/// The times of one line of a scrontab. Shared by the versions of its job, and replaced on change.
struct CronEntry {
  std::uint64_t minutes = 0;                    // bit 0: minute 0
  std::uint32_t hours = 0;                      // bit 0: midnight
  std::uint32_t days = 0;                       // bit 1: the first of the month
  std::uint16_t months = 0;                     // bit 1: January
  std::uint8_t weekdays = 0;                    // bit 0: Sunday
  bool any_day = false, any_weekday = false;    // "*": where only one of both is, the other decides; else either
  std::string spec;                             // the same for people
  std::uint32_t first_line = 0, last_line = 0;  // of the scrontab
  bool comes_back = true;                       // not once its line is gone, or the job was cancelled
  bool start_wanted = false;                    // it waits for the leader to say when it starts next
  bool operator==(const CronEntry&) const = default;
};

/// A user's scrontab, as the user wrote it.
struct Crontab {
  std::uint32_t user_id = 0;
  std::string text;
  std::string disabled_lines;  // "3-5,7-7": of jobs that were cancelled
  std::vector<JobId> jobs;     // those of its lines
  bool operator==(const Crontab&) const = default;
};

void fields(codec::Archive& ar, CronEntry& entry);
void fields(codec::Archive& ar, Crontab& crontab);

}  // namespace flurm::model
