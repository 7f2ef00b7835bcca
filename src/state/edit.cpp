// state/edit.cpp — see edit.hpp.
#include "state/edit.hpp"

#include <algorithm>

#include "state/accounting.hpp"
#include "state/accrual.hpp"
#include "state/cron.hpp"
#include "state/mail.hpp"
#include "state/reports.hpp"
#include "state/steps.hpp"
#include "state/triggers.hpp"
#include "state/usage.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
using model::Node;
namespace job_flag = model::job_flag;
namespace node_flag = model::node_flag;

constexpr std::uint64_t task_key(JobId array_job, std::uint32_t task) {
  return std::uint64_t{array_job.v} << 32 | task;
}

void insert_sorted(std::vector<JobId>& list, JobId id) {
  const auto at = std::lower_bound(list.begin(), list.end(), id);
  if (at == list.end() || *at != id) list.insert(at, id);
}
void erase_sorted(std::vector<JobId>& list, JobId id) {
  const auto at = std::lower_bound(list.begin(), list.end(), id);
  if (at != list.end() && *at == id) list.erase(at);
}

const model::NodeShare* share_of(const Job& job, model::NodeId node) {
  if (!job.allocation) return nullptr;
  const auto& shares = job.allocation->shares;
  const auto at = std::lower_bound(shares.begin(), shares.end(), node,
                                   [](const model::NodeShare& share, model::NodeId id) { return share.node < id; });
  return at != shares.end() && at->node == node ? &*at : nullptr;
}

/// The node's use, from the jobs that hold it: summing anew is right also where jobs share cores.
void count_use(const ClusterState& state, Node& node) {
  node.cores_used.assign((node.core_count() + 63) / 64, 0);
  node.cpus_used = 0;
  node.memory_used = 0;
  node.exclusive = false;
  node.owner = kNoVal32;
  node.mcs_label.clear();
  const auto add = [&](JobId id) {
    const Job* job = state.job(id);
    const model::NodeShare* share = job ? share_of(*job, node.id) : nullptr;
    if (!share) return;
    for (std::size_t i = 0; i < share->cores.size() && i < node.cores_used.size(); ++i)
      node.cores_used[i] |= share->cores[i];
    node.cpus_used += share->cpus;
    node.memory_used += share->memory_mib;
    if (job->allocation->whole_node) node.exclusive = true;
    if (job->request->shared == 2) node.owner = job->request->user_id;  // --exclusive=user
    if (model::sets_nodes_apart(*job->request, state.settings.mcs_select)) node.mcs_label = job->request->mcs_label;
  };
  for (JobId id : node.jobs) add(id);
  for (JobId id : node.completing_jobs) add(id);
  const bool used = !node.jobs.empty() || !node.completing_jobs.empty();
  if (node.base == model::NodeBase::idle && used) node.base = model::NodeBase::allocated;
  if (node.base == model::NodeBase::allocated && !used) {
    node.base = model::NodeBase::idle;
    node.last_busy = state.now;
  }
  if (node.completing_jobs.empty()) {
    node.flags &= ~node_flag::completing;
  } else {
    node.flags |= node_flag::completing;
  }
}

bool runs(const Job& job) { return job.state.running() || job.state.suspended(); }

/// RequeueExit and RequeueExitHold. Source: slurm 22.05 src/slurmctld/job_mgr.c job_hold_requeue().
void heed_exit_code(const ClusterState& state, Job& job) {
  if (!job.request->batch || !job.state.ended() || job.state.base == JobBase::cancelled) return;
  const std::uint32_t code = job.exit_code >> 8 & 0xff;
  if (state.settings.requeue_exit.contains(code)) {
    job.state.flags |= job_flag::requeue;
    wait_a_while(state, job);
  } else if (state.settings.requeue_exit_hold.contains(code)) {
    job.state.flags |= job_flag::requeue | job_flag::special_exit;
    job.priority = 0;
    job.reason = model::JobReason::held_user;
  }
}

}  // namespace

