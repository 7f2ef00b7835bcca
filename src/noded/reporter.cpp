// noded/reporter.cpp — see reporter.hpp.
#include "noded/reporter.hpp"

#include <signal.h>
#include <unistd.h>

#include "base/log.hpp"
#include "io/timer.hpp"
#include "noded/step_accounting.hpp"
#include "noded/strays.hpp"
#include "wire/msg/job_control.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg/update_node.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint32_t kJobLaunchFailed = 1u << 8, kJobRequeueHold = 1u << 11, kJobPending = 0;
constexpr std::uint32_t kNodeStateDrain = 1u << 9;
/// How long what was killed may take to be gone: two seconds. What hangs in the kernel longer keeps its group.
constexpr int kCgroupTries = 100;
constexpr std::uint64_t kCgroupPauseMs = 20;

wire::StepId batch_step(std::uint32_t job_id) {
  wire::StepId step;
  step.job_id = JobId{job_id};
  step.step_id = kBatchStep;
  return step;
}

}  // namespace

wire::CompleteBatchScript batch_completion(const exec::StepState& state, const std::string& node_name) {
  wire::CompleteBatchScript report;
  report.step_id = batch_step(state.key.job_id);
  report.user_id = state.uid;
  report.node_name = node_name;
  if (state.end) {
    report.job_rc = state.end->wait_status;
    report.slurm_rc = static_cast<std::uint32_t>(state.end->slurm_rc);
    report.jobacct = step_accounting(state);
  } else {
    report.job_rc = SIGKILL;  // the supervisor was killed, and its processes with it
  }
  return report;
}

wire::StepComplete step_completion(const exec::StepState& state) {
  wire::StepComplete report;
  report.step_id = wire_step(state.key);
  report.range_first = report.range_last = state.node_rank;
  report.step_rc = state.end ? state.end->wait_status : std::uint32_t{SIGKILL};
  if (state.end && state.end->slurm_rc != 0 && report.step_rc == 0) {
    report.step_rc = static_cast<std::uint32_t>(state.end->slurm_rc);
  }
  report.jobacct = step_accounting(state);
  return report;
}

void Reporter::step_over(NodeJobPtr job, StepLink::Ptr link) {
  ++job->reports;
  job->changed.notify();
  const std::string directory = exec::job_directory(node_.setup.settings.spool_directory, job->id());
  io::spawn(report(*this, std::move(job), link, link->state(), link->state().end ? std::string() : directory));
}

void Reporter::step_found_dead(NodeJobPtr job, exec::StepState state, std::string directory) {
  ++job->reports;
  io::spawn(report(*this, std::move(job), nullptr, std::move(state), std::move(directory)));
}

io::Task<std::optional<std::uint32_t>> Reporter::ask_while_wanted(NodeJobPtr job, Outgoing message) {
  Pauses pauses;
  while (!job->aborted) {
    auto asking = node_.controller.ask(message);
    auto code = co_await asking;
    if (code) co_return *code;
    const std::uint64_t pause_ms = pauses.next_ms();
    log(Level::warn, "noded.controller_silent",
        {{"message", wire::msg_type_name(message.type)}, {"error", code.error().text}, {"retry_ms", pause_ms}});
    const auto deadline = io::Deadline::in_ms(pause_ms);
    while (!job->aborted && deadline.left_ms() > 0) {
      auto waiting = job->changed.changed(deadline);
      (void)co_await waiting;
    }
  }
  co_return std::nullopt;
}

/// What the step's supervisor, which was killed, left behind.
io::Task<void> Reporter::clean_up_after(exec::StepState state) {
  const NodeSetup& setup = node_.setup;
  kill_strays(setup.facts, state.key.job_id, state.uid);
  for (int i = 0; i < kCgroupTries && !clear_cgroup_of(setup.facts, setup.settings.cgroup_root, state.key); ++i) {
    auto pausing = io::sleep(node_.loop, kCgroupPauseMs);
    co_await pausing;
  }
}

