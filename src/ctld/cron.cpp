// ctld/cron.cpp — see cron.hpp.
#include "ctld/cron.hpp"

#include <fmt/format.h>

#include <ctime>
#include <string>

namespace flurm::ctld {
namespace {

/// Which fields are "*" (slurm 22.05 src/common/cron.h CRON_WILD_*).
constexpr std::uint32_t kAnyMinute = 1 << 1, kAnyHour = 1 << 2, kAnyDay = 1 << 3, kAnyMonth = 1 << 4,
                        kAnyWeekday = 1 << 5;

/// One field of a line: its values lie in [first, end) of a row of so many bits.
struct Field {
  const wire::Bits& bits;
  std::uint32_t size, first, end;
  bool any;

  bool valid() const { return bits.size() == size && (any || mask() != 0); }
  std::uint64_t mask() const {
    std::uint64_t out = 0;
    for (std::uint32_t i = first; i < end; ++i)
      if (any || bits.test(i)) out |= std::uint64_t{1} << i;
    return out;
  }
  /// "1-5,7"
  std::string text() const {
    if (any) return "*";
    std::string out;
    const std::uint64_t set = mask();
    for (std::uint32_t i = first; i < end; ++i) {
      if (!(set >> i & 1)) continue;
      std::uint32_t last = i;
      while (last + 1 < end && set >> (last + 1) & 1) ++last;
      out += fmt::format("{}{}", out.empty() ? "" : ",", i);
      if (last != i) out += fmt::format("-{}", last);
      i = last;
    }
    return out;
  }
};

/// Some month of the entry has some day of it; February counts as in a leap year.
bool has_a_day(const model::CronEntry& entry) {
  constexpr int kDays[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month <= 12; ++month)
    if (entry.months >> month & 1)
      for (int day = 1; day <= kDays[month]; ++day)
        if (entry.days >> day & 1) return true;
  return false;
}

bool on_this_day(const model::CronEntry& entry, const std::tm& day) {
  if (!(entry.months >> (day.tm_mon + 1) & 1)) return false;
  const bool of_month = entry.days >> day.tm_mday & 1, of_week = entry.weekdays >> day.tm_wday & 1;
  if (entry.any_day == entry.any_weekday) return entry.any_day || of_month || of_week;
  return entry.any_day ? of_week : of_month;
}

}  // namespace

Result<model::CronEntry> cron_entry(const wire::CronEntry& entry) {
  const Field minutes{entry.minute, 61, 0, 60, (entry.flags & kAnyMinute) != 0};
  const Field hours{entry.hour, 25, 0, 24, (entry.flags & kAnyHour) != 0};
  const Field days{entry.day_of_month, 32, 1, 32, (entry.flags & kAnyDay) != 0};
  const Field months{entry.month, 13, 1, 13, (entry.flags & kAnyMonth) != 0};
  const Field weekdays{entry.day_of_week, 8, 0, 7, (entry.flags & kAnyWeekday) != 0};
  for (const Field* field : {&minutes, &hours, &days, &months, &weekdays})
    if (!field->valid()) return fail(Errc::error, "a field of the line is empty");
  model::CronEntry out{
      .minutes = minutes.mask(),
      .hours = static_cast<std::uint32_t>(hours.mask()),
      .days = static_cast<std::uint32_t>(days.mask()),
      .months = static_cast<std::uint16_t>(months.mask()),
      .weekdays = static_cast<std::uint8_t>(weekdays.mask()),
      .any_day = days.any,
      .any_weekday = weekdays.any,
      .spec = fmt::format("{} {} {} {} {}", minutes.text(), hours.text(), days.text(), months.text(), weekdays.text()),
      .first_line = entry.line_start,
      .last_line = entry.line_end};
  if (!has_a_day(out)) return fail(Errc::error, "no month has such a day");
  return out;
}

TimeS next_cron_start(const model::CronEntry& entry, TimeS now) {
  constexpr int kDaysMax = 9 * 366;  // between two 29ths of February, where a century has none
  const std::time_t base = now.v;
  std::tm today{};
  localtime_r(&base, &today);
  const TimeS next_minute = now - today.tm_sec + 60;
  for (int ahead = 0; ahead < kDaysMax; ++ahead) {
    std::tm day{};
    day.tm_year = today.tm_year;
    day.tm_mon = today.tm_mon;
    day.tm_mday = today.tm_mday + ahead;
    day.tm_hour = 12;  // which every day has
    day.tm_isdst = -1;
    std::mktime(&day);
    if (!on_this_day(entry, day)) continue;
    for (int hour = 0; hour < 24; ++hour)
      for (int minute = 0; entry.hours >> hour & 1 && minute < 60; ++minute) {
        if (!(entry.minutes >> minute & 1)) continue;
        std::tm at = day;
        at.tm_hour = hour;
        at.tm_min = minute;
        at.tm_sec = 0;
        at.tm_isdst = -1;
        const TimeS start{std::mktime(&at)};
        if (start >= next_minute && at.tm_hour == hour) return start;
      }
  }
  return now + std::int64_t{kDaysMax} * 24 * 3600;
}

}  // namespace flurm::ctld
