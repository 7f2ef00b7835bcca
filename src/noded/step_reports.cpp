// noded/step_reports.cpp — see step_reports.hpp.
#include "noded/step_reports.hpp"

#include <algorithm>

#include "base/hostlist.hpp"
#include "base/log.hpp"
#include "io/timer.hpp"
#include "noded/step_accounting.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint32_t kTreeWidth = 7;  // REVERSE_TREE_WIDTH
constexpr std::uint64_t kGatherMs = 500;
constexpr std::size_t kNodesMax = 100'000;  // of a step
// The step may not have begun above, where the launch came through others; then the answer is an error. A slurmstepd
// tries five times, once a second (REVERSE_TREE_PARENT_RETRY).
constexpr std::uint64_t kFirstPauseMs = 50, kLastPauseMs = 1600;

std::uint32_t worse_status(std::uint32_t one, std::uint32_t other) {
  if (one == exec::kSignalOutOfMemory || other == exec::kSignalOutOfMemory) return exec::kSignalOutOfMemory;
  return std::max(one, other);
}

}  // namespace

TreePlace tree_place(std::uint32_t rank, std::uint32_t count) {
  if (count < kTreeWidth || rank >= count) return {};
  if (rank == 0) return {.parent = std::nullopt, .below = count - 1};
  // A full tree that is just deep enough; ranks count down each branch before they go on to the next.
  std::uint64_t size = 1, level = 1;
  while (size < count) size += level *= kTreeWidth;
  for (std::uint32_t top = 0;;) {
    const auto branch = static_cast<std::uint32_t>((size - 1) / kTreeWidth);
    const std::uint32_t head = rank - (rank - top - 1) % branch;
    if (head == rank) return {.parent = top, .below = std::min(branch - 1, count - rank - 1)};
    top = head;
    size = branch;
  }
}

std::string node_above(std::string_view nodes, std::uint32_t rank) {
  const auto names = expand_hosts(nodes);
  if (!names) return "";
  const auto place = tree_place(rank, static_cast<std::uint32_t>(names->size()));
  return place.parent ? (*names)[*place.parent] : "";
}

std::vector<wire::StepComplete> merge_reports(std::vector<wire::StepComplete> reports) {
  std::ranges::stable_sort(reports, {}, &wire::StepComplete::range_first);
  std::vector<wire::StepComplete> merged;
  for (wire::StepComplete& report : reports) {
    wire::StepComplete* const last = merged.empty() ? nullptr : &merged.back();
    if (last && report.range_last <= last->range_last && report.range_first <= report.range_last) continue;
    const bool follows = last && std::uint64_t{report.range_first} == std::uint64_t{last->range_last} + 1;
    if (follows && add_accounting(last->jobacct, report.jobacct)) {
      last->range_last = report.range_last;
      last->step_rc = worse_status(last->step_rc, report.step_rc);
    } else {
      merged.push_back(std::move(report));
    }
  }
  return merged;
}

/// The step's state; null while it has none, and when it is gone.
const exec::StepState* StepReports::state_of(const Key& step) const {
  const NodeJobPtr job = node_.jobs.find(step.job_id);
  if (!job) return nullptr;
  const auto found = job->steps.find(step.step.first);
  if (found == job->steps.end() || found->second->state().key.het_component != step.step.second) return nullptr;
  return &found->second->state();
}

/// There is nothing to wait for: this node and all below it have ended.
bool StepReports::all_here(const Key& step) const {
  const NodeJobPtr job = node_.jobs.find(step.job_id);
  const exec::StepState* const state = state_of(step);
  if (!state) return !job || job->launching == 0;
  return job->ended_ranks[step.step].size() > tree_place(state->node_rank, state->node_count).below;
}

io::Task<Result<std::uint32_t>> StepReports::deliver(wire::StepComplete report) {
  const Key step{report.step_id.job_id.v, {report.step_id.step_id, report.step_id.step_het_comp}};
  if (const NodeJobPtr job = node_.jobs.find(step.job_id)) {
    auto& ended = job->ended_ranks[step.step];
    for (std::uint32_t rank = report.range_first; rank <= report.range_last && ended.size() < kNodesMax; ++rank)
      ended.insert(rank);
  }
  const auto known = groups_.find(step);
  const auto group = known == groups_.end() ? std::make_shared<Group>(node_.loop) : known->second;
  group->reports.push_back(std::move(report));
  if (known == groups_.end()) {
    groups_[step] = group;
    io::spawn(gather(step));
  } else {
    group->changed.notify();
  }
  while (!group->answer) {
    auto waiting = group->changed.changed();
    (void)co_await waiting;
  }
  co_return *group->answer;
}

io::Task<void> StepReports::gather(Key step) {
  const std::shared_ptr<Group> group = groups_[step];
  const auto end = io::Deadline::in_ms(kGatherMs);
  while (!all_here(step) && end.left_ms() > 0) {
    auto waiting = group->changed.changed(end);
    (void)co_await waiting;
  }
  groups_.erase(step);
  if (const NodeJobPtr job = node_.jobs.find(step.job_id); job && all_here(step)) job->ended_ranks.erase(step.step);
  const exec::StepState* const state = state_of(step);
  const std::string above = state ? state->node_above : "";
  Result<std::uint32_t> answer = 0u;
  for (wire::StepComplete& report : merge_reports(std::move(group->reports))) {
    auto sending = send(above, std::move(report));
    auto code = co_await sending;
    if (!code || *code != 0) answer = std::move(code);
  }
  group->answer = std::move(answer);
  group->changed.notify();
}

io::Task<Result<std::uint32_t>> StepReports::send(std::string above, wire::StepComplete report) {
  const Outgoing message = Outgoing::of(wire::MsgType::REQUEST_STEP_COMPLETE, std::move(report));
  for (std::uint64_t pause_ms = kFirstPauseMs; !above.empty() && pause_ms <= kLastPauseMs; pause_ms *= 2) {
    auto asking = node_.nodes.ask(above, message);
    const auto code = co_await asking;
    if (!code) log(Level::warn, "noded.node_above_silent", {{"node_above", above}, {"error", code.error().text}});
    if (!code || *code == static_cast<std::uint32_t>(Errc::already_done)) break;
    if (*code == 0) co_return 0u;
    log(Level::verbose, "noded.report_again", {{"node_above", above}, {"code", *code}});
    auto pause = io::sleep(node_.loop, pause_ms);
    co_await pause;
  }
  auto asking = node_.controller.ask(message);
  co_return co_await asking;
}

}  // namespace flurm::noded
