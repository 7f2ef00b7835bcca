// ctld/cron.hpp — the times of scrontab's lines: from what the client says, and by this machine's clock and time zone.
#pragma once
#include "base/result.hpp"
#include "model/cron.hpp"
#include "wire/msg/job_desc.hpp"

namespace flurm::ctld {

/// Errors: error (a field without a value, or a day that no month has), as Slurm answers.
/// Source: slurm 22.05 src/common/cron.c valid_cron_entry().
Result<model::CronEntry> cron_entry(const wire::CronEntry& entry);

/// The first time that fits the line in a later minute than `now`, by the local calendar. The hour that a change of the
/// clock skips has none. Where days of the month and of the week are both named, either will do.
TimeS next_cron_start(const model::CronEntry& entry, TimeS now);

}  // namespace flurm::ctld
