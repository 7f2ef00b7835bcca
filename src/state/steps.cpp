// state/steps.cpp — see steps.hpp.
#include "state/steps.hpp"

#include <algorithm>

#include "state/format.hpp"
#include "state/reports.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::Step;

/// How many waiting sruns are told to try again when a step ends. Which of them fits is not known; the others wait on.
/// Source: slurm 22.05 src/slurmctld/step_mgr.c _wake_pending_steps(), step_retry_count and step_retry_time.
constexpr std::uint32_t kTriesPerEnd = 8;
constexpr std::int64_t kOldS = 60;

constexpr std::uint32_t kOutOfMemory = 253;  // slurm 22.05 slurm/slurm.h SIG_OOM

void erase_step(ClusterState& state, const Step& step) {
  state.steps.erase(step_key(step.job, step.slot));
  state.jobs_changed = state.now;
}

bool runs_on(const Step& step, model::NodeId node) {
  return step.running() &&
         std::ranges::find(step.placement->shares, node, &model::StepShare::node) != step.placement->shares.end();
}

/// Slurm's derived exit code: the highest of the steps that srun asked for.
void count_exit(ClusterState& state, const Step& step) {
  if (!step.running() || step.slot == kExternStep || step.slot == kBatchStep) return;
  if (step.exit_code == kNoVal32) return;
  const Job* job = state.job(step.job);
  if (!job || (step.exit_code != kOutOfMemory && step.exit_code <= job->derived_exit_code)) return;
  edit_job(state, step.job, [&](Job& changed) { changed.derived_exit_code = step.exit_code; });
}

void wake_waiting(ClusterState& state, JobId id) {
  const Job* job = state.job(id);
  if (!job || !job->state.running()) return;
  std::vector<std::shared_ptr<const Step>> told;
  state.for_steps_of(id, [&](const auto& step) {
    if (!step->running() && (told.size() < kTriesPerEnd || state.now - step->start_time >= kOldS)) told.push_back(step);
  });
  for (const auto& step : told) {
    tell_step(state, *step, {.news = Effect::News::try_again});
    erase_step(state, *step);
  }
}

void tell(ClusterState& state, const Job& job, std::uint32_t step, std::string host, std::uint16_t port,
          Word word) {
  if (port == 0 || host.empty()) return;
  add_effect(state, {.kind = Effect::Kind::tell_client,
                     .job = job.id,
                     .restart_count = job.restart_count,
                     .op = word.op,
                     .step = step,
                     .news = word.news,
                     .host = std::move(host),
                     .text = std::move(word.text),
                     .port = port});
}

}  // namespace

void put_step(ClusterState& state, Step step) {
  const std::uint64_t key = step_key(step.job, step.slot);
  const Step* before = state.steps.find(key);
  const bool begins = step.running() && !(before && before->running());
  auto shared = std::make_shared<const Step>(std::move(step));
  state.steps.set(key, shared);
  state.jobs_changed = state.now;
  if (begins) report_step(state, Report::Kind::step_start, shared);
}

void edit_step(ClusterState& state, JobId job, std::uint32_t slot, const std::function<void(Step&)>& change) {
  const Step* step = state.step(job, slot);
  FLURM_CHECK(step, "step {}.{}", job.v, slot);
  Step copy = *step;
  change(copy);
  put_step(state, std::move(copy));
}

void finish_step(ClusterState& state, JobId job, std::uint32_t slot) {
  const auto step = state.steps.get(step_key(job, slot));
  if (!step) return;
  count_exit(state, *step);
  report_step(state, Report::Kind::step_end, step);
  erase_step(state, *step);
  wake_waiting(state, job);
}

void finish_steps(ClusterState& state, JobId job) {
  std::vector<std::shared_ptr<const Step>> all;
  state.for_steps_of(job, [&](const auto& step) { all.push_back(step); });
  for (const auto& step : all) {
    count_exit(state, *step);
    report_step(state, Report::Kind::step_end, step);
    if (!step->running()) tell_step(state, *step, {.news = Effect::News::try_again});  // it will be told that the job is over
    erase_step(state, *step);
  }
}

