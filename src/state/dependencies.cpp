// state/dependencies.cpp — when a job's dependencies are fulfilled, or can never be.
// Source: slurm 22.05 src/slurmctld/job_scheduler.c test_job_dependency(), _scan_depend().
#include <set>

#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Dependency;
using model::Job;
using model::JobBase;

struct Progress {
  bool pending = false, over = false, good = false;  // over: finished and cleaned up; good: and with exit code 0
};

Progress progress_of(const Job& job) {
  return {job.state.pending(), job.state.finished(), job.state.finished() && job.state.base == JobBase::complete};
}

Progress progress_of_array(const ClusterState& state, JobId id) {
  Progress all{.pending = false, .over = true, .good = true};
  for (const Job* job : state.with_array(id)) {
    const Progress one = progress_of(*job);
    all.pending |= one.pending;
    all.over &= one.over;
    all.good &= one.good;
  }
  return all;
}

bool singleton_waits(const ClusterState& state, const Job& self) {
  const auto same = [&](const auto& index, bool only_older) {
    return !index.for_each([&](std::uint64_t, const auto& other) {
      if (other->id == self.id || other->request->user_id != self.request->user_id ||
          other->request->name != self.request->name)
        return true;
      if (self.array && other->array && self.array->array_job == other->array->array_job) return true;
      return only_older && other->id > self.id;
    });
  };
  return same(state.active, false) || same(state.pending, true);
}

/// Of one job or task; null also for a whole array of which the first record is forgotten.
const Job* record_of(const ClusterState& state, const Dependency& dependency) {
  return dependency.task == kNoVal32 || dependency.task == kInfinite32
             ? state.job(dependency.job)
             : state.array_task(dependency.job, dependency.task);
}

Dependency::State test(const ClusterState& state, const Job& self, const Dependency& dependency) {
  using State = Dependency::State;
  if (dependency.type == Dependency::Type::singleton)
    return singleton_waits(state, self) ? State::unfulfilled : State::fulfilled;
  const Job* job = record_of(state, dependency);
  const bool array = dependency.task == kInfinite32 && !state.with_array(dependency.job).empty();
  if (!job && !array) return State::fulfilled;  // forgotten, or never was
  Progress is = array ? progress_of_array(state, dependency.job) : progress_of(*job);
  switch (dependency.type) {
    case Dependency::Type::after:
      if (is.pending) return State::unfulfilled;
      if (!dependency.after_minutes || !job) return State::fulfilled;
      return job->start_time && state.now - job->start_time >= std::int64_t{dependency.after_minutes} * 60
                 ? State::fulfilled
                 : State::unfulfilled;
    case Dependency::Type::expand:
      if (is.over) return State::failed;
      return !is.pending && job && job->end_time > state.now ? State::fulfilled : State::unfulfilled;
    case Dependency::Type::after_any:
    case Dependency::Type::after_burst_buffer:
      return is.over ? State::fulfilled : State::unfulfilled;
    case Dependency::Type::after_not_ok:
      return !is.over ? State::unfulfilled : is.good ? State::failed : State::fulfilled;
    case Dependency::Type::after_correspond:
      if (self.array && self.array->task != kNoVal32)
        if (const Job* other = state.array_task(dependency.job, self.array->task)) is = progress_of(*other);
      [[fallthrough]];
    case Dependency::Type::after_ok:
      return !is.over ? State::unfulfilled : is.good ? State::fulfilled : State::failed;
    default:
      return State::fulfilled;
  }
}

/// A task of an array starts when the same task of the other array is over, so its record has to be split off.
void split_corresponding(ClusterState& state, JobId id) {
  const Job* job = state.job(id);
  if (!job->array || job->array->task != kNoVal32) return;
  std::vector<std::uint32_t> ready;
  for (const Dependency& dependency : job->dependencies) {
    if (dependency.type != Dependency::Type::after_correspond) continue;
    for (const Job* other : state.with_array(dependency.job))
      if (other->array && other->array->task != kNoVal32 && other->state.finished() &&
          job->array->pending.contains(other->array->task))
        ready.push_back(other->array->task);
  }
  for (std::uint32_t task : ready)
    if (state.job(id)->array->pending.contains(task)) split_task(state, id, task);
  if (!ready.empty()) state.dependencies_stale = true;  // the new records are tested in another pass
}

/// --kill-on-invalid-dep, or DependencyParameters=kill_invalid_depend for a job that does not say.
bool dies_of_dependency(const ClusterState& state, const Job& job) {
  if (job.request->bitflags & model::job_bit::kill_invalid_dependency) return true;
  if (job.request->bitflags & model::job_bit::no_kill_invalid_dependency) return false;
  return state.settings.kill_invalid_dependency;
}

/// A job that expands another one has as long as that has, and shares its nodes as that does.
void take_after(const ClusterState& state, const Job& expanded, Job& job) {
  job.time_limit = static_cast<std::uint32_t>((expanded.end_time - state.now) / 60);
  if (job.request->shared == expanded.request->shared) return;
  auto request = std::make_shared<model::JobRequest>(*job.request);
  request->shared = expanded.request->shared;
  job.request = std::move(request);
}

