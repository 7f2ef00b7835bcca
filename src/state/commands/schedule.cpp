// state/commands/schedule.cpp — the planner's decisions take effect, as far as they still fit.
#include <algorithm>

#include "base/hostlist.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/gang.hpp"
#include "state/mail.hpp"
#include "state/reboot.hpp"
#include "state/reservations.hpp"
#include "state/steps.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
using model::JobReason;
using model::Node;

bool eligible(const ClusterState& state, const Job& job) {
  return job.state.pending() && job.priority != 0 && job.dependencies.empty() && job.request->begin_time <= state.now;
}

bool shares_cores(const model::Partition& partition, const Job& job) {
  return partition.max_share & model::kShareForce || (partition.max_share > 1 && job.request->shared == 1);
}

bool overlap(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (a[i] & b[i]) return true;
  return false;
}

/// Some of these cores are those of a job that does not stand aside for it.
bool taken(const ClusterState& state, const Job& job, const model::Partition& partition, const Node& node,
           const model::NodeShare& wanted) {
  if (!overlap(node.cores_used, wanted.cores)) return false;
  if (!state.settings.preempt.gang()) return true;
  const auto in_the_way = [&](JobId id) {
    const Job& other = *state.job(id);
    return std::ranges::any_of(other.allocation->shares, [&](const model::NodeShare& share) {
      return share.node == node.id && overlap(share.cores, wanted.cores) && !stands_aside(state, job, partition, other);
    });
  };
  return std::ranges::any_of(node.jobs, in_the_way) || std::ranges::any_of(node.completing_jobs, in_the_way);
}

/// What the share names of generic resources is there, and nobody else's.
bool gres_fits(const ClusterState& state, const Node& node, const model::NodeShare& share) {
  if (share.gres.empty()) return true;
  const auto pools =
      model::gres_pools(state.settings.gres_types, node.config.gres, node.gres_reported, node.core_count());
  for (const model::GresPool& pool : pools) {
    model::GresUse use;
    for (const auto* jobs : {&node.jobs, &node.completing_jobs})
      for (JobId id : *jobs)
        for (const model::NodeShare& other : state.job(id)->allocation->shares)
          if (other.node == node.id)
            for (const model::GresShare& held : other.gres)
              if (held.name == pool.name) model::add_gres_use(use, pool, held);
    for (const model::GresShare& wanted : share.gres)
      if (wanted.name == pool.name) model::add_gres_use(use, pool, wanted);
    if (!model::within(use, pool)) return false;
  }
  return std::ranges::all_of(share.gres, [&](const model::GresShare& wanted) {
    return std::ranges::find(pools, wanted.name, &model::GresPool::name) != pools.end();
  });
}

bool fits(const ClusterState& state, const Job& job, const Schedule::Start& start) {
  const model::Partition* partition = state.partition(start.partition);
  if (!partition || !(partition->state_up & model::partition_state::sched) || start.shares.empty()) return false;
  if (!reservations_allow(state, job, start, model::time_limit_in(job, *partition))) return false;
  const bool sharing = shares_cores(*partition, job) || job.request->overcommit;
  model::NodeId previous = 0;
  for (const model::NodeShare& share : start.shares) {
    if (&share != &start.shares.front() && share.node <= previous) return false;
    previous = share.node;
    const Node* node = state.node(share.node);
    if (!node || !node->usable() || node->exclusive) return false;
    if (!std::binary_search(partition->nodes.begin(), partition->nodes.end(), share.node)) return false;
    if (start.whole_node && (!node->jobs.empty() || !node->completing_jobs.empty())) return false;
    if (!sharing && taken(state, job, *partition, *node, share)) return false;
    if (!sharing && share.cores.empty() && node->cpus_used + share.cpus > node->config.cpus) return false;
    if (state.settings.cr_type & model::cr_bit::memory &&
        node->memory_used + share.memory_mib > node->config.real_memory)
      return false;
    if (!gres_fits(state, *node, share)) return false;
  }
  return true;
}

/// An allocation that nothing kept waiting started as it was submitted, which Slurm does with no other job (slurm 22.05
/// src/slurmctld/job_mgr.c job_allocate).
model::StartedBy started_by(const ClusterState& state, const Job& job, bool backfilled) {
  constexpr std::uint16_t kFirstFormat = 7;
  if (state.format < kFirstFormat) return model::StartedBy::unknown;
  if (backfilled) return model::StartedBy::backfill;
  const bool alone = !job.request->batch && !job.array && !job.het && !job.request->deadline;
  const bool waited = job.reason != JobReason::none || job.eligible_time != job.submit_time || job.restart_count != 0;
  return alone && !waited ? model::StartedBy::submission : model::StartedBy::main;
}

