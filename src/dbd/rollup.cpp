// dbd/rollup.cpp — see the header.
#include "dbd/rollup.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/log.hpp"
#include "dbd/periods.hpp"
#include "io/clock.hpp"

namespace flurm::dbd {

using acct::Period;

namespace {

/// Hours that are read and computed together. A job that runs for days is read once for all of them.
constexpr std::int64_t kHoursAtOnce = 24;
/// A daemon that died at it keeps others from it for so long.
constexpr std::int64_t kBusyS = 900;
/// How often who waits for his turn asks again.
constexpr std::chrono::milliseconds kPause{500};

}  // namespace

Result<void> Rollup::run(TimeS start, TimeS end, TimeS now, Turn turn) {
  const std::uint64_t begin = io::monotonic_us();
  const auto books = ledger_.books();
  Result<void> result;
  for (const auto& [name, cluster] : books->clusters.rows()) {
    if (cluster->deleted) continue;
    if (auto rolled = roll(name, start, end, now, turn); !rolled) {
      log(Level::error, "dbd.not_rolled_up", {{"cluster", name}, {"error", rolled.error().text}});
      result = std::move(rolled);
    }
  }
  statistics_.rolled_up(turn == Turn::waits, io::monotonic_us() - begin, now);
  return result;
}

Result<std::optional<Rollup::Begun>> Rollup::begin(const std::string& cluster, TimeS now, Turn turn) {
  const std::uint64_t asked = io::monotonic_us();
  for (;;) {
    std::optional<store::Rollup> done;
    std::optional<TimeS> first;
    const TimeS at{now.v + static_cast<std::int64_t>((io::monotonic_us() - asked) / 1'000'000)};
    FLURM_TRY_VOID(store_.write([&](store::Writer& writer) -> Result<void> {
      first = writer.usage().first_registration(cluster);
      if (first) done = writer.usage_writer().begin(cluster, at, TimeS{at.v + kBusyS});
      return {};
    }));
    if (done) return Begun{.done = *done, .first = *first};
    if (!first || turn == Turn::passes) return std::nullopt;
    if (stopping_) return fail(Errc::error, "interrupted");
    std::this_thread::sleep_for(kPause);
  }
}

Result<void> Rollup::roll(const std::string& cluster, TimeS start, TimeS end, TimeS now, Turn turn) {
  FLURM_TRY(std::optional<Begun> begun, begin(cluster, now, turn));
  if (!begun) return {};
  store::Rollup& done = begun->done;
  const TimeS until = end ? end : now;
  std::uint64_t took[3] = {};
  TimeS* const ends[] = {&done.hours_until, &done.days_until, &done.months_until};
  Result<void> result;
  for (const Period period : {Period::hour, Period::day, Period::month}) {
    const auto index = static_cast<std::size_t>(period);
    const TimeS from = begin_of(period, start ? start : *ends[index] ? *ends[index] : begun->first);
    const TimeS to = begin_of(period, until);
    if (from >= to) continue;
    const std::uint64_t begin = io::monotonic_us();
    result = period == Period::hour ? roll_hours(cluster, from, to) : roll_sums(cluster, period, from, to);
    if (!result) break;
    took[index] = io::monotonic_us() - begin;
    // What was asked for out of turn says nothing of what lies between.
    if (!start && !end) *ends[index] = to;
    statistics_.rolled_up(cluster, period, took[index], to);
  }
  const auto ended = store_.write([&](store::Writer& writer) -> Result<void> {
    writer.usage_writer().end(cluster, done);
    return {};
  });
  if (result && took[0] + took[1] + took[2] > 0)
    log(Level::verbose, "dbd.rolled_up",
        {{"cluster", cluster}, {"until", done.hours_until.v}, {"ms", (took[0] + took[1] + took[2]) / 1000}});
  return result ? ended : result;
}

Result<void> Rollup::roll_hours(const std::string& cluster, TimeS from, TimeS to) {
  while (from < to) {
    if (stopping_) return fail(Errc::error, "interrupted");
    const TimeS stop = std::min(to, TimeS{from.v + kHoursAtOnce * 3600});
    std::vector<acct::Hour> hours;
    const auto computed = store_.read([&](store::Reader& reader) {
      store::UsageReader usage = reader.usage();
      const auto events = usage.events(cluster, from, stop);
      const auto reservations = usage.reservations(cluster, from, stop);
      hours.clear();  // reading may be tried twice
      for (TimeS at = from; at < stop; at.v += 3600) hours.emplace_back(at, TimeS{at.v + 3600}, events, reservations);
      usage.for_jobs(cluster, from, stop, [&](const acct::JobUse& each) {
        acct::JobUse job = each;
        if (!track_wckey_) job.wckey_id = 0;
        const TimeS last = job.end ? std::min(job.end, TimeS{stop.v - 1}) : TimeS{stop.v - 1};
        std::int64_t hour = std::max<std::int64_t>(0, (job.eligible - from) / 3600);
        for (; hour <= (last - from) / 3600; ++hour) hours[static_cast<std::size_t>(hour)].add(job);
      });
    });
    FLURM_TRY_VOID(computed);
    FLURM_TRY_VOID(store_.write([&](store::Writer& writer) -> Result<void> {
      store::UsageWriter usage = writer.usage_writer();
      for (acct::Hour& hour : hours) usage.put(cluster, std::move(hour).finish());
      usage.busy(cluster, TimeS{io::now().v + kBusyS});
      return {};
    }));
    from = stop;
  }
  return {};
}

Result<void> Rollup::roll_sums(const std::string& cluster, Period period, TimeS from, TimeS to) {
  return store_.write([&](store::Writer& writer) -> Result<void> {
    for (TimeS at = from; at < to; at = next(period, at))
      writer.usage_writer().sum_up(cluster, period, at, next(period, at));
    return {};
  });
}

}  // namespace flurm::dbd