void refresh(ClusterState& state, JobId id) {
  split_corresponding(state, id);
  const Job& job = *state.job(id);
  bool any_done = false, any_failed = false, any_open = false, any_is_enough = false, changed = false;
  auto dependencies = job.dependencies;
  const Job* expanded = nullptr;
  for (Dependency& dependency : dependencies) {
    if (dependency.state == Dependency::State::unfulfilled) {
      dependency.state = test(state, job, dependency);
      changed |= dependency.state != Dependency::State::unfulfilled;
      if (dependency.type == Dependency::Type::expand && dependency.state == Dependency::State::fulfilled)
        expanded = record_of(state, dependency);
    }
    any_is_enough |= dependency.or_next;
    any_done |= dependency.state == Dependency::State::fulfilled;
    any_failed |= dependency.state == Dependency::State::failed;
    any_open |= dependency.state == Dependency::State::unfulfilled;
  }
  const bool fulfilled = any_is_enough ? any_done : !any_open && !any_failed;
  const bool never = !fulfilled && (any_is_enough ? !any_open : any_failed);
  if (never && dies_of_dependency(state, job)) {
    edit_job(state, id, [&](Job& j) { j.dependencies = std::move(dependencies); });
    return end_pending(state, id, JobBase::cancelled, model::JobReason::dependency_never_satisfied);
  }
  const auto reason = fulfilled  ? model::JobReason::none
                      : never    ? model::JobReason::dependency_never_satisfied
                                 : model::JobReason::dependency;
  const bool held = job.priority == 0;
  if (!changed && !fulfilled && (held || job.reason == reason)) return;
  edit_job(state, id, [&](Job& j) {
    if (expanded) take_after(state, *expanded, j);
    j.dependencies = fulfilled ? std::vector<Dependency>{} : std::move(dependencies);
    if (!held) j.reason = reason;
    if (fulfilled && !held && !j.eligible_time) j.eligible_time = std::max(state.now, j.request->begin_time);
  });
}

/// `from` waits for `self`, directly or through others. A loop, not a recursion: chains can be as long as the queue.
bool reaches(const ClusterState& state, JobId from, JobId self, std::set<std::uint32_t>& seen) {
  std::vector<JobId> open{from};
  while (!open.empty()) {
    const JobId id = open.back();
    open.pop_back();
    if (id == self) return true;
    if (!seen.insert(id.v).second) continue;
    const Job* job = state.pending.find(id.v);
    if (!job) continue;
    for (const Dependency& dependency : job->dependencies)
      if (dependency.type != Dependency::Type::singleton) open.push_back(dependency.job);
  }
  return false;
}

}  // namespace

void refresh_dependencies(ClusterState& state) {
  std::vector<JobId> waiting;
  state.dependent.for_each([&](std::uint64_t id, const auto&) {
    waiting.push_back(JobId{static_cast<std::uint32_t>(id)});
    return true;
  });
  for (JobId id : waiting)
    if (state.pending.find(id.v)) refresh(state, id);
}

void refresh_dependencies_of(ClusterState& state, JobId id) { refresh(state, id); }

Result<void> bind_dependencies(const ClusterState& state, JobId self, std::vector<Dependency>& dependencies) {
  std::set<std::uint32_t> seen;
  for (Dependency& dependency : dependencies) {
    if (dependency.type == Dependency::Type::singleton) continue;
    const Job* job = state.job(dependency.job);
    if (dependency.task == kNoVal32 && !job && !state.with_array(dependency.job).empty()) {
      dependency.task = kInfinite32;  // the record with the array's own number is forgotten already
    } else if (dependency.task == kNoVal32 && job && job->array) {
      if (job->array->array_job == dependency.job) {
        dependency.task = kInfinite32;
      } else {  // the record number of one task
        dependency.job = job->array->array_job;
        dependency.task = job->array->task;
      }
    }
    if (dependency.job == self) return fail(Errc::dependency, "job {} would wait for itself", self.v);
    if (self.v && reaches(state, dependency.job, self, seen))
      return fail(Errc::circular_dependency, "job {} already waits for job {}", dependency.job.v, self.v);
  }
  return {};
}

Result<void> check_expansion(const ClusterState& state, const std::vector<Dependency>& dependencies,
                             std::string_view partitions, std::uint32_t qos) {
  bool any = false;
  for (const Dependency& dependency : dependencies) {
    if (dependency.type != Dependency::Type::expand) continue;
    const Job* job = record_of(state, dependency);
    if (any || !job || !job->state.running() || job->qos != qos ||
        job->partition != partitions.substr(0, partitions.find(',')))
      return fail(Errc::dependency, "job {} cannot be expanded", dependency.job.v);
    any = true;
  }
  return {};
}

}  // namespace flurm::state