/// `directory`: to be cleaned up by us, because no supervisor is left to do it; else empty.
io::Task<void> Reporter::report(Reporter& self, NodeJobPtr job, StepLink::Ptr link, exec::StepState state,
                                std::string directory) {
  if (!directory.empty()) {
    auto cleaning = self.clean_up_after(state);
    co_await cleaning;
  }
  const bool batch = state.key.step_id == kBatchStep;
  io::Event told(self.node_.loop);
  if (!batch) {
    io::spawn(tell_clients(self, job, link, state, told));
  } else {
    told.set({});
  }
  // Who aborts a job does not ask how it ended. Its srun does.
  if (!job->aborted && !(state.end && state.end->aborted)) {
    log(Level::verbose, "noded.step_complete",
        {{"job_id", state.key.job_id},
         {"step", exec::step_file_name(state.key.step_id)},
         {"status", state.end ? state.end->wait_status : SIGKILL},
         {"slurm_rc", state.end ? state.end->slurm_rc : 0}});
    auto asking =
        batch ? self.ask_while_wanted(job, Outgoing::of(wire::MsgType::REQUEST_COMPLETE_BATCH_SCRIPT,
                                                        batch_completion(state, self.node_.setup.facts.node_name)))
              : self.report_step(job, step_completion(state));
    const std::uint32_t code = (co_await asking).value_or(0);
    if (code != 0 && code != static_cast<std::uint32_t>(Errc::already_done) &&
        code != static_cast<std::uint32_t>(Errc::invalid_job_id)) {
      log(Level::error, "noded.step_complete_refused", {{"job_id", state.key.job_id}, {"code", code}});
    }
  }
  auto waiting = told.wait(io::Deadline::never());
  (void)co_await waiting;
  if (link && directory.empty()) {
    auto releasing = link->ask(exec::StepFrame::release);
    (void)co_await releasing;
    link->close();
  }
  if (!directory.empty()) remove_step_files(directory, state.key.step_id);
  const auto it = job->steps.find(state.key.step_id);
  if (it != job->steps.end() && it->second == link) job->steps.erase(it);
  if (state.key.step_id == kBatchStep) {
    job->wait_status = state.end ? state.end->wait_status : std::uint32_t{SIGKILL};
  }
  --job->reports;
  job->changed.notify();
}

io::Task<std::optional<std::uint32_t>> Reporter::report_step(NodeJobPtr job, wire::StepComplete report) {
  auto delivering = step_reports_.deliver(report);
  const auto code = co_await delivering;
  if (code) co_return *code;
  auto asking = ask_while_wanted(job, Outgoing::of(wire::MsgType::REQUEST_STEP_COMPLETE, std::move(report)));
  co_return co_await asking;
}

io::Task<Result<std::uint32_t>> Reporter::pass_on(NodeJobPtr job, wire::StepComplete report) {
  ++job->reports;
  auto delivering = step_reports_.deliver(std::move(report));
  auto code = co_await delivering;
  --job->reports;
  job->changed.notify();
  co_return code;
}

void Reporter::step_changed(const NodeJobPtr& job, const StepLink::Ptr& link) {
  clients_.look(job, link);
  if (link->state().kill_wanted && !std::exchange(link->kill_asked, true)) {
    io::spawn(kill_step(*this, wire_step(link->state().key)));
  }
}

/// A task gave up the whole parallel program (PMI_Abort): its fellows on other nodes end as well.
io::Task<void> Reporter::kill_step(Reporter& self, wire::StepId step) {
  wire::JobStepKill order;
  order.step_id = step;
  order.sjob_id = std::to_string(step.job_id.v);
  order.signal = SIGKILL;
  auto asking = self.node_.ask_until_answered(Outgoing::of(wire::MsgType::REQUEST_CANCEL_JOB_STEP, std::move(order)));
  (void)co_await asking;
}

io::Task<void> Reporter::tell_clients(Reporter& self, NodeJobPtr job, StepLink::Ptr link, exec::StepState state,
                                      io::Event told) {
  if (link) {
    auto telling = self.clients_.tell_all(std::move(job), link);
    co_await telling;
    state = link->state();
  }
  if (!state.end) {
    auto telling = self.clients_.tell_killed(std::move(state));
    co_await telling;
  }
  told.set({});
}

void Reporter::repeat_end(NodeJobPtr job) {
  log(Level::info, "noded.end_repeated", {{"job_id", job->id()}, {"status", job->wait_status}});
  ++job->reports;
  io::spawn(report_again(*this, std::move(job)));
}

io::Task<void> Reporter::report_again(Reporter& self, NodeJobPtr job) {
  wire::CompleteBatchScript report;
  report.step_id = batch_step(job->id());
  report.user_id = job->facts.uid;
  report.node_name = self.node_.setup.facts.node_name;
  report.job_rc = job->wait_status;
  auto asking =
      self.ask_while_wanted(job, Outgoing::of(wire::MsgType::REQUEST_COMPLETE_BATCH_SCRIPT, std::move(report)));
  const std::uint32_t code = (co_await asking).value_or(0);
  // Taken, it is followed by the order to clean up. Else it was known, and the launch only an old message.
  if (code != 0 && job->epilog_done && !job->terminating) self.node_.jobs.erase(job);
  --job->reports;
  job->changed.notify();
}

