// state/commands/step.cpp — steps begin, wait, end, and are signalled.
// Source: slurm 22.05 src/slurmctld/step_mgr.c.
#include <algorithm>

#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/reports.hpp"
#include "state/step_ports.hpp"
#include "state/steps.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::kFirstStepInLine;
using model::Step;

constexpr std::uint16_t kSigKill = 9, kSigNodeFail = 998;            // slurm 22.05 src/common/slurm_protocol_defs.h
constexpr std::uint16_t kBatchOnly = 1 << 0, kOutOfMemory = 1 << 6;  // KILL_JOB_BATCH, KILL_OOM
constexpr std::uint32_t kSigOutOfMemory = 253;                       // SIG_OOM
/// Beyond this many, those that wait look again by themselves, as srun does after a minute.
constexpr std::uint32_t kInLineMax = 10'000;

/// Why no step can begin in the job's run.
Errc refuses_steps(const Job* job, std::uint32_t restart_count) {
  if (!job) return Errc::invalid_job_id;
  if (job->state.pending()) return Errc::duplicate_job_id;  // Slurm's answer
  if (job->restart_count != restart_count || !job->allocation) return Errc::already_done;
  if (job->state.suspended()) return Errc::disabled;
  return job->state.running() ? Errc::success : Errc::already_done;
}

bool same_srun(const Step& step, const model::StepRequest& request) {
  return step.request->host == request.host && step.request->port == request.port;
}

/// The place in line of the srun, if it has one.
std::vector<std::uint32_t> places_of(const ClusterState& state, JobId job, const model::StepRequest& request) {
  std::vector<std::uint32_t> out;
  state.for_steps_of(job, [&](const auto& step) {
    if (!step->running() && same_srun(*step, request)) out.push_back(step->slot);
  });
  return out;
}

/// The running step of this slot, or those of which it is the number.
std::vector<std::uint32_t> slots_of(const ClusterState& state, JobId job, std::uint32_t slot) {
  std::vector<std::uint32_t> out;
  state.for_steps_of(job, [&](const auto& step) {
    if (step->running() && (step->slot == slot || step->number() == slot)) out.push_back(step->slot);
  });
  return out;
}

/// The components of a heterogeneous job count their steps together, in the first one.
std::uint32_t next_number(const ClusterState& state, const Job& job) {
  const Job* leader = job.het ? state.job(job.het->leader()) : nullptr;
  return std::max(job.next_step, leader ? leader->next_step : 0);
}

std::shared_ptr<const model::StepUsage> with_usage(const std::shared_ptr<const model::StepUsage>& sum,
                                                   const model::StepUsage& more) {
  auto all = std::make_shared<model::StepUsage>(sum ? *sum : more);
  if (sum) model::add_usage(*all, more);
  return all;
}

/// The job's extern step, of which there is no record, is over on some nodes. Nobody counts which: it ends for good
/// when the nodes have cleaned up.
Reply end_extern(ClusterState& state, const Job& job, const EndStep& command) {
  if (!job.extern_step) return {.code = Errc::invalid_job_id};
  edit_job(state, job.id, [&](Job& changed) {
    changed.extern_usage = with_usage(changed.extern_usage, command.usage.value_or(model::StepUsage{}));
  });
  return {};
}

bool nodes_remain(const Job& job, const model::StepPlacement& placement) {
  const auto& shares = job.allocation->shares;
  return std::ranges::all_of(placement.shares, [&](const model::StepShare& mine) {
    return std::ranges::find(shares, mine.node, &model::NodeShare::node) != shares.end();
  });
}

}  // namespace

Reply apply_to(ClusterState& state, const CreateStep& command) {
  const Job* job = state.job(command.job);
  if (const Errc code = refuses_steps(job, command.restart_count); code != Errc::success) return {.code = code};
  const std::uint32_t slot = command.slot == kNoVal32 ? next_number(state, *job) : command.slot;
  const std::uint32_t number = model::number_of_slot(slot);
  if (state.step(command.job, slot) || state.step(command.job, number) ||
      (slot >= kFirstStepInLine && slot != kInteractiveStep))
    return {.code = Errc::duplicate_step_id};
  if (command.placement.shares.empty() || !nodes_remain(*job, command.placement)) return {.code = Errc::nodes_busy};
  if (slot != kInteractiveStep && !model::fits(*job->allocation, step_uses(state, command.job), command.request,
                                               command.placement, state.settings.cr_type & model::cr_bit::memory))
    return {.code = Errc::nodes_busy};
  StepPorts ports;
  if (slot != kInteractiveStep) {
    auto found = find_step_ports(state, command.request, command.placement);
    if (!found) return {.code = found.error().code};
    ports = std::move(*found);
  }

  for (std::uint32_t place : places_of(state, command.job, command.request))
    state.steps.erase(step_key(command.job, place));
  Step step;
  step.job = command.job;
  step.slot = slot;
  step.request = std::make_shared<const model::StepRequest>(command.request);
  step.placement = std::make_shared<const model::StepPlacement>(command.placement);
  step.nodes = command.nodes;
  if (!ports.text.empty()) {
    step.resv_ports = std::move(ports.text);
    state.last_step_port = ports.last_given;
  }
  step.protocol_version = command.protocol_version;
  step.time_limit = command.request.time_limit;
  step.start_time = state.now;
  put_step(state, std::move(step));
  if (slot < kFirstStepInLine) {
    const auto count = [&](Job& changed) { changed.next_step = std::max(changed.next_step, number + 1); };
    edit_job(state, command.job, count);
    const auto& het = state.job(command.job)->het;
    if (het && het->offset != 0 && state.job(het->leader())) edit_job(state, het->leader(), count);
  }
  return {.job = command.job, .step = slot};
}