/// The job, or the task that is split off for it, has its nodes now. 0 when it cannot start.
JobId start_job(ClusterState& state, const Schedule::Start& start) {
  const Job* found = state.job(start.job);
  if (!found) return {};
  if (start.task != kNoVal32) {
    if (!found->array) return {};
    found = state.array_task(found->array->array_job, start.task);
    if (!found || (found->array->task == kNoVal32 && found->id != start.job)) return {};
  }
  if (!eligible(state, *found) || found->misses_deadline(state.now) || !fits(state, *found, start)) return {};
  if (found->array && found->array->task == kNoVal32 && start.task == kNoVal32) return {};
  const JobId id = split_task(state, found->id, start.task);
  if (!id.v) return {};

  auto allocation = std::make_shared<model::Allocation>();
  allocation->shares = start.shares;
  allocation->whole_node = start.whole_node;
  std::vector<std::string> names;
  for (const model::NodeShare& share : start.shares) names.push_back(state.node(share.node)->config.name);
  allocation->nodes = compress_hosts_sorted(names);
  edit_job(state, id, [&](Job& job) {
    job.started_by = started_by(state, job, start.backfilled);
    const bool launch_waits = state.settings.controller_prolog || job.request->reboot == 1;
    job.state = {JobBase::running, launch_waits ? model::job_flag::configuring : 0};
    job.reason = JobReason::none;
    job.state_desc.clear();
    job.partition = start.partition;
    job.allocation = allocation;
    job.preferred = start.preferred;
    job.reservation = start.reservation;
    job.batch_host = names.front();
    job.failed_node.clear();
    job.start_time = state.now;
    job.last_sched_eval = state.now;
    job.sched_nodes.clear();
    job.time_limit = model::time_limit_in(job, *state.partition(start.partition));
    if (job.request->deadline)
      job.time_limit = static_cast<std::uint32_t>(
          std::clamp<std::int64_t>((job.request->deadline - state.now) / 60, 1, job.time_limit));
    // Without a limit Slurm shows an end a year away.
    job.end_time = state.now + (job.time_limit == kInfinite32 ? 365 * 24 * 3600 : std::int64_t{job.time_limit} * 60);
    job.exit_code = job.derived_exit_code = 0;
    job.launched = false;
    job.next_step = 0;
    if (state.settings.preempt.gang()) job.turn = state.next_turn++;
  });
  const Job& job = *state.job(id);
  give_nodes(state, job);
  if (job.request->reboot == 1) reboot_nodes_of(state, id);
  if (state.settings.controller_prolog)
    add_effect(state, {.kind = Effect::Kind::controller_prolog, .job = id, .restart_count = job.restart_count});
  return id;
}

/// What begins when the job, and all that start with it, have their nodes.
void begin(ClusterState& state, JobId id) {
  if (!state.job(id)->state.has(model::job_flag::configuring)) launch(state, id);
  mail_begin(state, *state.job(id));
  tell_waiting(state, id, Effect::News::started);
}

/// The components of a heterogeneous job start together or not at all.
void start_together(ClusterState& state, const std::vector<Schedule::Start>& starts, const model::HetPart& het) {
  const ClusterState before = state;
  std::vector<JobId> started;
  for (JobId component : het.components) {
    const auto start = std::ranges::find(starts, component, &Schedule::Start::job);
    const JobId id = start == starts.end() ? JobId{0} : start_job(state, *start);
    if (!id.v) {
      state = before;
      return;
    }
    started.push_back(id);
  }
  for (JobId id : started) begin(state, id);
}

void set_waiting(ClusterState& state, const Schedule::Wait& wait) {
  const Job* job = state.pending.find(wait.job.v);
  if (!job || !eligible(state, *job)) {
    // Reasons of held and dependent jobs are the state's own; the planner may say that a begin time is awaited.
    if (!job || wait.reason != JobReason::begin_time || job->priority == 0 || !job->dependencies.empty()) return;
  }
  if (job->reason == wait.reason && job->state_desc == wait.desc && job->sched_nodes == wait.sched_nodes &&
      (job->start_time == wait.expected_start))
    return;
  edit_job(state, wait.job, [&](Job& changed) {
    changed.reason = wait.reason;
    changed.state_desc = wait.desc;
    changed.start_time = wait.expected_start;
    changed.sched_nodes = wait.sched_nodes;
    changed.last_sched_eval = state.now;
  });
}

}  // namespace

Reply apply_to(ClusterState& state, const Schedule& command) {
  for (const Schedule::Start& start : command.starts) {
    const Job* job = state.job(start.job);
    if (job && job->het) {
      if (job->het->offset == 0) start_together(state, command.starts, *job->het);
    } else if (const JobId id = start_job(state, start); id.v) {
      begin(state, id);
    }
  }
  for (const Schedule::Wait& wait : command.waits) set_waiting(state, wait);
  return {};
}

}  // namespace flurm::state
