// state/accrual.cpp — see accrual.hpp. Source: slurm 22.05 src/slurmctld/acct_policy.c
// acct_policy_handle_accrue_time().
#include "state/accrual.hpp"

#include <algorithm>

#include "acct/accrual.hpp"
#include "acct/claim.hpp"
#include "model/priority.hpp"
#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Job;

constexpr std::uint16_t kFirstFormat = 6;

bool limits_hold(const ClusterState& state) {
  return state.format >= kFirstFormat && (state.settings.enforce & model::enforce_flag::limits) &&
         !(state.settings.priority.flags & model::priority_flag::accrue_always);
}

bool could_start(const ClusterState& state, const Job& job) {
  return job.state.pending() && job.priority != 0 && job.dependencies.empty() && job.eligible_time &&
         job.request->begin_time <= state.now;
}

std::vector<JobId> held_back(const ClusterState& state) {
  std::vector<JobId> out;
  if (!limits_hold(state)) return out;
  state.pending.for_each([&](std::uint64_t, const auto& job) {
    if (!job->accrue_time && could_start(state, *job)) out.push_back(job->id);
    return true;
  });
  return out;
}

acct::Accruing accruing_now(const ClusterState& state) {
  acct::Accruing accruing;
  state.pending.for_each([&](std::uint64_t, const auto& job) {
    if (job->accrue_time && job->accrue_time <= state.now && could_start(state, *job))
      acct::add_accruing(*state.books, accruing, acct::claimant(*job, 0), job->pending_count());
    return true;
  });
  return accruing;
}

}  // namespace

TimeS accrues_from(const ClusterState& state, const Job& job) {
  const bool limited =
      limits_hold(state) && acct::accrual_room(*state.books, {}, acct::claimant(job, 0)) != kInfinite32;
  return limited ? TimeS{} : job.eligible_time;
}

bool accrual_due(const ClusterState& state) {
  const std::vector<JobId> others = held_back(state);
  if (others.empty()) return false;
  const acct::Accruing accruing = accruing_now(state);
  return std::ranges::any_of(others, [&](JobId id) {
    return acct::accrual_room(*state.books, accruing, acct::claimant(*state.job(id), 0)) != 0;
  });
}

void let_accrue(ClusterState& state) {
  const std::vector<JobId> others = held_back(state);
  if (others.empty()) return;
  acct::Accruing accruing = accruing_now(state);
  for (JobId id : others) {
    const acct::Claimant claim = acct::claimant(*state.job(id), 0);
    const std::uint32_t count = state.job(id)->pending_count();
    const std::uint32_t room = acct::accrual_room(*state.books, accruing, claim);
    const std::uint32_t some = std::min(room, count);
    acct::add_accruing(*state.books, accruing, claim, some);
    const auto begin = [&](JobId each) { edit_job(state, each, [&](Job& job) { job.accrue_time = state.now; }); };
    if (some == count) {
      begin(id);
      continue;
    }
    for (std::uint32_t i = 0; i < some; ++i)
      if (const JobId task = split_task(state, id, state.job(id)->array->pending.first()); task.v) begin(task);
  }
}

}  // namespace flurm::state
