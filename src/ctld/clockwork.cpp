// ctld/clockwork.cpp — see clockwork.hpp.
#include "ctld/clockwork.hpp"

#include <algorithm>
#include <ctime>

#include "ctld/cron.hpp"
#include "ctld/reserving.hpp"
#include "io/clock.hpp"
#include "io/worker.hpp"
#include "sched/reserve.hpp"
#include "state/accrual.hpp"
#include "state/reboot.hpp"
#include "state/reservations.hpp"
#include "state/triggers.hpp"
#include "state/turns.hpp"
#include "state/usage.hpp"

namespace flurm::ctld {

namespace {

namespace flag = model::resv_flag;

constexpr std::int64_t kExchangeEveryS = 5;

std::int64_t over_run_s(const conf::Config& config) {
  return config.resv_over_run == kInfinite16 ? model::kReservedForEverS : std::int64_t{config.resv_over_run} * 60;
}

/// When PriorityUsageResetPeriod ended last, by the clock of the place; 0: it has no end.
/// Source: slurm 22.05 priority_multifactor.c _next_reset().
TimeS usage_reset_due(const Controller& c) {
  enum Period : std::uint16_t { none, at_start, daily, weekly, monthly, quarterly, yearly };
  const auto period = static_cast<Period>(c.config->priority_reset_period);
  if (period == none) return {};
  if (period == at_start) return c.boot_time;
  const std::time_t now = static_cast<std::time_t>(io::now().v);
  std::tm local{};
  if (!localtime_r(&now, &local)) return {};
  local.tm_hour = local.tm_min = local.tm_sec = 0;
  local.tm_isdst = -1;
  if (period == weekly) local.tm_mday -= local.tm_wday;
  if (period >= monthly) local.tm_mday = 1;
  if (period == quarterly) local.tm_mon -= local.tm_mon % 3;
  if (period == yearly) local.tm_mon = 0;
  return TimeS{std::mktime(&local)};
}

/// One that recurs is over, for this time.
bool turn_over(const model::Reservation& r, TimeS now) {
  if (!r.recurring() || r.has(flag::time_float)) return false;
  const bool unused = r.has(flag::purge_comp) && r.idle_since && now - r.idle_since >= r.purge_after_s;
  return r.end < now || (unused && r.start <= now);
}

/// It might want other nodes.
bool looks_for_nodes(const state::ClusterState& state, const model::Reservation& r) {
  if (r.has(flag::spec_nodes | flag::static_nodes) || (!r.whole_nodes && r.nodes.size() > 1)) return false;
  return std::ranges::any_of(r.nodes, [&](const model::ReservedNode& reserved) {
    const model::Node* node = state.node(reserved.node);
    return !node || !node->usable() || (r.has(flag::replace) && !node->jobs.empty());
  });
}

}  // namespace

bool tick_due(const state::ClusterState& state, TimeS now, std::int64_t resv_over_run_s) {
  if (state::reservations_due(state, now, resv_over_run_s) || state::triggers_due(state, now) ||
      state::reboots_due(state, now) || state::usage_due(state, now) ||
      state::turns_due(state, now) || state::accrual_due(state))
    return true;
  bool due = !state.active.for_each([&](std::uint64_t, const auto& job) {
    if (!job->state.running()) return true;
    if (job->preempt_time) return now < job->end_time;
    if (job->time_limit == kInfinite32) return true;
    const auto& request = *job->request;
    const bool warn = request.warn_signal && !job->time_limit_signaled && now >= job->end_time - request.warn_time;
    return !warn && now < job->end_time;
  });
  if (due) return true;
  due = !state.steps.for_each([&](std::uint64_t, const auto& step) {
    return !step->time_over(now) || !state.job(step->job)->state.running();
  });
  if (due) return true;
  due = state.settings.min_job_age_s && !state.finished.for_each([&](std::uint64_t, const auto& finished) {
    // Only the oldest counts. Forgetting in batches keeps a busy cluster's log short.
    return now - finished->end_time < std::int64_t{state.settings.min_job_age_s};
  });
  if (due) return true;
  due = !state.dependent.for_each([&](std::uint64_t, const auto& job) {
    for (const model::Dependency& dependency : job->dependencies)
      if (dependency.after_minutes) return false;
    return true;
  });
  if (due) return true;
  return !state.pending.for_each([&](std::uint64_t, const auto& job) { return !job->misses_deadline(now); });
}

Clockwork::Clockwork(Controller& controller)
    : controller_(controller), scripts_(controller), timer_(controller.loop, [this] { beat(); }) {}

void Clockwork::start() {
  scripts_.start(*controller_.replica.snapshot(), io::now());
  timer_.start(1000, 1000);
}

void Clockwork::beat() {
  const auto state = controller_.replica.snapshot();
  if (!ticking_ && tick_due(*state, io::now(), over_run_s(*controller_.config))) io::spawn(tick());
  scripts_.look(*state, io::now());
  if (!keeping_ && !state->reservations.empty()) io::spawn(keep_reservations());
  if (!winding_ && !state->crontabs.empty()) io::spawn(wind_cron());
  if (!state->pending.empty()) controller_.schedule_soon();
}

void Clockwork::exchange_now() {
  exchanged_ = {};
  if (!keeping_) io::spawn(keep_reservations());
}

io::Task<> Clockwork::tick() {
  ticking_ = true;
  auto proposal = controller_.replica.propose(state::Tick{over_run_s(*controller_.config), usage_reset_due(controller_)});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) log(Level::warn, "ctld.tick_not_committed", {{"error", reply.error().text}});
  ticking_ = false;
}

/// Says when jobs of scrontabs that have run start next.
io::Task<> Clockwork::wind_cron() {
  winding_ = true;
  const auto state = controller_.replica.snapshot();
  state::SetCronStarts command;
  state->crontabs.for_each([&](std::uint64_t, const auto& crontab) {
    for (JobId id : crontab->jobs)
      if (const model::Job* job = state->job(id); job && job->state.pending() && job->cron && job->cron->start_wanted)
        command.starts.push_back({id, next_cron_start(*job->cron, io::now())});
    return true;
  });
  if (!command.starts.empty()) {
    auto proposal = controller_.replica.propose(std::move(command));
    const Result<state::Reply> reply = co_await proposal;
    if (!reply) log(Level::warn, "ctld.cron_not_committed", {{"error", reply.error().text}});
  }
  winding_ = false;
}

io::Task<> Clockwork::keep_reservations() {
  keeping_ = true;
  const auto state = controller_.replica.snapshot();
  const TimeS now = io::now();
  const bool exchange = now - exchanged_ >= kExchangeEveryS;
  if (exchange) exchanged_ = now;
  for (const auto& reservation : state->reservations) {
    state::PutReservation command{.reservation = *reservation, .replaces = reservation->version, .moved_only = true};
    if (turn_over(*reservation, now)) {
      if (!move_on(command.reservation, now)) continue;
      command.next_occurrence = true;
    } else if (exchange && looks_for_nodes(*state, *reservation)) {
      auto work = io::on_worker(controller_.loop, [view = scheduler_view(*state), reservation, now] {
        return sched::exchanged(view, *reservation, now);
      });
      command.reservation.nodes = co_await work;
      if (command.reservation.nodes == reservation->nodes) continue;
    } else {
      continue;
    }
    log(Level::info, "reservation.move", {{"name", reservation->name}, {"next", command.next_occurrence}});
    auto proposal = controller_.replica.propose(std::move(command));
    const Result<state::Reply> reply = co_await proposal;
    if (!reply) break;
  }
  keeping_ = false;
}

}  // namespace flurm::ctld