void put_job(ClusterState& state, Job job) {
  const JobId id = job.id;
  const auto before = state.jobs.get(id.v);
  const Job* old = before.get();
  note_for_report(state, old, job);
  const bool was_finished = old && old->state.finished();
  if (old && old->state != job.state) state.dependencies_stale = state.turns_stale = true;
  if (!job.state.suspended()) job.waits_turn = false;
  if (state.format >= 6 && job.state.pending() && job.eligible_time && !job.accrue_time)
    job.accrue_time = accrues_from(state, job);
  state.tasks_without_record += job.pending_count();
  state.tasks_without_record -= old ? old->pending_count() : 1;
  if (job.array && job.array->task != kNoVal32)
    state.array_tasks.set(task_key(job.array->array_job, job.array->task), std::make_shared<const JobId>(id));
  if (job.state.finished() && !was_finished)
    state.finished.set(state.next_finished++, std::make_shared<const Finished>(Finished{id, job.end_time}));
  count_submitted(state, old, &job);
  if (old && runs(*old) && !runs(job)) count_rest(state, *old, job.end_time ? job.end_time : state.now);
  auto shared = std::make_shared<const Job>(std::move(job));
  if (shared->state.pending()) {
    state.pending.set(id.v, shared);
  } else {
    state.pending.erase(id.v);
  }
  if (shared->state.pending() && !shared->dependencies.empty()) {
    state.dependent.set(id.v, shared);
  } else {
    state.dependent.erase(id.v);
  }
  if (!shared->state.pending() && !shared->state.finished()) {
    state.active.set(id.v, shared);
  } else {
    state.active.erase(id.v);
  }
  state.jobs.set(id.v, shared);
  state.jobs_changed = state.now;
  report_job(state, old, shared);
}

void edit_job(ClusterState& state, JobId id, const std::function<void(Job&)>& change) {
  const Job* job = state.job(id);
  FLURM_CHECK(job, "job {}", id.v);
  Job copy = *job;
  change(copy);
  put_job(state, std::move(copy));
}

void recount_node(ClusterState& state, model::NodeId id) {
  edit_node(state, id, [&](Node& node) { count_use(state, node); });
}

void set_reason(const ClusterState& state, Node& node, std::string reason, std::uint32_t uid) {
  node.reason = std::move(reason);
  node.reason_uid = uid;
  node.reason_time = state.now;
}

void edit_node(ClusterState& state, model::NodeId id, const std::function<void(Node&)>& change) {
  const Node* node = state.node(id);
  FLURM_CHECK(node, "node {}", id);
  auto copy = std::make_shared<Node>(*node);
  change(*copy);
  const auto before = state.nodes.get(id);
  note_node_change(state, *before, *copy);
  state.nodes.set(id, copy);
  state.nodes_changed = state.now;
  report_node(state, *before, copy);
}

JobId new_job_id(ClusterState& state) {
  const std::uint64_t tries_max = state.jobs.size() + state.array_tasks.size() + 2;
  for (std::uint64_t tries = 0; tries < tries_max; ++tries) {
    std::uint32_t id = std::max(state.next_job_id, state.settings.first_job_id);
    if (id > state.settings.max_job_id) id = state.settings.first_job_id;
    state.next_job_id = id + 1;
    bool past = false;
    // An array's number stays taken while any of its tasks is known.
    const bool array = !state.array_tasks.for_each_from(std::uint64_t{id} << 32, [&](std::uint64_t key, const auto&) {
      past = key >> 32 != id;
      return false;
    }) && !past;
    if (!array && !state.job(JobId{id})) return JobId{id};
  }
  return JobId{0};
}

std::uint32_t next_priority(ClusterState& state, const model::JobRequest& request) {
  constexpr std::int64_t kNiceOffset = 0x80000000;
  if (state.lowest_priority >= 2) --state.lowest_priority;
  // A nice job goes back in the queue; the jobs after it do not.
  const std::int64_t priority = std::int64_t{state.lowest_priority} - (std::int64_t{request.nice} - kNiceOffset);
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(priority, 1, 0xfffffffd));
}

