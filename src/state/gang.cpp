// state/gang.cpp — see gang.hpp.
#include "state/gang.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "acct/preemption.hpp"
#include "state/edit.hpp"
#include "state/turns.hpp"

namespace flurm::state {
namespace {

using model::Job;
using Cores = std::vector<std::uint64_t>;
using Taken = std::map<model::NodeId, Cores>;

/// It has nodes, and no person has suspended it.
bool takes_part(const Job& job) { return job.state.running() || (job.state.suspended() && job.waits_turn); }

bool overlaps(const Job& job, const Taken& taken) {
  return std::ranges::any_of(job.allocation->shares, [&](const model::NodeShare& share) {
    const auto at = taken.find(share.node);
    if (at == taken.end()) return false;
    for (std::size_t w = 0; w < share.cores.size() && w < at->second.size(); ++w)
      if (share.cores[w] & at->second[w]) return true;
    return false;
  });
}

void take(Taken& taken, const model::NodeShare& share) {
  Cores& cores = taken[share.node];
  cores.resize(std::max(cores.size(), share.cores.size()));
  for (std::size_t w = 0; w < share.cores.size(); ++w) cores[w] |= share.cores[w];
}

struct Member {
  std::uint32_t tier;
  bool waits;
  std::uint64_t turn;
  JobId id;
  /// Higher tiers first, then those that run, then who has waited longest.
  auto place() const { return std::tuple(~tier, waits, turn, id.v); }
};

void arrange(ClusterState& state, bool who_runs_stays) {
  std::vector<Member> members;
  Taken taken;
  state.active.for_each([&](std::uint64_t, const auto& job) {
    if (!job->allocation) return true;
    if (job->state.completing()) {
      for (const model::NodeShare& share : job->allocation->shares)
        if (std::ranges::find(job->completing_nodes, share.node) != job->completing_nodes.end()) take(taken, share);
    } else if (takes_part(*job)) {
      const model::Partition* partition = state.partition(job->partition);
      members.push_back(
          {.tier = partition ? acct::preempt_tier(state.settings.preempt, *state.books, *job, *partition) : 0,
           .waits = job->waits_turn && who_runs_stays,
           .turn = job->turn,
           .id = job->id});
    }
    return true;
  });
  std::ranges::sort(members, {}, &Member::place);
  bool some_waited = false, some_wait = false;
  for (const Member& member : members) {
    const Job& job = *state.job(member.id);
    const bool waits = state.settings.preempt.gang() && overlaps(job, taken);
    some_waited |= job.waits_turn;
    some_wait |= waits;
    if (!waits)
      for (const model::NodeShare& share : job.allocation->shares) take(taken, share);
    if (waits == job.waits_turn) continue;
    suspend_or_resume(state, member.id, !waits);
    if (waits) edit_job(state, member.id, [](Job& changed) { changed.waits_turn = true; });
  }
  if (some_wait && !some_waited) state.slice_began = state.now;
}

}  // namespace

bool stands_aside(const ClusterState& state, const Job& job, const model::Partition& partition, const Job& other) {
  const model::PreemptRule& rule = state.settings.preempt;
  const model::Partition* own = state.partition(other.partition);
  // Of two jobs of one QOS only the planner knows the priorities.
  return rule.gang() && own && takes_part(other) && !other.preempt_time &&
         acct::preempt_mode_of(rule, *state.books, other, *own) == model::preempt_mode::suspend &&
         acct::may_preempt(rule, *state.books, {&job, &partition, 1}, {&other, own, 0}) &&
         acct::preemptable_from(rule, *state.books, other, *own) <= state.now;
}

void arrange_turns(ClusterState& state) { arrange(state, true); }

void next_turns(ClusterState& state) {
  Taken wanted;
  state.active.for_each([&](std::uint64_t, const auto& job) {
    if (job->waits_turn)
      for (const model::NodeShare& share : job->allocation->shares) take(wanted, share);
    return true;
  });
  std::vector<JobId> running;
  state.active.for_each([&](std::uint64_t, const auto& job) {
    if (job->state.running() && overlaps(*job, wanted)) running.push_back(job->id);
    return true;
  });
  std::ranges::sort(running, {}, [&](JobId id) { return std::pair(state.job(id)->turn, id.v); });
  for (JobId id : running) edit_job(state, id, [&](Job& job) { job.turn = state.next_turn++; });
  state.slice_began = state.now;
  arrange(state, false);
}

bool turns_due(const ClusterState& state, TimeS now) {
  if (!state.settings.preempt.gang() || now - state.slice_began < state.settings.preempt.time_slice_s) return false;
  return !state.active.for_each([](std::uint64_t, const auto& job) { return !job->waits_turn; });
}

}  // namespace flurm::state
