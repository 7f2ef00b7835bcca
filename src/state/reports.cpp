// state/reports.cpp — see reports.hpp.
#include "state/reports.hpp"

#include <algorithm>

#include "state/commands/handlers.hpp"
#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobReason;
using model::Node;
using model::Step;
using Kind = Report::Kind;
namespace job_flag = model::job_flag;
namespace node_flag = model::node_flag;

constexpr std::uint16_t kFirstFormat = 5;

/// Steps make room for everything else.
bool make_room(ClusterState& state, bool for_step) {
  if (state.settings.reports_max == 0 || state.reports.size() < state.settings.reports_max) return true;
  if (for_step) {
    ++state.reports_dropped;
    return false;
  }
  if (state.step_reports == 0) return true;
  std::vector<std::uint64_t> steps;
  state.reports.for_each([&](std::uint64_t number, const auto& report) {
    if (report->about_step()) steps.push_back(number);
    return true;
  });
  for (std::uint64_t number : steps) state.reports.erase(number);
  state.reports_dropped += steps.size();
  state.step_reports = 0;
  return true;
}

void add(ClusterState& state, Report report) {
  if (!reporting(state)) return;
  if (report.about_step() && state.settings.enforce & model::enforce_flag::no_steps) return;
  if (!make_room(state, report.about_step())) return;
  report.sequence = state.sequence;
  if (!report.time) report.time = state.now;
  // What one command says twice of a job counts as it said it last.
  const Report* last = state.reports.find(state.next_report - 1);
  const bool again = last && last->sequence == report.sequence && last->kind == report.kind && last->job &&
                     report.job && last->job->id == report.job->id && !report.step &&
                     last->job->restart_count == report.job->restart_count;
  if (again && !report.payload) report.payload = last->payload;
  report.number = again ? last->number : state.next_report++;
  state.step_reports += report.about_step() ? 1 : 0;
  const std::uint64_t number = report.number;
  state.reports.set(number, std::make_shared<const Report>(std::move(report)));
}

bool waits(const Job& job) { return job.state.pending() && !job.state.completing(); }
bool begun(const Job& job) { return job.state.running() && !job.state.has(job_flag::configuring); }
bool over(const Job& job) { return job.state.ended() || job.state.has(job_flag::requeue); }

/// Whether the records of a job that is not over differ.
bool differ(const Job& a, const Job& b) {
  const auto pending = [](const Job& job) { return job.array ? job.array->pending : model::TaskSet{}; };
  if (a.time_limit != b.time_limit || a.partition != b.partition || a.eligible_time != b.eligible_time ||
      a.assoc != b.assoc || a.qos != b.qos || (a.priority == 0) != (b.priority == 0) || a.allocation != b.allocation ||
      a.submit_time != b.submit_time || (a.array && b.array && a.array->task != b.array->task) || a.het != b.het ||
      !(pending(a) == pending(b)))
    return true;
  return a.request != b.request && !(*a.request == *b.request);
}

/// Whether those of one that is over do. How its processes ended that were killed with it is no news.
bool ends_differ(const Job& a, const Job& b) {
  return a.cancelled_by != b.cancelled_by || a.state.base != b.state.base || a.end_time != b.end_time ||
         (a.request != b.request && !(*a.request == *b.request));
}

void add_start(ClusterState& state, const Job* before, const std::shared_ptr<const Job>& now) {
  Report report{.kind = Kind::job_start, .job = now};
  const bool keeps = state.settings.store_script || state.settings.store_environment;
  if (keeps && now->request->batch && (!before || before->restart_count != now->restart_count))
    report.payload = now->payload;
  add(state, std::move(report));
}