void add_effect(ClusterState& state, Effect effect) {
  effect.id = state.next_effect_id++;
  effect.created = state.now;
  auto shared = std::make_shared<const Effect>(effect);
  state.job_effects.set(effect_key(effect), shared);
  state.effects.set(effect.id, std::move(shared));
}

void remove_effect(ClusterState& state, std::uint64_t id) {
  const Effect* effect = state.effects.find(id);
  if (!effect) return;
  state.job_effects.erase(effect_key(*effect));
  state.effects.erase(id);
}

JobId split_task(ClusterState& state, JobId record, std::uint32_t task) {
  const Job* whole = state.job(record);
  FLURM_CHECK(whole, "job {}", record.v);
  if (!whole->array || whole->array->task != kNoVal32) return record;
  if (whole->array->pending.count() == 1) {
    edit_job(state, record, [&](Job& job) {
      job.array->pending = {};
      job.array->task = task;
    });
    return record;
  }
  Job one = *whole;
  one.id = new_job_id(state);
  if (!one.id.v) return JobId{0};
  one.array->pending = {};
  one.array->task = task;
  edit_job(state, record, [&](Job& job) { job.array->pending.erase(task); });
  const JobId id = one.id;
  put_job(state, std::move(one));
  return id;
}

void start_over(const ClusterState& state, Job& job) {
  job.state = {JobBase::pending, job.state.flags & job_flag::special_exit};
  ++job.restart_count;
  job.allocation.reset();
  job.batch_host.clear();
  job.reservation.clear();
  job.launched = false;
  job.next_step = 0;
  job.started_by = model::StartedBy::unknown;
  job.start_time = job.end_time = job.suspend_time = job.resize_time = job.time_limit_signaled = job.preempt_time = {};
  job.suspended_s = job.ran_before_suspend_s = 0;
  job.controller_epilog = false;
  job.eligible_time = job.priority == 0 ? TimeS{} : std::max(state.now, job.request->begin_time);
  if (state.settings.requeue_wait_s == 0) return;
  if (job.request->begin_time <= state.now) wait_a_while(state, job);
  job.submit_time = job.submit_time == state.now ? state.now + 1 : state.now;  // as a job of its own
  job.accrue_time = accrues_from(state, job);
}

void wait_a_while(const ClusterState& state, Job& job) {
  constexpr std::int64_t kUsualS = 121;
  const std::int64_t while_s = state.settings.requeue_wait_s ? std::int64_t{state.settings.requeue_wait_s} : kUsualS;
  auto request = std::make_shared<model::JobRequest>(*job.request);
  request->begin_time = std::max(request->begin_time, state.now + while_s);
  job.request = std::move(request);
  if (job.priority == 0) return;
  job.reason = model::JobReason::begin_time;
  job.eligible_time = job.request->begin_time;
}

void give_nodes(ClusterState& state, const Job& job) {
  for (const model::NodeShare& share : job.allocation->shares)
    edit_node(state, share.node, [&](Node& node) {
      insert_sorted(node.jobs, job.id);
      node.flags &= ~node_flag::planned;
      count_use(state, node);
    });
}

std::vector<JobId> components_of(const ClusterState& state, JobId id) {
  const Job* job = state.job(id);
  if (!job || !job->het) return {id};
  std::vector<JobId> out;
  for (JobId each : job->het->components)
    if (const Job* one = state.job(each); one && one->het && one->het->leader() == job->het->leader())
      out.push_back(each);
  return out;
}

void launch(ClusterState& state, JobId id) {
  const Job* job = state.job(id);
  if (state.settings.prolog_at_start)
    add_effect(state, {.kind = Effect::Kind::launch_prolog, .job = id, .restart_count = job->restart_count});
  const auto components = components_of(state, id);
  const Job* first = state.job(components.front());
  const auto ready = [&](JobId each) {
    const Job* one = state.job(each);
    return one->state.running() && !one->state.has(job_flag::configuring);
  };
  if (!first->request->batch || (job->het && job->het->leader() != first->id) ||
      !std::ranges::all_of(components, ready))
    return;
  const Effect* found = nullptr;  // ordered with another component
  state.job_effects.for_each_from(std::uint64_t{first->id.v} << 32, [&](std::uint64_t, const auto& other) {
    if (other->job != first->id) return false;
    if (other->kind == Effect::Kind::launch_batch) found = other.get();
    return !found;
  });
  if (!found)
    add_effect(state, {.kind = Effect::Kind::launch_batch, .job = first->id, .restart_count = first->restart_count});
}

