// noded/ender.cpp — see ender.hpp.
#include "noded/ender.hpp"

#include <signal.h>

#include <algorithm>

#include "base/log.hpp"
#include "exec/job_space.hpp"
#include "io/worker.hpp"
#include "model/job_state.hpp"
#include "noded/gres_environment.hpp"
#include "noded/scripts.hpp"

namespace flurm::noded {
namespace {

using exec::SignalScope;
using exec::StepFrame;

constexpr std::uint32_t kGraceMinS = 5;  // as slurmd, whatever KillWait says
/// How long the answer to an order to end waits for a report that is on its way.
constexpr std::uint64_t kReportPatienceMs = 1'000;
constexpr std::uint64_t kUnkillableProgramMs = 300'000;

/// What a user is told: a SlurmSignal, or 0 for a plain cancellation.
std::uint16_t reason(wire::MsgType type, std::uint32_t job_state) {
  if (type == wire::MsgType::REQUEST_KILL_TIMELIMIT) return exec::kSignalTimeLimit;
  if (type == wire::MsgType::REQUEST_KILL_PREEMPTED) return exec::kSignalPreempted;
  if (type == wire::MsgType::REQUEST_ABORT_JOB) return exec::kSignalAbort;
  switch (model::JobState::from_number(job_state).base) {
    case model::JobBase::node_fail:
      return exec::kSignalNodeFail;
    case model::JobBase::pending:
      return exec::kSignalRequeued;
    case model::JobBase::failed:
      return exec::kSignalFailure;
    default:
      return 0;
  }
}

PrologJob epilog_facts(const wire::KillJob& order, const PrologJob& known) {
  PrologJob facts = known;
  facts.job_id = order.step_id.job_id.v;
  facts.het_job_id = order.het_job_id.v;
  facts.uid = order.job_uid;
  facts.gid = order.job_gid;
  facts.nodes = order.nodes;
  facts.work_dir = order.work_dir;
  facts.spank_job_env = order.spank_job_env;
  if (order.cred) facts.credential = order.cred;
  return facts;
}

}  // namespace

io::Task<Errc> Ender::end_job(wire::MsgType type, wire::KillJob order) {
  const std::uint32_t job_id = order.step_id.job_id.v;
  NodeJobPtr job = node_.jobs.find(job_id);
  const bool one_step = order.step_id.step_id != kNoVal32 && (type == wire::MsgType::REQUEST_KILL_TIMELIMIT ||
                                                              type == wire::MsgType::REQUEST_KILL_PREEMPTED);
  if (one_step) {
    const auto it = job ? job->steps.find(order.step_id.step_id) : decltype(job->steps.end()){};
    if (!job || it == job->steps.end()) co_return Errc::success;
    auto ending = it->second->ask(
        StepFrame::terminate,
        exec::StepTerminate{.why = reason(type, order.job_state), .details = order.details, .grace_s = grace_s()});
    (void)co_await ending;
    co_return Errc::success;
  }
  if (job && job->terminating) co_return Errc::success;
  if (job && order.start_time && order.start_time < job->start_time) {
    // Nobody waits for the answer; whoever would must not take it for the end of this run.
    log(Level::info, "noded.end_of_an_earlier_run", {{"job_id", job_id}});
    co_return Errc::success;
  }
  // "Nothing left to do" lets the controller start the next run. First it must have heard all there is of this one.
  const bool aborting = type == wire::MsgType::REQUEST_ABORT_JOB;
  if (job && !aborting && job->running_steps() == 0) {
    const auto patience = io::Deadline::in_ms(kReportPatienceMs);
    while (job->reports > 0 && patience.left_ms() > 0) {
      auto waiting = job->changed.changed(patience);
      (void)co_await waiting;
    }
    if (job->terminating) co_return Errc::success;
  }
  const bool done_before = job ? job->epilog_done : node_.ended.carried_out(job_id);
  node_.ended.ordered(job_id, job ? job->restart_count : kNoVal32, order.start_time, order.time, io::now());

  const bool starting = job && (job->launching || job->prolog == NodeJob::Prolog::running);
  const bool running = job && job->running_steps() > 0;
  const bool leaves_space = exec::has_job_space(node_.setup.settings.job_container.base_path, job_id);
  const bool epilog_due =
      (!node_.setup.config.epilog.empty() || node_.spank.epilog || leaves_space) && !done_before;
  const bool reporting = job && job->reports > 0;
  if (!starting && !running && !reporting && !epilog_due) {
    node_.ended.carried_out(job_id, job ? job->wait_status : kNoVal32, io::now());
    if (job) node_.jobs.erase(job);
    co_return aborting ? Errc::success : Errc::kill_job_already_complete;
  }
  if (!job) {
    job = node_.jobs.find_or_make(job_id);
    job->facts.uid = order.job_uid;
  }
  job->terminating = true;
  job->aborted = aborting;
  job->changed.notify();
  io::spawn(carry_out(*this, std::move(job), type, std::move(order)));
  co_return Errc::success;
}

io::Task<bool> Ender::make_way(NodeJobPtr job, io::Deadline deadline) {
  const bool under_way = job->terminating;
  job->terminating = job->aborted = true;
  job->changed.notify();
  if (!under_way) {
    log(Level::warn, "noded.superseded", {{"job_id", job->id()}, {"restart_count", job->restart_count}});
    wire::KillJob order;
    order.step_id.job_id = JobId{job->id()};
    order.job_uid = job->facts.uid;
    order.job_gid = job->facts.gid;
    order.nodes = job->facts.nodes;
    order.time = io::now();
    node_.ended.ordered(job->id(), job->restart_count, job->start_time, order.time, order.time);
    io::spawn(carry_out(*this, job, wire::MsgType::REQUEST_ABORT_JOB, std::move(order)));
  }
  while (node_.jobs.find(job->id()) == job && deadline.left_ms() > 0) {
    auto waiting = job->changed.changed(deadline);
    (void)co_await waiting;
  }
  co_return node_.jobs.find(job->id()) != job;
}

io::Task<void> Ender::carry_out(Ender& self, NodeJobPtr job, wire::MsgType type, wire::KillJob order) {
  const std::uint32_t job_id = job->id();
  while (job->launching || job->prolog == NodeJob::Prolog::running) {
    auto waiting = job->changed.changed();
    (void)co_await waiting;
  }
  const bool aborting = type == wire::MsgType::REQUEST_ABORT_JOB;
  auto ending = self.end_steps(job, reason(type, order.job_state), order, aborting);
  co_await ending;
  auto cleaning = self.epilog(job, std::move(order));
  const Errc rc = co_await cleaning;
  auto clearing = self.clear_space(job_id);
  co_await clearing;
  // The end of the batch step first: the controller takes the job's exit code from it.
  while (job->reports > 0) {
    auto waiting = job->changed.changed();
    (void)co_await waiting;
  }
  self.node_.ended.carried_out(job_id, job->wait_status, io::now());
  self.node_.jobs.erase(job);
  job->changed.notify();
  if (job->aborted) co_return;
  auto reporting = self.reporter_.epilog_complete(job_id, rc);
  co_await reporting;
}

std::uint32_t Ender::grace_s() const { return std::max<std::uint32_t>(node_.setup.config.kill_wait, kGraceMinS); }

io::Task<void> Ender::order_end(StepLink::Ptr link, exec::StepTerminate order) {
  auto ending = link->ask(StepFrame::terminate, std::move(order));
  auto answer = co_await ending;
  if (!answer)
    log(Level::warn, "noded.terminate", {{"job_id", link->state().key.job_id}, {"error", answer.error().text}});
}

io::Task<void> Ender::end_steps(NodeJobPtr job, std::uint16_t why, wire::KillJob order, bool at_once) {
  for (const auto& [step_id, link] : job->steps) {
    if (link->over()) continue;
    io::spawn(order_end(link, {.why = why, .details = order.details, .grace_s = at_once ? 0 : grace_s()}));
  }
  const std::uint64_t patience_s = (at_once ? 0 : grace_s()) + node_.setup.config.unkillable_timeout;
  auto deadline = io::Deadline::in_ms(patience_s * 1000);
  while (job->running_steps() > 0) {
    auto waiting = job->changed.changed(deadline);
    if (co_await waiting) continue;
    deadline = io::Deadline::never();
    io::spawn(unkillable(*this, job->id()));
  }
}

/// Processes that SIGKILL does not end: the node should get no new work, and somebody should look. The job stays
/// completing as long as they are there.
io::Task<void> Ender::unkillable(Ender& self, std::uint32_t job_id) {
  log(Level::error, "noded.unkillable", {{"job_id", job_id}});
  const conf::Config& config = self.node_.setup.config;
  if (!config.unkillable_program.empty()) {
    ScriptCall call{
        .kind = "unkillable step", .program = config.unkillable_program, .timeout_ms = kUnkillableProgramMs};
    call.env.set("SLURM_JOB_ID", std::to_string(job_id));
    call.env.set("SLURMD_NODENAME", self.node_.setup.facts.node_name);
    auto running = run_script(self.node_.loop, self.node_.children, std::move(call));
    (void)co_await running;
  }
  auto draining = self.reporter_.drain_node("Kill task failed");
  co_await draining;
}

io::Task<void> Ender::clear_space(std::uint32_t job_id) {
  std::string base = node_.setup.settings.job_container.base_path;
  if (!exec::has_job_space(base, job_id)) co_return;
  auto removing =
      io::on_worker(node_.loop, [base = std::move(base), job_id] { return exec::remove_job_space(base, job_id); });
  if (auto removed = co_await removing; !removed)
    log(Level::error, "noded.job_space", {{"job_id", job_id}, {"error", removed.error().text}});
}

io::Task<Errc> Ender::epilog(NodeJobPtr job, wire::KillJob order) {
  const conf::Config& config = node_.setup.config;
  if ((config.epilog.empty() && !node_.spank.epilog) || job->epilog_done) co_return Errc::success;
  PrologJob facts = epilog_facts(order, job->facts);
  if (facts.user_name.empty()) {
    wire::Identity owner;
    owner.uid = facts.uid;
    owner.gid = facts.gid;
    auto identifying = node_.identity_for(std::move(owner));
    if (auto user = co_await identifying) facts.user_name = user->name;
  }
  exec::Environment env = epilog_environment(
      facts, {.exit_code = order.exit_code, .derived_exit_code = order.derived_ec}, node_.setup.facts);
  set_script_gres(env, gres_of_prep(node_.setup.gres, order.job_gres_prep, order.nodes, node_.setup.facts.node_name));
  auto running = node_.run_job_scripts("epilog", config.epilog, config.epilog_timeout, std::move(env));
  const int status = co_await running;
  co_return status == 0 ? Errc::success : Errc::node_epilog_failed;
}

// --- signals ------------------------------------------------------------------------------------------------------

bool Ender::may_signal(const NodeJob& job, std::uint32_t uid) const {
  return uid == job.facts.uid || node_.may_command(uid);
}

io::Task<Errc> Ender::signal(wire::CancelTasks request, std::uint32_t uid) {
  NodeJobPtr job = node_.jobs.find(request.step_id.job_id.v);
  if (!job) co_return Errc::invalid_job_id;
  if (!may_signal(*job, uid)) co_return Errc::user_id_missing;
  if (job->prolog == NodeJob::Prolog::running) co_return Errc::transition_state_no_update;

  const bool whole = request.flags & wire::kill_full_job, batch_only = request.flags & wire::kill_job_batch;
  const bool steps_only = request.flags & wire::kill_steps_only;
  exec::StepSignal signal{.signal = request.signal,
                          .scope = whole        ? SignalScope::process_group
                                   : batch_only ? SignalScope::batch_process
                                                : SignalScope::all,
                          .details = {},
                          .grace_s = node_.setup.config.kill_wait};
  Errc rc = Errc::success;
  bool found = false;
  const auto steps = job->steps;
  for (const auto& [step_id, link] : steps) {
    const bool batch = step_id == kBatchStep;
    const bool chosen = whole || batch_only ? batch : steps_only ? !batch : step_id == request.step_id.step_id;
    if (!chosen) continue;
    found = true;
    auto asking = link->ask(StepFrame::signal, signal);
    auto answer = co_await asking;
    if (!answer || answer->rc != 0) rc = Errc::node_job_not_running;
  }
  // Signals to parts of a job are best effort, as slurmd has it; one named step must be there.
  if (whole || batch_only || steps_only) co_return Errc::success;
  co_return found ? rc : Errc::invalid_job_id;
}

io::Task<Errc> Ender::kill_step(wire::StepId step, std::uint32_t uid) {
  NodeJobPtr job = node_.jobs.find(step.job_id.v);
  const auto it = job ? job->steps.find(step.step_id) : decltype(job->steps.end()){};
  if (!job || it == job->steps.end()) co_return Errc::invalid_job_id;
  if (!may_signal(*job, uid)) co_return Errc::user_id_missing;
  auto asking = it->second->ask(StepFrame::terminate, exec::StepTerminate{});
  auto answer = co_await asking;
  co_return answer && answer->rc == 0 ? Errc::success : Errc::node_job_not_running;
}

io::Task<Errc> Ender::suspend(std::uint32_t job_id, bool resume) {
  NodeJobPtr job = node_.jobs.find(job_id);
  while (job && job->launching && !resume) {  // what is not there yet cannot be stopped
    auto waiting = job->changed.changed();
    (void)co_await waiting;
  }
  if (!job) co_return Errc::invalid_job_id;
  const auto steps = job->steps;
  for (const auto& [step_id, link] : steps) {
    auto asking = link->ask(resume ? StepFrame::resume : StepFrame::suspend);
    (void)co_await asking;
  }
  co_return Errc::success;
}

io::Task<void> Ender::notify(wire::JobNotify request, std::uint32_t uid) {
  NodeJobPtr job = node_.jobs.find(request.step_id.job_id.v);
  if (!job || !may_signal(*job, uid)) co_return;
  const auto it = job->steps.find(kBatchStep);
  if (it == job->steps.end()) co_return;
  StepLink::Ptr link = it->second;
  auto asking = link->ask(StepFrame::notify, exec::StepNotify{request.message});
  (void)co_await asking;
}

}  // namespace flurm::noded