/// Accounting keeps what a job had before it changed its size as a record of its own.
void add_resized(ClusterState& state, const Job& before, const std::shared_ptr<const Job>& now) {
  const TimeS at = now->resize_time;
  const auto going_on = [](Job job) {
    job.state.base = model::JobBase::running;
    return std::make_shared<const Job>(std::move(job));
  };
  const bool suspended = before.state.suspended();
  // Only with the daemon's own number can the end be told of what began at another time.
  add_start(state, &before, std::make_shared<const Job>(before));
  if (suspended) add(state, {.kind = Kind::job_suspend, .time = at, .job = going_on(before)});
  Job ended = before;
  ended.state.flags |= job_flag::resizing;
  ended.end_time = at;
  add(state, {.kind = Kind::job_end, .time = at, .job = std::make_shared<const Job>(std::move(ended))});
  add_start(state, nullptr, now->state.running() ? now : going_on(*now));
  if (suspended) add(state, {.kind = Kind::job_suspend, .time = at, .job = now});
}

/// The job's batch or extern step, of which the state has no record of its own.
std::shared_ptr<const Step> own_step(const Job& job, std::uint32_t slot) {
  static const auto kRequest = std::make_shared<const model::StepRequest>();
  auto step = std::make_shared<Step>();
  step->job = job.id;
  step->slot = slot;
  step->request = kRequest;
  step->nodes = slot == kBatchStep ? job.batch_host : job.allocation ? job.allocation->nodes : "";
  step->start_time = job.start_time;
  return step;
}

void end_own_step(ClusterState& state, JobId id, std::uint32_t slot, std::uint32_t wait_status,
                  std::shared_ptr<const model::StepUsage> usage) {
  const auto job = state.jobs.get(id.v);
  auto step = std::make_shared<Step>(*own_step(*job, slot));
  step->exit_code = wait_status;
  step->usage = std::move(usage);
  add(state, {.kind = Kind::step_end, .job = job, .step = std::move(step)});
  edit_job(state, id, [&](Job& changed) { (slot == kBatchStep ? changed.batch_step : changed.extern_step) = false; });
}

/// Jobs cannot use it, nor do they.
bool out_of_use(const Node& node) {
  if (node.base == model::NodeBase::down) return true;
  return node.has(node_flag::drain | node_flag::fail) && node.jobs.empty() && node.completing_jobs.empty();
}

}  // namespace

bool reporting(const ClusterState& state) { return state.settings.accounting && state.format >= kFirstFormat; }

void note_for_report(const ClusterState& state, const Job* before, Job& now) {
  if (!reporting(state)) return;
  if (before && before->restart_count != now.restart_count) {
    now.waited_for = JobReason::none;
    now.batch_step = now.extern_step = false;
    now.extern_usage.reset();
  }
  if (waits(now) && now.reason != JobReason::none && now.reason != JobReason::priority &&
      now.reason != JobReason::resources)
    now.waited_for = now.reason;
  if (!begun(now) || (before && (begun(*before) || before->state.suspended()))) return;
  now.batch_step = now.request->batch && (!now.het || now.het->offset == 0);
  now.extern_step = state.settings.extern_step;
}

void report_job(ClusterState& state, const Job* before, const std::shared_ptr<const Job>& now) {
  if (!reporting(state)) return;
  if (before && before->restart_count != now->restart_count) {
    if (!before->state.has(job_flag::requeue)) {
      Job again = *before;
      again.state.flags |= job_flag::requeue;
      add(state, {.kind = Kind::job_end, .job = std::make_shared<const Job>(std::move(again))});
    }
    add_start(state, before, now);
    return;
  }
  const bool started = before && before->state.pending() && (now->state.running() || now->state.suspended());
  const bool goes_on = !over(*now) && !now->state.completing();
  if (before && now->resize_time && before->resize_time != now->resize_time)
    add_resized(state, *before, now);
  else if (!before || started || (goes_on && differ(*before, *now)))
    add_start(state, before, now);
  if (now->extern_step && !(before && before->extern_step))
    add(state, {.kind = Kind::step_start, .job = now, .step = own_step(*now, kExternStep)});
  if (now->batch_step && !(before && before->batch_step))
    add(state, {.kind = Kind::step_start, .job = now, .step = own_step(*now, kBatchStep)});
  if (!before) return;
  const bool suspended = now->state.suspended(), was_suspended = before->state.suspended();
  if (suspended != was_suspended) add(state, {.kind = Kind::job_suspend, .time = now->suspend_time, .job = now});
  if (over(*now) && (!over(*before) || ends_differ(*before, *now)))
    add(state, {.kind = Kind::job_end, .time = now->end_time, .job = now});
}