void begin_cleaning(ClusterState& state, JobId id, Effect::End end) {
  std::vector<model::NodeId> cleaning;
  const Job* job = state.job(id);
  const auto allocation = job->allocation;
  if (allocation) {
    for (const model::NodeShare& share : allocation->shares) {
      const bool down = state.node(share.node)->base == model::NodeBase::down;
      edit_node(state, share.node, [&](Node& node) {
        erase_sorted(node.jobs, id);
        if (!down) insert_sorted(node.completing_jobs, id);
        count_use(state, node);
      });
      if (!down) cleaning.push_back(share.node);
    }
  }
  const std::uint32_t run = job->restart_count;
  const bool controller_epilog = state.settings.controller_epilog && allocation;
  edit_job(state, id, [&](Job& j) {
    j.completing_nodes = cleaning;
    j.controller_epilog = controller_epilog;
  });
  if (controller_epilog) add_effect(state, {.kind = Effect::Kind::controller_epilog, .job = id, .restart_count = run});
  if (!cleaning.empty()) {
    add_effect(state, {.kind = Effect::Kind::end_job, .job = id, .restart_count = run, .end = end});
  } else {
    node_cleaned(state, id, kNoVal32);
  }
}

namespace {

/// Nobody has to clean up after the job any more.
void finish_cleaning(ClusterState& state, JobId id) {
  report_leftover_steps(state, id);
  edit_job(state, id, [&](Job& j) {
    if (!comes_back(state, j)) heed_exit_code(state, j);
    const bool again = j.state.has(job_flag::requeue);
    j.state.flags &= ~(job_flag::completing | job_flag::requeue);
    if (!again) return;
    if (j.priority != 0 && j.reason != model::JobReason::begin_time) j.reason = model::JobReason::none;
    start_over(state, j);
  });
  std::vector<std::uint64_t> done;
  state.job_effects.for_each_from(std::uint64_t{id.v} << 32, [&](std::uint64_t, const auto& effect) {
    if (effect->job != id) return false;
    if (effect->kind != Effect::Kind::mail && effect->kind != Effect::Kind::tell_client) done.push_back(effect->id);
    return true;
  });
  for (std::uint64_t effect_id : done) remove_effect(state, effect_id);
}

}  // namespace

void controller_epilog_ended(ClusterState& state, JobId id) {
  edit_job(state, id, [](Job& job) { job.controller_epilog = false; });
  const Job& job = *state.job(id);
  if (job.state.completing() && job.completing_nodes.empty()) finish_cleaning(state, id);
}

void node_cleaned(ClusterState& state, JobId id, model::NodeId cleaned) {
  const Job* job = state.job(id);
  if (!job || !job->state.completing()) return;
  const auto& cleaning = job->completing_nodes;
  if (std::ranges::all_of(cleaning, [&](model::NodeId node) { return node == cleaned; })) finish_steps(state, id);
  if (state.node(cleaned))
    edit_node(state, cleaned, [&](Node& node) {
      erase_sorted(node.completing_jobs, id);
      count_use(state, node);
    });
  edit_job(state, id, [&](Job& j) { std::erase(j.completing_nodes, cleaned); });
  job = state.job(id);
  if (job->completing_nodes.empty() && !job->controller_epilog) finish_cleaning(state, id);
}

