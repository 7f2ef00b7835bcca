// noded/client_reporter.cpp — see client_reporter.hpp.
#include "noded/client_reporter.hpp"

#include <algorithm>
#include <csignal>

#include "base/log.hpp"
#include "wire/msg/srun.hpp"

namespace flurm::noded {
namespace {

using exec::StepStage;

bool launch_due(const exec::StepState& state) {
  return !state.launch_told && !state.clients.empty() && (state.stage != StepStage::starting || state.end);
}

struct Exits {
  std::uint32_t wait_status = 0;
  std::vector<std::uint32_t> tasks;
};

/// The next ends to tell: of all tasks that ended alike. No tasks: all is told.
Exits exits_due(const exec::StepState& state) {
  Exits due;
  if (state.clients.empty() || !state.launch_told) return due;
  if (state.end && state.end->slurm_rc != 0) return due;  // it was told that they did not start
  for (const exec::TaskState& task : state.tasks) {
    if (!task.exited || task.told) continue;
    if (due.tasks.empty()) due.wait_status = task.wait_status;
    if (task.wait_status == due.wait_status) due.tasks.push_back(task.global_id);
  }
  if (state.end && state.end->wait_status == exec::kSignalOutOfMemory) due.wait_status = exec::kSignalOutOfMemory;
  return due;
}

}  // namespace

wire::StepId wire_step(const exec::StepKey& key) {
  wire::StepId step;
  step.job_id = JobId{key.job_id};
  step.step_id = key.step_id;
  step.step_het_comp = key.het_component;
  return step;
}

void ClientReporter::look(const NodeJobPtr& job, const StepLink::Ptr& link) {
  const exec::StepState& state = link->state();
  // The last exits are told when everything the tasks wrote has gone out; then the step is over.
  const bool last = !state.end && std::ranges::all_of(state.tasks, &exec::TaskState::exited);
  if (link->telling || last || !(launch_due(state) || !exits_due(state).tasks.empty())) return;
  io::spawn(tell(*this, job, link));
}

io::Task<void> ClientReporter::tell_all(NodeJobPtr job, StepLink::Ptr link) {
  while (link->telling) {
    auto waiting = job->changed.changed();
    (void)co_await waiting;
  }
  auto telling = tell(*this, job, link);
  co_await telling;
}

io::Task<void> ClientReporter::tell_killed(exec::StepState state) {
  // It may never have said that all tasks run; they were started, and whoever waits for them hears of that first.
  if (state.stage == StepStage::starting) state.stage = StepStage::running;
  for (exec::TaskState& task : state.tasks) {
    if (!task.exited) task.wait_status = SIGKILL;
    task.exited = true;
  }
  while (true) {
    auto telling = tell_next(state);
    const auto told = co_await telling;
    if (!told) break;
    exec::note_told(state, *told);
  }
}

io::Task<void> ClientReporter::tell(ClientReporter& self, NodeJobPtr job, StepLink::Ptr link) {
  link->telling = true;
  while (true) {
    auto telling = self.tell_next(link->state());
    const auto told = co_await telling;
    if (!told) break;
    auto noting = link->ask(exec::StepFrame::told, *told);
    (void)co_await noting;  // a supervisor that is gone has nothing to be told again
    link->note_told(*told);
  }
  link->telling = false;
  job->changed.notify();
}

io::Task<std::optional<exec::StepTold>> ClientReporter::tell_next(exec::StepState state) {
  exec::StepTold told;
  if (launch_due(state)) {
    told.launch = true;
    auto telling = tell_launch(std::move(state));
    co_await telling;
    co_return told;
  }
  Exits due = exits_due(state);
  if (due.tasks.empty()) co_return std::nullopt;
  told.exits = due.tasks;
  auto telling = tell_exits(std::move(state), due.wait_status, std::move(due.tasks));
  co_await telling;
  co_return told;
}

io::Task<void> ClientReporter::tell_launch(exec::StepState state) {
  wire::LaunchTasksResponse message;
  message.step_id = wire_step(state.key);
  message.return_code = state.end ? static_cast<std::uint32_t>(state.end->slurm_rc) : 0;
  message.node_name = node_.setup.facts.node_name;
  for (const exec::TaskState& task : state.tasks) {
    message.local_pids.push_back(task.pid);
    message.task_ids.push_back(task.global_id);
  }
  // The one who started the step; those who attached got their answer.
  auto telling =
      tell_client(state, state.clients.front(), Outgoing::of(wire::MsgType::RESPONSE_LAUNCH_TASKS, std::move(message)));
  co_await telling;
}

io::Task<void> ClientReporter::tell_exits(exec::StepState state, std::uint32_t wait_status,
                                          std::vector<std::uint32_t> tasks) {
  wire::TaskExit message;
  message.step_id = wire_step(state.key);
  message.return_code = wait_status;
  message.task_id_list = std::move(tasks);
  const Outgoing outgoing = Outgoing::of(wire::MsgType::MESSAGE_TASK_EXIT, std::move(message));
  for (const exec::StepClient& client : state.clients) {
    auto telling = tell_client(state, client, outgoing);
    co_await telling;
  }
}

io::Task<void> ClientReporter::tell_client(exec::StepState state, exec::StepClient client, Outgoing message) {
  if (client.message_port == 0) co_return;
  const wire::MsgType type = message.type;
  auto telling = node_.clients.tell(
      {.host = client.host, .port = client.message_port, .version = client.version, .uid = state.uid},
      std::move(message));
  auto told = co_await telling;
  if (told) co_return;
  log(Level::info, "noded.client_gone",
      {{"job_id", state.key.job_id}, {"message", wire::msg_type_name(type)}, {"error", told.error().text}});
}

}  // namespace flurm::noded
