// sched/pass.cpp — from a view to a plan.
#include "sched/pass.hpp"

#include <algorithm>
#include <tuple>

namespace flurm::sched {
namespace {

using model::JobReason;

template <class... Numbers>
void append_numbers(std::string& key, Numbers... numbers) {
  (key.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
}

void append_text(std::string& key, std::string_view text) {
  append_numbers(key, text.size());
  key += text;
}

/// Everything of a request that make_shape() reads.
std::string shape_key(const model::JobRequest& r, std::size_t partition) {
  std::string key;
  key.reserve(192);
  append_numbers(key, partition, r.num_tasks, r.min_cpus, r.max_cpus, r.min_nodes, r.max_nodes, r.cpus_per_task,
                 r.ntasks_per_node, r.ntasks_per_socket, r.ntasks_per_core, r.sockets_per_node, r.cores_per_socket,
                 r.threads_per_core, r.pn_min_cpus, r.core_spec, r.plane_size, r.pn_min_memory, r.pn_min_tmp_disk,
                 r.task_dist, r.contiguous, r.shared, r.reboot, r.overcommit,
                 r.bitflags & (model::job_bit::spread_job | model::job_bit::use_min_nodes));
  for (std::string_view text : {std::string_view(r.req_nodes), std::string_view(r.exc_nodes),
                                std::string_view(r.features), std::string_view(r.licenses)})
    append_text(key, text);
  return key;
}

template <class F>
void for_each_partition(std::string_view list, F f) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    f(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

/// How long a job of this limit (in minutes) may run in the partition, in seconds.
std::int64_t duration_s(std::uint32_t time_limit, const model::Partition* partition) {
  constexpr std::int64_t kForEver = 365 * 24 * 3600;
  if (time_limit == kNoVal32 && partition)
    time_limit = partition->default_time != kNoVal32 ? partition->default_time : partition->max_time;
  if (time_limit == kNoVal32 || time_limit == kInfinite32) return kForEver;
  return std::max<std::int64_t>(time_limit, 1) * 60;
}

/// When a job will let go of what it holds. One past its end, or ending, will any moment: at the next full minute, so
/// that plans stay as they are in between.
TimeS end_of(const model::Job& job, const Cluster& cluster, TimeS now) {
  const TimeS soon{(now.v / 60 + 1) * 60};
  if (job.state.ended()) return soon;
  TimeS end = job.end_time;
  if (!end) {
    const std::size_t partition = cluster.partition_index(job.partition);
    const bool known = partition < cluster.partitions().size();
    end = job.start_time + duration_s(job.time_limit, known ? cluster.partitions()[partition].config.get() : nullptr);
  }
  return end > now ? end : soon;
}

}  // namespace

const Shape* Shapes::find(const model::Job& job, std::size_t partition) {
  auto [found, added] = by_key_.try_emplace(shape_key(*job.request, partition));
  if (added)
    if (auto shape = make_shape(*job.request, partition, cluster_, settings_))
      found->second = std::make_unique<Shape>(std::move(*shape));
  return found->second.get();
}

LicensePool::LicensePool(std::string_view configured) {
  if (const auto licenses = parse_licenses(configured))
    for (const auto& [name, count] : *licenses) free_[name] = count;
}

bool LicensePool::has(const Shape& shape) const {
  return std::ranges::all_of(shape.licenses, [&](const auto& license) {
    const auto found = free_.find(license.first);
    return found != free_.end() && found->second >= license.second;
  });
}

void LicensePool::take(const Shape& shape) {
  for (const auto& [name, count] : shape.licenses) free_[name] -= std::min(free_[name], count);
}

void LicensePool::take(std::string_view text) {
  if (text.empty()) return;
  if (const auto licenses = parse_licenses(text))
    for (const auto& [name, count] : *licenses) free_[name] -= std::min(free_[name], count);
}

Pass::Pass(const View& view, const Limits& limits, TimeS now)
    : view_(view),
      limits_(limits),
      now_(now),
      cluster_(view),
      usage_(cluster_),
      placer_(cluster_),
      shapes_(cluster_, view.settings),
      licenses_(view.settings.licenses),
      available_(cluster_.usable()),
      blocked_(cluster_.partitions().size()) {}

Plan Pass::run() {
  count_active();
  build_queue();
  std::uint32_t tested = 0;
  for (const Entry& entry : queue_) {
    if (tested++ == limits_.jobs_tested_max) break;
    if (!started_.contains(entry.job->id.v)) consider(entry);
  }
  if (view_.settings.backfill && limits_.backfill_jobs_max != 0 && !held_back_.empty()) backfill();
  tell();
  return std::move(plan_);
}

/// Only what is news.
void Pass::tell() {
  for (auto& [id, answer] : answers_) {
    const model::Job& job = *view_.pending.find(id);
    Waiting waiting{
        .job = job.id, .reason = answer.reason, .desc = answer.desc, .expected_start = {}, .sched_nodes = {}};
    bool news = answer.reason != job.reason || answer.desc != job.state_desc;
    if (limits_.report_starts) {
      if (answer.planned) {
        waiting.expected_start = answer.planned->start;
        waiting.sched_nodes = answer.planned->nodes;
      }
      news = news || waiting.expected_start != job.start_time || waiting.sched_nodes != job.sched_nodes;
    }
    if (news) plan_.waiting.push_back(std::move(waiting));
  }
}

void Pass::count_active() {
  view_.active.for_each([&](std::uint64_t, const std::shared_ptr<const model::Job>& job) {
    Holding holding = holding_of(*job, cluster_);
    usage_.add(holding);
    if (view_.settings.backfill) held_.push_back({std::move(holding), end_of(*job, cluster_, now_)});
    if (job->state.ended()) return true;
    licenses_.take(job->request->licenses);
    if (job->array) ++running_tasks_[job->array->array_job.v];
    return true;
  });
}

bool Pass::eligible(const model::Job& job) {
  if (!job.state.pending() || job.priority == 0 || !job.dependencies.empty()) return false;
  if (job.request->begin_time > now_) {
    answer(job, JobReason::begin_time);
    return false;
  }
  if (!job.request->reservation.empty()) {
    answer(job, JobReason::reservation);
    return false;
  }
  return true;
}

/// Source: slurm 22.05 src/slurmctld/job_mgr.c job_limits_check().
JobReason Pass::partition_limit(const model::Job& job, const PartitionInfo& info) const {
  const model::Partition& partition = *info.config;
  const model::JobRequest& request = *job.request;
  const auto given = [](std::uint32_t value) { return value != kNoVal32; };
  if (partition.state_up & model::partition_state::sched) {
    if (given(request.min_cpus) && partition.total_cpus != 0 && request.min_cpus > partition.total_cpus)
      return JobReason::part_config;
    if (given(request.min_nodes) && request.min_nodes > info.nodes.count()) return JobReason::part_node_limit;
    if (given(request.max_nodes) && request.max_nodes != 0 &&
        (request.max_nodes > partition.max_nodes || request.max_nodes < partition.min_nodes))
      return JobReason::part_node_limit;
    if (given(request.min_nodes) && request.min_nodes > partition.max_nodes) return JobReason::part_node_limit;
    if (given(job.time_limit) && job.time_limit > partition.max_time) return JobReason::part_time_limit;
  }
  if (partition.state_up == model::partition_state::down) return JobReason::part_down;
  if (partition.state_up == model::partition_state::inactive) return JobReason::part_inactive;
  return JobReason::none;
}

void Pass::build_queue() {
  view_.pending.for_each([&](std::uint64_t, const std::shared_ptr<const model::Job>& job) {
    if (!eligible(*job)) return true;
    JobReason limited = JobReason::none;
    const std::size_t before = queue_.size();
    for_each_partition(job->partition, [&](std::string_view name) {
      const std::size_t index = cluster_.partition_index(name);
      if (index == cluster_.partitions().size()) return;
      const PartitionInfo& partition = cluster_.partitions()[index];
      const JobReason reason = partition_limit(*job, partition);
      if (reason == JobReason::none)
        queue_.push_back({job.get(), index, partition.config->priority_tier});
      else
        limited = reason;
    });
    if (queue_.size() == before && limited != JobReason::none) answer(*job, limited);
    return true;
  });
  std::ranges::stable_sort(queue_, [](const Entry& a, const Entry& b) {
    return std::tuple(b.tier, b.job->priority, a.job->id.v) < std::tuple(a.tier, a.job->priority, b.job->id.v);
  });
}

bool Pass::array_has_room(const model::Job& job) const {
  if (!job.array || job.array->max_running == 0) return true;
  const auto found = running_tasks_.find(job.array->array_job.v);
  return found == running_tasks_.end() || found->second < job.array->max_running;
}

void Pass::consider(const Entry& entry) {
  const model::Job& job = *entry.job;
  if (!array_has_room(job)) {
    answer(job, JobReason::array_task_limit);
    return;
  }
  if (blocked_[entry.partition]) {
    const bool told_more = job.reason == JobReason::licenses || job.reason == JobReason::node_not_avail;
    if (told_more && !answers_.contains(job.id.v))
      answer(job, job.reason, job.state_desc);
    else
      answer(job, JobReason::priority);
    held_back_.push_back(entry);
    return;
  }
  const Shape* shape = shapes_.find(job, entry.partition);
  if (!shape) {
    answer(job, JobReason::bad_constraints);
    return;
  }
  const PartitionInfo& partition = cluster_.partitions()[entry.partition];
  if (partition.nodes.count_and(available_) < shape->demand.min_nodes) {
    answer(job, JobReason::resources,
           "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions");
    held_back_.push_back(entry);
    block(entry.partition);
    return;
  }
  start_tasks(entry, *shape);
}

/// One job, or as many of an array's tasks as fit.
void Pass::start_tasks(const Entry& entry, const Shape& shape) {
  const model::Job& job = *entry.job;
  const bool many = job.array && job.array->task == kNoVal32;
  model::TaskSet left = many ? job.array->pending : model::TaskSet{};
  while (true) {
    if (!array_has_room(job)) return answer(job, JobReason::array_task_limit);
    if (!licenses_.has(shape)) return answer(job, JobReason::licenses);
    Holding holding;
    const auto known = failed_.find(&shape);
    const bool same_for_all = !shape.demand.same_user_only && !usage_.has_owner();
    const Outcome outcome = known != failed_.end() && same_for_all
                                ? known->second
                                : placer_.place(shape, job.request->user_id, usage_, available_, holding);
    if (outcome != Outcome::placed) return hold_back(entry, shape, outcome);
    licenses_.take(shape);
    start(entry, many ? left.first() : kNoVal32, std::move(holding));
    if (job.array) ++running_tasks_[job.array->array_job.v];
    if (many) left.erase(left.first());
    if (left.empty()) break;
  }
  started_.insert(job.id.v);
  answers_.erase(job.id.v);
}

void Pass::start(const Entry& entry, std::uint32_t task, Holding holding) {
  usage_.add(holding);
  if (view_.settings.backfill)
    held_.push_back(
        {holding, now_ + duration_s(entry.job->time_limit, cluster_.partitions()[entry.partition].config.get())});
  Placement placement{.job = entry.job->id,
                      .task = task,
                      .partition = cluster_.partitions()[entry.partition].config->name,
                      .shares = {},
                      .whole_node = holding.whole_node};
  for (Share& share : holding.shares)
    placement.shares.push_back({cluster_.node(share.node).id, share.cpus, share.memory_mib, std::move(share.cores)});
  std::ranges::sort(placement.shares, {}, &model::NodeShare::node);
  plan_.starts.push_back(std::move(placement));
}

void Pass::hold_back(const Entry& entry, const Shape& shape, Outcome outcome) {
  const model::Job& job = *entry.job;
  switch (outcome) {
    case Outcome::placed:
      break;
    case Outcome::never:
      answer(job, JobReason::bad_constraints);
      break;
    case Outcome::node_limit:
      answer(job, JobReason::part_node_limit);
      break;
    case Outcome::not_available:
      answer(job, JobReason::node_not_avail, unavailable_nodes(shape));
      break;
    case Outcome::busy:
      answer(job, JobReason::resources);
      held_back_.push_back(entry);
      break;
  }
  failed_[&shape] = outcome;
  if (shape.required.size() != 0 && shape.required.count() >= shape.demand.min_nodes) {
    // jobs further down may not take the nodes it waits for, but need not wait with it
    available_.and_not(shape.required);
  } else if (outcome == Outcome::busy) {
    block(entry.partition);
  }
}

void Pass::block(std::size_t partition) {
  blocked_[partition] = true;
  available_.and_not(cluster_.partitions()[partition].nodes);
}

void Pass::answer(const model::Job& job, JobReason reason, std::string desc) {
  answers_[job.id.v] = {reason, std::move(desc)};
}

std::string Pass::unavailable_nodes(const Shape& shape) const {
  Bitmap nodes = cluster_.partitions()[shape.partition].nodes;
  nodes.and_not(cluster_.usable());
  if (shape.required.size() != 0) nodes &= shape.required;
  if (nodes.none()) return "ReqNodeNotAvail, May be reserved for other job";
  return "ReqNodeNotAvail, UnavailableNodes:" + cluster_.hostlist(nodes);
}

/// Gives each job that is held back the earliest time that delays none before it; that may be now.
void Pass::backfill() {
  Profile profile(cluster_, now_);
  for (const Held& held : held_) profile.hold(held.holding, held.until);
  profile.build();
  Backfill slots(cluster_, placer_, profile, usage_, now_, limits_.backfill_window_s);
  for (const Entry& entry : held_back_) {
    if (planned_ == limits_.backfill_jobs_max) break;
    if (started_.contains(entry.job->id.v)) continue;
    if (const Shape* shape = shapes_.find(*entry.job, entry.partition)) plan_tasks(entry, *shape, slots);
  }
}

/// One job, or the first tasks of an array: those that start now, and a few more.
void Pass::plan_tasks(const Entry& entry, const Shape& shape, Backfill& slots) {
  constexpr int kTasksPlannedMax = 20;  // as Slurm's bf_max_job_array_resv
  const model::Job& job = *entry.job;
  const bool many = job.array && job.array->task == kNoVal32;
  model::TaskSet left = many ? job.array->pending : model::TaskSet{};
  for (const Placement& placement : plan_.starts)
    if (many && placement.job == job.id) left.erase(placement.task);
  const std::int64_t duration = duration_s(job.time_limit, cluster_.partitions()[entry.partition].config.get());
  auto& planned = answers_[job.id.v].planned;
  const bool planned_elsewhere = planned.has_value();
  for (int tasks = 0; tasks < kTasksPlannedMax && planned_ < limits_.backfill_jobs_max; ++tasks) {
    if (!array_has_room(job) || !licenses_.has(shape)) return;
    const auto slot = slots.find(shape, job.request->user_id, duration, planned_elsewhere);
    if (!slot) return;
    slots.take(*slot, duration);
    ++planned_;
    if (slot->start == now_) {
      licenses_.take(shape);
      start(entry, many ? left.first() : kNoVal32, slot->holding);
      if (job.array) ++running_tasks_[job.array->array_job.v];
    } else if (!planned) {
      planned = forecast_of(entry, slot->start, slot->holding);
    }
    if (many) left.erase(left.first());
    if (!left.empty()) continue;
    if (slot->start == now_) {
      started_.insert(job.id.v);
      answers_.erase(job.id.v);
    }
    return;
  }
}

Forecast Pass::forecast_of(const Entry& entry, TimeS start, const Holding& holding) const {
  Forecast forecast{
      .start = start, .nodes = {}, .partition = cluster_.partitions()[entry.partition].config->name, .cpus = 0};
  Bitmap nodes(cluster_.size());
  for (const Share& share : holding.shares) {
    nodes.set(share.node);
    forecast.cpus += share.cpus;
  }
  forecast.nodes = cluster_.hostlist(nodes);
  return forecast;
}

std::optional<Forecast> Pass::forecast(JobId job) const {
  const auto answer = answers_.find(job.v);
  return answer == answers_.end() ? std::nullopt : answer->second.planned;
}

Plan plan(const View& view, const Limits& limits, TimeS now) { return Pass(view, limits, now).run(); }

}  // namespace flurm::sched