namespace {

void end_one(ClusterState& state, JobId id, JobBase base, model::JobReason reason, Effect::End end,
             std::uint32_t extra_flags) {
  edit_job(state, id, [&](Job& job) {
    const bool stood_still = job.state.suspended() && job.suspend_time;
    if (stood_still) job.suspended_s += state.now - job.suspend_time;
    job.end_time = stood_still ? job.suspend_time : state.now;
    job.state = {base, job_flag::completing | extra_flags};
    job.reason = reason;
    job.state_desc.clear();
  });
  mail_end(state, *state.job(id));
  tell_end(state, id, end);
  begin_cleaning(state, id, end);
}

}  // namespace

void end_running(ClusterState& state, JobId id, JobBase base, model::JobReason reason, Effect::End end,
                 std::uint32_t extra_flags) {
  const std::uint32_t status = state.job(id)->exit_code, who = state.job(id)->cancelled_by;
  end_one(state, id, base, reason, end, extra_flags);
  const Job& job = *state.job(id);
  if (!job.het || (job.het->offset != 0 && base != JobBase::node_fail)) return;
  for (JobId each : components_of(state, id)) {
    const Job& other = *state.job(each);
    if (!other.state.running() && !other.state.suspended()) continue;
    edit_job(state, each, [&](Job& changed) {
      changed.exit_code = status;
      changed.cancelled_by = who;
    });
    end_one(state, each, base, reason, end, extra_flags);
  }
}

void end_by_exit(ClusterState& state, JobId id, std::uint32_t wait_status) {
  constexpr std::uint32_t kSignalOom = 253;  // slurm 22.05 slurm/slurm.h SIG_OOM
  using model::JobReason;
  edit_job(state, id, [&](Job& job) { job.exit_code = wait_status; });
  const bool out_of_memory = (wait_status & 0x7f) == (kSignalOom & 0x7f) && (wait_status & 0xff) != 0;
  if (out_of_memory) {
    end_running(state, id, JobBase::oom, JobReason::out_of_memory, Effect::End::completed);
  } else if ((wait_status & 0x7f) != 0) {  // by a signal; what is not exit(2) is a failed launch to Slurm
    end_running(state, id, JobBase::failed, JobReason::launch_failed, Effect::End::completed);
  } else if (wait_status != 0) {
    end_running(state, id, JobBase::failed, JobReason::exit_code, Effect::End::completed);
  } else {
    end_running(state, id, JobBase::complete, JobReason::none, Effect::End::completed);
  }
}

namespace {

void end_one_pending(ClusterState& state, JobId id, JobBase base, std::optional<model::JobReason> reason) {
  edit_job(state, id, [&](Job& job) {
    job.state = {base, 0};
    if (reason) {
      job.reason = *reason;
      job.state_desc.clear();
    }
    job.start_time = job.end_time = state.now;
    job.sched_nodes.clear();
  });
  mail_end(state, *state.job(id));
  tell_waiting(state, id, Effect::News::ended);
}

}  // namespace

void end_pending(ClusterState& state, JobId id, JobBase base, std::optional<model::JobReason> reason) {
  const std::uint32_t status = state.job(id)->exit_code, who = state.job(id)->cancelled_by;
  end_one_pending(state, id, base, reason);
  for (JobId each : components_of(state, id)) {
    if (!state.job(each)->state.pending()) continue;
    edit_job(state, each, [&](Job& other) {
      other.exit_code = status;
      other.cancelled_by = who;
    });
    end_one_pending(state, each, base, reason);
  }
}

namespace {

void requeue_one(ClusterState& state, JobId id, Effect::End end, bool hold, std::string desc) {
  mail_requeue(state, *state.job(id));
  edit_job(state, id, [&](Job& job) {
    job.end_time = state.now;
    job.state = {JobBase::pending, job_flag::completing | job_flag::requeue};
    job.reason = hold ? model::JobReason::held_user : model::JobReason::none;
    job.state_desc = std::move(desc);
    if (hold) job.priority = 0;
  });
  tell_end(state, id, end);
  begin_cleaning(state, id, end);
}

}  // namespace