io::Task<void> Reporter::prolog_complete(std::uint32_t job_id, Errc rc) {
  wire::CompleteProlog report;
  report.step_id = batch_step(job_id);
  report.step_id.step_id = kNoVal32;
  report.node_name = node_.setup.facts.node_name;
  report.prolog_rc = static_cast<std::uint32_t>(rc);
  auto asking = node_.ask_until_answered(Outgoing::of(wire::MsgType::REQUEST_COMPLETE_PROLOG, std::move(report)));
  (void)co_await asking;
}

io::Task<void> Reporter::epilog_complete(std::uint32_t job_id, Errc rc) {
  wire::EpilogComplete report;
  report.step_id = batch_step(job_id);
  report.step_id.step_id = kNoVal32;
  report.node_name = node_.setup.facts.node_name;
  report.return_code = static_cast<std::uint32_t>(rc);
  // Slurm's controller does not answer this one. It repeats its order when it has not heard of it, and then gets
  // told that the job is complete.
  auto telling = node_.controller.tell(Outgoing::of(wire::MsgType::MESSAGE_EPILOG_COMPLETE, std::move(report)));
  auto told = co_await telling;
  if (!told) log(Level::warn, "noded.epilog_complete_unsent", {{"job_id", job_id}, {"error", told.error().text}});
}

io::Task<void> Reporter::launch_failed(NodeJobPtr job, Errc rc) {
  log(Level::error, "noded.launch_failed", {{"job_id", job->id()}, {"error", errc_text(rc)}});
  ++job->reports;
  if (rc == Errc::node_credential_revoked) {
    auto killing = kill(job->id());
    co_await killing;
  } else {
    const bool hold = !conf::Config::has_option(node_.setup.config.sched_params, "nohold_on_prolog_fail");
    auto starting_over = start_over(job->id(), hold ? kJobRequeueHold | kJobLaunchFailed : kJobPending);
    co_await starting_over;
  }
  --job->reports;
  job->changed.notify();
}

void Reporter::never_started(NodeJobPtr job, std::string directory, std::string note) {
  log(Level::warn, "noded.never_started", {{"job_id", job->id()}, {"restart_count", job->restart_count}});
  ++job->reports;
  io::spawn(report_never_started(*this, std::move(job), std::move(directory), std::move(note)));
}

io::Task<void> Reporter::report_never_started(Reporter& self, NodeJobPtr job, std::string directory, std::string note) {
  // The order to requeue names the job alone. While this daemon was away the job may have gone elsewhere.
  auto asking = self.run_at_controller(job->id());
  const std::optional<JobRun> run = co_await asking;
  if (run && run->active && run->batch_host == self.node_.setup.facts.node_name &&
      run->restart_count == job->restart_count) {
    auto starting_over = self.start_over(job->id(), kJobPending);
    co_await starting_over;
  }
  unlink(note.c_str());
  rmdir(directory.c_str());
  --job->reports;
  job->changed.notify();
}

io::Task<std::optional<JobRun>> Reporter::run_at_controller(std::uint32_t job_id) {
  Pauses pauses;
  while (true) {
    auto asking = node_.controller.job_run(job_id);
    auto run = co_await asking;
    if (run) co_return std::move(*run);
    auto waiting = io::sleep(node_.loop, pauses.next_ms());
    co_await waiting;
  }
}

io::Task<void> Reporter::start_over(std::uint32_t job_id, std::uint32_t flags) {
  wire::JobRequeue requeue;
  requeue.step_id.job_id = JobId{job_id};
  requeue.flags = flags;
  auto asking = node_.ask_until_answered(Outgoing::of(wire::MsgType::REQUEST_JOB_REQUEUE, std::move(requeue)));
  const std::uint32_t code = co_await asking;
  const bool may_not =
      code == static_cast<std::uint32_t>(Errc::disabled) || code == static_cast<std::uint32_t>(Errc::batch_only);
  if (!may_not) co_return;
  auto killing = kill(job_id);
  co_await killing;
}

io::Task<void> Reporter::kill(std::uint32_t job_id) {
  wire::JobStepKill order;
  order.step_id.job_id = JobId{job_id};
  order.sjob_id = std::to_string(job_id);
  order.signal = SIGKILL;
  auto asking = node_.ask_until_answered(Outgoing::of(wire::MsgType::REQUEST_KILL_JOB, std::move(order)));
  (void)co_await asking;
}

io::Task<void> Reporter::drain_node(std::string reason) {
  wire::UpdateNode update;
  update.node_names = node_.setup.facts.node_name;
  update.node_state = kNodeStateDrain;
  update.reason = std::move(reason);
  auto asking = node_.ask_until_answered(Outgoing::of(wire::MsgType::REQUEST_UPDATE_NODE, std::move(update)));
  (void)co_await asking;
}

}  // namespace flurm::noded
