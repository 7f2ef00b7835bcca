// ctld/scheduler.cpp — see scheduler.hpp.
#include "ctld/scheduler.hpp"

#include <algorithm>

#include "io/clock.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"

namespace flurm::ctld {
namespace {

/// Expected starts shift with every end of a job: to follow each shift would fill the log.
constexpr std::uint64_t kStartsEveryMs = 1000;

/// After a pass that started nothing: the planner takes a fifth of a core at most, and many submissions to a full or
/// closed partition share one entry of the log.
std::uint64_t pause_ms(std::uint64_t pass_us) { return std::clamp<std::uint64_t>(4 * pass_us / 1000, 10, 500); }

state::Schedule command_of(sched::Plan plan) {
  state::Schedule command;
  command.starts.reserve(plan.starts.size());
  for (sched::Placement& placement : plan.starts)
    command.starts.push_back({.job = placement.job,
                              .task = placement.task,
                              .partition = std::move(placement.partition),
                              .shares = std::move(placement.shares),
                              .whole_node = placement.whole_node,
                              .preferred = placement.preferred,
                              .reservation = std::move(placement.reservation),
                              .backfilled = placement.backfilled});
  for (sched::Waiting& waiting : plan.waiting)
    command.waits.push_back({.job = waiting.job,
                             .reason = waiting.reason,
                             .desc = std::move(waiting.desc),
                             .expected_start = waiting.expected_start,
                             .sched_nodes = std::move(waiting.sched_nodes)});
  return command;
}

state::PreemptJobs preempting(const sched::Plan& plan) {
  state::PreemptJobs command;
  for (const sched::Preempted& each : plan.preempted) {
    log(Level::info, "sched.preempt", {{"job", each.job.v}, {"for", each.preemptor.v}});
    command.pairs.push_back({each.job, each.preemptor, each.partition});
  }
  return command;
}

void count_pass(Statistics& statistics, std::uint64_t took_us, std::size_t queue) {
  ++statistics.passes;
  statistics.pass_last_us = static_cast<std::uint32_t>(took_us);
  statistics.pass_max_us = std::max(statistics.pass_max_us, statistics.pass_last_us);
  statistics.pass_sum_us += took_us;
  statistics.pass_depth_sum += queue;
  statistics.pass_queue_length = static_cast<std::uint32_t>(queue);
}

std::uint32_t backfilled_components(const state::ClusterState& state, const sched::Plan& plan) {
  const auto is_one = [&](const sched::Placement& each) {
    const model::Job* job = each.backfilled ? state.job(each.job) : nullptr;
    return job && job->het;
  };
  return static_cast<std::uint32_t>(std::ranges::count_if(plan.starts, is_one));
}

void count_backfill(Statistics& statistics, const sched::BackfillCount& count, TimeS now) {
  if (!count.ran) return;
  ++statistics.backfill_passes;
  statistics.backfill_last_us = statistics.pass_last_us;
  statistics.backfill_max_us = std::max(statistics.backfill_max_us, statistics.pass_last_us);
  statistics.backfill_sum_us += statistics.pass_last_us;
  statistics.backfill_when = now;
  statistics.backfill_looked_sum += statistics.backfill_looked = count.looked;
  statistics.backfill_tried_sum += statistics.backfill_tried = count.tried;
  statistics.backfill_queue_sum += statistics.backfill_queue = count.queue;
  statistics.backfill_places_sum += statistics.backfill_places = count.places;
}

}  // namespace

sched::View scheduler_view(const state::ClusterState& state) {
  sched::View view{.settings = state.settings,
                   .pending = state.pending,
                   .active = state.active,
                   .nodes = state.nodes,
                   .partitions = state.partitions,
                   .reservations = state.reservations,
                   .books = state.books,
                   .assoc_usage = state.assoc_usage,
                   .qos_usage = state.qos_usage,
                   .usage_counted = state.usage_counted};
  view.settings.licenses = state.licenses();
  return view;
}

void Scheduler::request() {
  wanted_ = true;
  if (!running_ && !stopped_) io::spawn(run());
}

io::Task<> Scheduler::run() {
  running_ = true;
  while (wanted_ && !stopped_) {
    wanted_ = false;
    auto snapshot = controller_.replica.snapshot();
    const std::size_t queue = snapshot->pending.size();
    if (queue == 0) continue;
    const std::uint64_t begin_us = io::monotonic_us();
    const bool tell_starts = begin_us / 1000 - starts_told_ms_ >= kStartsEveryMs;
    if (tell_starts) starts_told_ms_ = begin_us / 1000;
    auto work = io::on_worker(controller_.loop,
                              [planner = planner_, view = scheduler_view(*snapshot), tell_starts, now = io::now()] {
                                return planner->plan(view, {.report_starts = tell_starts}, now);
                              });
    sched::Plan plan = co_await work;
    if (stopped_) break;
    const std::uint64_t took_us = io::monotonic_us() - begin_us;
    count_pass(controller_.statistics, took_us, queue);
    count_backfill(controller_.statistics, plan.backfill, io::now());
    const auto backfilled =
        static_cast<std::uint32_t>(std::ranges::count(plan.starts, true, &sched::Placement::backfilled));
    const std::uint32_t backfilled_het = backfilled_components(*snapshot, plan);
    const std::size_t starts = plan.starts.size();
    const bool in_reservation =
        std::ranges::any_of(plan.starts, [](const sched::Placement& each) { return !each.reservation.empty(); });
    if (!plan.preempted.empty()) {
      auto proposal = controller_.replica.propose(preempting(plan));
      const Result<state::Reply> reply = co_await proposal;
      if (!reply) log(Level::warn, "sched.preemption_not_committed", {{"error", reply.error().text}});
      if (!reply) break;
    }
    if (starts > 0 || !plan.waiting.empty()) {
      auto proposal = controller_.replica.propose(command_of(std::move(plan)));
      const Result<state::Reply> reply = co_await proposal;
      if (!reply) {
        log(Level::warn, "sched.plan_not_committed", {{"error", reply.error().text}});
        break;
      }
      if (in_reservation) controller_.reservation_used();
      controller_.statistics.jobs_started += static_cast<std::uint32_t>(starts);
      controller_.statistics.backfilled += backfilled;
      controller_.statistics.backfilled_het += backfilled_het;
      if (starts > 0)
        log(Level::debug, "sched.started", {{"jobs", starts}, {"backfilled", backfilled}, {"queue", queue}});
    }
    if (starts == 0) {
      auto pause = io::sleep(controller_.loop, pause_ms(took_us));
      co_await pause;
    }
  }
  running_ = false;
}

}  // namespace flurm::ctld
