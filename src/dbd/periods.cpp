// dbd/periods.cpp — see the header.
#include "dbd/periods.hpp"

#include <ctime>

namespace flurm::dbd {

namespace {

std::tm local(TimeS time) {
  const std::time_t seconds = time.v;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

TimeS moment(std::tm parts) {
  parts.tm_isdst = -1;
  return TimeS{std::mktime(&parts)};
}

std::tm begin_parts(acct::Period period, TimeS time) {
  std::tm parts = local(time);
  parts.tm_sec = parts.tm_min = 0;
  if (period != acct::Period::hour) parts.tm_hour = 0;
  if (period == acct::Period::month) parts.tm_mday = 1;
  return parts;
}

}  // namespace

TimeS begin_of(acct::Period period, TimeS time) {
  // The hour that comes twice a year has one name for two hours; its seconds tell them apart.
  if (period == acct::Period::hour) return TimeS{time.v - local(time).tm_min * 60 - local(time).tm_sec};
  return moment(begin_parts(period, time));
}

TimeS next(acct::Period period, TimeS time) {
  if (period == acct::Period::hour) return TimeS{begin_of(period, time).v + 3600};
  std::tm parts = begin_parts(period, time);
  ++(period == acct::Period::month ? parts.tm_mon : parts.tm_mday);
  return moment(parts);
}

TimeS before(acct::Period period, TimeS time, int count) {
  if (period == acct::Period::hour) return TimeS{begin_of(period, time).v - std::int64_t{count} * 3600};
  std::tm parts = begin_parts(period, time);
  (period == acct::Period::month ? parts.tm_mon : parts.tm_mday) -= count;
  return moment(parts);
}

Window window(TimeS start, TimeS end, TimeS now) {
  using acct::Period;
  const TimeS today = begin_of(Period::day, now);
  Window out;
  out.end = begin_of(Period::hour, end ? end : today);
  out.start = begin_of(Period::hour, start ? start : begin_of(Period::day, TimeS{today.v - 1}));
  if (out.end - out.start < 3600) out.end = TimeS{out.start.v + 3600};
  const std::tm from = local(out.start), to = local(out.end);
  if (from.tm_hour || to.tm_hour || out.end - out.start < 86400 || out.end > now)
    out.period = Period::hour;
  else if (from.tm_mday == 1 && to.tm_mday == 1 && out.end - out.start > 86400)
    out.period = Period::month;
  return out;
}

}  // namespace flurm::dbd