void requeue_running(ClusterState& state, JobId id, Effect::End end, bool hold, std::string desc) {
  for (JobId each : components_of(state, id))
    if (const Job& job = *state.job(each); job.state.running() || job.state.suspended())
      requeue_one(state, each, end, hold, desc);
}

void suspend_or_resume(ClusterState& state, JobId id, bool resume) {
  const std::uint32_t run = state.job(id)->restart_count;
  suspend_steps(state, id, resume);
  edit_job(state, id, [&](Job& changed) {
    if (resume) {
      const std::int64_t pause = state.now - changed.suspend_time;
      changed.suspended_s += pause;
      changed.end_time = changed.end_time + pause;
      changed.state.base = JobBase::running;
    } else {
      changed.ran_before_suspend_s += state.now - (changed.suspend_time ? changed.suspend_time : changed.start_time);
      changed.state.base = JobBase::suspended;
    }
    changed.suspend_time = state.now;
  });
  add_effect(state, {.kind = Effect::Kind::suspend_job,
                     .job = id,
                     .restart_count = run,
                     .op = static_cast<std::uint16_t>(resume ? 1 : 0)});
  tell_holder(state, *state.job(id), {.news = Effect::News::suspended, .op = static_cast<std::uint16_t>(resume)});
}

namespace {

/// As split_task(), for several that stay together; the record that stands for the others is told apart by its id,
/// which is the array's.
JobId split_tasks(ClusterState& state, JobId record, const model::TaskSet& tasks) {
  Job part = *state.job(record);
  part.id = new_job_id(state);
  if (!part.id.v) return JobId{0};
  edit_job(state, record, [&](Job& job) { part.array->pending = job.array->pending.take(tasks); });
  const JobId id = part.id;
  put_job(state, std::move(part));
  return id;
}

/// Adds those of `tasks` that the array's own record stands for.
void resolve_unstarted(ClusterState& state, const Job& whole, const model::TaskSet& tasks, Split split,
                       std::vector<std::pair<std::uint32_t, JobId>>& out) {
  // With the usual MaxArraySize each task that is cancelled can be looked at.
  constexpr std::uint32_t kFew = 1000;
  const model::TaskSet named = whole.array->pending.common(tasks);
  const std::uint32_t count = named.count();
  if (count == 0) return;
  const JobId id = whole.id;
  if (whole.state.ended() || (count > 1 && count == whole.array->pending.count())) {
    out.emplace_back(named.first(), id);
  } else if (split == Split::few && count > kFew) {
    if (const JobId part = split_tasks(state, id, named); part.v) out.emplace_back(named.first(), part);
  } else {
    for (const model::TaskSet::Range& range : named.ranges())
      for (std::uint64_t task = range.first; task <= range.last; task += range.step) {
        const auto number = static_cast<std::uint32_t>(task);
        if (const JobId one = split_task(state, id, number); one.v) out.emplace_back(number, one);
      }
  }
}

}  // namespace

std::vector<JobId> resolve(ClusterState& state, const Target& target, Split split) {
  if (target.whole_array) {
    std::vector<JobId> all, waiting_or_active;
    for (const Job* record : state.with_array(target.job)) {
      all.push_back(record->id);
      if (!record->state.ended()) waiting_or_active.push_back(record->id);
    }
    return waiting_or_active.empty() ? all : waiting_or_active;
  }
  const Job* job = state.job(target.job);
  if (!job) return {};
  if (target.tasks.empty()) return {target.job};
  if (!job->array) return {};
  const JobId array_job = job->array->array_job;
  std::vector<std::pair<std::uint32_t, JobId>> found;
  for (const Job* record : state.with_array(array_job))
    if (record->array && record->array->task != kNoVal32 && target.tasks.contains(record->array->task))
      found.emplace_back(record->array->task, record->id);
  const Job* whole = state.job(array_job);
  if (whole && whole->array && whole->array->task == kNoVal32)
    resolve_unstarted(state, *whole, target.tasks, split, found);
  std::ranges::sort(found);
  std::vector<JobId> out;
  for (const auto& [task, id] : found) out.push_back(id);
  return out;
}

}  // namespace flurm::state