void lose_node(ClusterState& state, JobId id, model::NodeId node, Loss loss) {
  constexpr std::uint32_t kKilled = 9;
  const Job& job = *state.job(id);
  std::vector<std::shared_ptr<const Step>> there;
  state.for_steps_of(id, [&](const auto& step) {
    if (runs_on(*step, node)) there.push_back(step);
  });
  for (const auto& step : there) {
    const auto& shares = step->placement->shares;
    const auto rank =
        static_cast<std::uint32_t>(std::ranges::find(shares, node, &model::StepShare::node) - shares.begin());
    bool over = false;
    edit_step(state, id, step->slot, [&](Step& changed) {
      if (changed.exit_code == kNoVal32 || changed.exit_code < kKilled) changed.exit_code = kKilled;
      const auto at = std::ranges::lower_bound(changed.ended, rank);
      if (at == changed.ended.end() || *at != rank) changed.ended.insert(at, rank);
      over = changed.ended.size() == shares.size();
    });
    if (over) {
      finish_step(state, id, step->slot);
    } else {
      // With --no-kill only what may still run on the node: its daemon may be well, and reach srun.
      const bool all = loss == Loss::failed && !(step->request->flags & model::step_flag::no_kill);
      if (!all && state.format < format_of_lost_nodes) continue;
      add_effect(state, {.kind = Effect::Kind::signal_step,
                         .job = id,
                         .restart_count = job.restart_count,
                         .signal = 9,
                         .flags = 1,
                         .step = step->slot,
                         .node = all ? kNoVal32 : node});
    }
  }
}

void tell_node_failed(ClusterState& state, JobId id, model::NodeId node) {
  const Job& job = *state.job(id);
  if (!job.state.running()) return;
  const std::string& name = state.node(node)->config.name;
  std::vector<std::shared_ptr<const Step>> there;
  state.for_steps_of(id, [&](const auto& step) {
    if (runs_on(*step, node)) there.push_back(step);
  });
  for (const auto& step : there) tell_step(state, *step, {.news = Effect::News::node_failed, .text = name});
  tell_holder(state, job, {.news = Effect::News::node_failed, .text = name});
}

void tell_missing(ClusterState& state, const model::Node& node, const std::vector<RegisterNode::RunningStep>& there) {
  std::vector<std::shared_ptr<const Step>> missing;
  for (const JobId id : node.jobs) {
    const Job& job = *state.job(id);
    if (!job.state.running() && !job.state.suspended()) continue;
    state.for_steps_of(id, [&](const auto& step) {
      // One of this very second may still be on its way to the node.
      if (step->state != Step::State::running || !runs_on(*step, node.id) || step->start_time >= state.now) return;
      const bool known = std::ranges::any_of(there, [&](const RegisterNode::RunningStep& reported) {
        return reported.job == id && (reported.slot == step->slot || reported.slot == step->number());
      });
      if (!known) missing.push_back(step);
    });
  }
  for (const auto& step : missing)
    tell_step(state, *step, {.news = Effect::News::step_missing, .text = node.config.name});
}

void suspend_steps(ClusterState& state, JobId id, bool resume) {
  const Job& job = *state.job(id);
  std::vector<std::uint32_t> running;
  state.for_steps_of(id, [&](const auto& step) {
    if (step->running()) running.push_back(step->slot);
  });
  for (std::uint32_t slot : running)
    edit_step(state, id, slot, [&](Step& step) {
      if (resume) {
        step.suspended_s += state.now - std::max(job.suspend_time, step.start_time);
      } else {
        step.ran_before_suspend_s += state.now - std::max(job.suspend_time, step.start_time);
      }
    });
}

void time_out_steps(ClusterState& state) {
  std::vector<std::shared_ptr<const Step>> over;
  state.steps.for_each([&](std::uint64_t, const auto& step) {
    if (step->time_over(state.now) && state.job(step->job)->state.running()) over.push_back(step);
    return true;
  });
  for (const auto& step : over) {
    edit_step(state, step->job, step->slot, [](Step& changed) { changed.state = Step::State::timed_out; });
    add_effect(state, {.kind = Effect::Kind::time_out_step,
                       .job = step->job,
                       .restart_count = state.job(step->job)->restart_count,
                       .step = step->slot});
  }
}

void tell_step(ClusterState& state, const Step& step, Word word) {
  const model::StepRequest& r = *step.request;
  tell(state, *state.job(step.job), step.running() ? step.slot : kPendingStep, r.host, r.port, std::move(word));
}

void tell_holder(ClusterState& state, const Job& job, Word word) {
  tell(state, job, kNoVal32, job.request->resp_host, job.request->other_port, std::move(word));
}

void tell_end(ClusterState& state, JobId id, Effect::End end) {
  const Word over{.news = Effect::News::ended, .op = static_cast<std::uint16_t>(end == Effect::End::time_limit)};
  if (end != Effect::End::completed) tell_holder(state, *state.job(id), over);
  std::vector<std::shared_ptr<const Step>> running;
  state.for_steps_of(id, [&](const auto& step) {
    if (step->running()) running.push_back(step);
  });
  for (const auto& step : running) tell_step(state, *step, over);
}

void tell_waiting(ClusterState& state, JobId id, Effect::News news) {
  const Job& job = *state.job(id);
  if (!job.start_awaited) return;
  tell(state, job, kNoVal32, job.request->resp_host, job.request->alloc_resp_port, {.news = news});
  edit_job(state, id, [](Job& changed) { changed.start_awaited = false; });
}

}  // namespace flurm::state