Reply apply_to(ClusterState& state, const QueueStep& command) {
  const Job* job = state.job(command.job);
  if (const Errc code = refuses_steps(job, command.restart_count); code != Errc::success) return {.code = code};
  if (!places_of(state, command.job, command.request).empty()) return {};
  std::uint32_t slot = kFirstStepInLine;
  std::uint32_t waiting = 0;
  state.for_steps_of(command.job, [&](const auto& step) {
    if (step->running()) return;
    slot = step->slot + 1;
    ++waiting;
  });
  if (waiting >= kInLineMax || slot >= model::kFirstReservedStep) return {};
  Step step;
  step.job = command.job;
  step.slot = slot;
  step.state = Step::State::pending;
  step.request = std::make_shared<const model::StepRequest>(command.request);
  step.start_time = state.now;
  put_step(state, std::move(step));
  return {};
}

Reply apply_to(ClusterState& state, const EndStep& command) {
  const Job* job = state.job(command.job);
  if (!job) return {.code = Errc::invalid_job_id};
  if (job->state.pending()) return {.code = Errc::job_pending};
  if (command.step == kExternStep) return end_extern(state, *job, command);
  const Step* step = state.step(command.job, command.step);
  if (!step || !step->running()) return {.code = Errc::invalid_job_id};
  const std::size_t nodes = step->placement->shares.size();
  if (command.range_first > command.range_last || command.range_last >= nodes) return {.code = Errc::einval};
  bool over = false;
  edit_step(state, command.job, command.step, [&](Step& changed) {
    if (changed.exit_code == kNoVal32 || command.wait_status == kSigOutOfMemory ||
        command.wait_status > changed.exit_code)
      changed.exit_code = command.wait_status;
    const std::size_t ended_before = changed.ended.size();
    for (std::uint32_t rank = command.range_first; rank <= command.range_last; ++rank) {
      const auto at = std::ranges::lower_bound(changed.ended, rank);
      if (at == changed.ended.end() || *at != rank) changed.ended.insert(at, rank);
    }
    // A report that came before is not counted again.
    if (command.usage && state.settings.accounting && changed.ended.size() > ended_before)
      changed.usage = with_usage(changed.usage, *command.usage);
    over = changed.ended.size() == nodes;
  });
  if (over) finish_step(state, command.job, command.step);
  return {};
}

Reply apply_to(ClusterState& state, const SignalStep& command) {
  const Job* job = state.job(command.job);
  if (!job) return {.code = Errc::invalid_job_id};
  if (job->state.ended()) return {.code = Errc::already_done};
  if (!job->state.running()) return {.code = Errc::transition_state_no_update};
  const std::uint16_t signal = command.signal == kSigNodeFail ? kSigKill : command.signal;
  if (command.step == kBatchStep && job->request->batch) {
    add_effect(state, {.kind = Effect::Kind::signal_job,
                       .job = command.job,
                       .restart_count = job->restart_count,
                       .signal = signal,
                       .flags = kBatchOnly});
    return {};
  }
  const std::vector<std::uint32_t> slots = slots_of(state, command.job, command.step);
  if (slots.empty()) return {.code = Errc::invalid_job_id};
  for (const std::uint32_t slot : slots) {
    edit_step(state, command.job, slot, [&](Step& changed) {
      if (command.flags & kOutOfMemory) changed.exit_code = kSigOutOfMemory;
      if (signal == kSigKill) changed.killed_by = command.uid;
    });
    if (signal == kSigKill) tell_step(state, *state.step(command.job, slot), {.news = Effect::News::ended});
    add_effect(state, {.kind = Effect::Kind::signal_step,
                       .job = command.job,
                       .restart_count = job->restart_count,
                       .signal = signal,
                       .step = slot});
  }
  return {};
}

Reply apply_to(ClusterState& state, const UpdateStep& command) {
  if (!state.job(command.job)) return {.code = Errc::invalid_job_id};
  std::vector<std::uint32_t> slots;
  state.for_steps_of(command.job, [&](const auto& step) {
    if (step->state == Step::State::running &&
        (command.step == kNoVal32 || command.step == step->slot || command.step == step->number()))
      slots.push_back(step->slot);
  });
  if (slots.empty() && command.step != kNoVal32) return {.code = Errc::invalid_job_id};
  if (command.time_limit != 0)
    for (std::uint32_t slot : slots)
      edit_step(state, command.job, slot, [&](Step& step) { step.time_limit = command.time_limit; });
  return {};
}

}  // namespace flurm::state