void report_step(ClusterState& state, Kind kind, const std::shared_ptr<const Step>& step) {
  if (!reporting(state) || !step->running()) return;
  add(state, {.kind = kind, .job = state.jobs.get(step->job.v), .step = step});
}

void report_batch_end(ClusterState& state, JobId id, std::uint32_t wait_status,
                      std::shared_ptr<const model::StepUsage> usage) {
  if (state.job(id)->batch_step) end_own_step(state, id, kBatchStep, wait_status, std::move(usage));
}

void report_leftover_steps(ClusterState& state, JobId id) {
  report_batch_end(state, id, kNoVal32, nullptr);
  const Job& job = *state.job(id);
  if (job.extern_step) end_own_step(state, id, kExternStep, job.extern_usage ? 0 : kNoVal32, job.extern_usage);
}

void report_node(ClusterState& state, const Node& before, const std::shared_ptr<const Node>& now) {
  if (!reporting(state)) return;
  const bool out = out_of_use(*now), was_out = out_of_use(before);
  if (out && (!was_out || before.reason != now->reason || before.base != now->base)) {
    add(state, {.kind = Kind::node_down, .node = now});
  } else if (!out && (was_out || before.base == model::NodeBase::unknown) && now->base != model::NodeBase::unknown) {
    add(state, {.kind = Kind::node_up, .node = now});
  }
}

void report_reservation(ClusterState& state, Kind kind, const std::shared_ptr<const model::Reservation>& reservation,
                        TimeS start_before) {
  if (!reporting(state) || reservation->has(model::resv_flag::time_float)) return;
  add(state, {.kind = kind, .reservation = reservation, .start_before = start_before});
}

void begin_reporting(ClusterState& state) {
  if (state.jobs.empty())
    add(state, {.kind = Kind::flush_jobs});
  else
    apply_to(state, ReportAll{});
}

Reply apply_to(ClusterState& state, const ForgetReports& command) {
  std::vector<std::uint64_t> told;
  state.reports.for_each([&](std::uint64_t number, const auto&) {
    if (number > command.up_to) return false;
    told.push_back(number);
    return true;
  });
  for (std::uint64_t number : told) {
    if (state.reports.find(number)->about_step()) --state.step_reports;
    state.reports.erase(number);
  }
  return {};
}

Reply apply_to(ClusterState& state, const ReportAll& command) {
  if (!reporting(state)) return {};
  std::vector<std::shared_ptr<const Node>> nodes;
  state.nodes.for_each([&](std::uint64_t, const auto& node) {
    const bool out = node->base == model::NodeBase::down || node->has(node_flag::drain | node_flag::fail);
    if (!node->removed && out) nodes.push_back(node);
    return true;
  });
  if (!command.nodes_only) {
    std::vector<std::shared_ptr<const Job>> jobs;
    state.jobs.for_each([&](std::uint64_t, const auto& job) {
      if (!job->state.finished()) jobs.push_back(job);
      return true;
    });
    for (const auto& job : jobs) {
      add_start(state, nullptr, job);
      if (job->state.suspended()) add(state, {.kind = Kind::job_suspend, .time = job->suspend_time, .job = job});
      std::vector<std::shared_ptr<const Step>> steps;
      state.for_steps_of(job->id, [&](const auto& step) { steps.push_back(step); });
      for (const auto& step : steps) report_step(state, Kind::step_start, step);
    }
    for (const auto& reservation : state.reservations) report_reservation(state, Kind::reservation_new, reservation);
  }
  for (const auto& node : nodes) add(state, {.kind = Kind::node_down, .node = node});
  return {};
}

}  // namespace flurm::state
