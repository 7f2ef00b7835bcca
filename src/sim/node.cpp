// sim/node.cpp — see node.hpp.
#include "sim/node.hpp"

#include <signal.h>

#include <algorithm>

#include "fmt/format.h"
#include "io/clock.hpp"
#include "io/timer.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/job_complete.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg/node_registration.hpp"

namespace flurm::sim {
namespace {

using wire::MsgType;
constexpr std::uint16_t kVersion = wire::v24_11;

wire::StepId batch_step(std::uint32_t job) {
  wire::StepId step;
  step.job_id = JobId{job};
  step.step_id = kBatchStep;
  return step;
}

}  // namespace

void Node::start() {
  World& world = World::the();
  process_ = &world.start_process(machine_);
  registering_ = false;
  world.as(*process_, [this] {
    daemon_ = new Daemon;
    rpc::ServerOptions options;
    options.port = kNodePort;
    options.accept_replayed = true;
    auto server = rpc::Server::listen(daemon_->loop, daemon_->munge, options,
                                      [this](rpc::Request request) { return handle(std::move(request)); });
    FLURM_CHECK(server.has_value(), "a node listens");
    daemon_->server = std::move(*server);
    for (auto& [id, job] : jobs_) {
      job.ending = false;
      io::spawn(watch(id, job.restart));
    }
    io::spawn(register_here());
  });
}

void Node::kill() { World::the().kill(*process_, false); }

std::uint32_t Node::cpus_in_use() const {
  std::uint32_t sum = 0;
  for (const auto& [id, job] : jobs_) sum += job.ended ? 0 : job.cpus;
  return sum;
}

io::Task<std::uint32_t> Node::tell(MsgType type, std::string body) {
  World& world = World::the();
  for (std::uint64_t pause_ms = 100;; pause_ms = std::min<std::uint64_t>(pause_ms * 2, 3000)) {
    const std::size_t first = world.random().between(0, controllers_.size() - 1);
    for (std::size_t i = 0; i < controllers_.size(); ++i) {
      const std::string& host = controllers_[(first + i) % controllers_.size()];
      rpc::CallOptions options;
      options.timeout_ms = 5000;
      auto call = daemon_->client.call({host, kControllerPort}, type, body, kVersion, std::move(options));
      const Result<rpc::Response> answer = co_await call;
      if (!answer) continue;
      co_return answer->is<wire::ReturnCode>() ? answer->as<wire::ReturnCode>().return_code : 0;
    }
    auto pause = io::sleep(daemon_->loop, pause_ms);
    co_await pause;
  }
}

io::Task<> Node::register_here() {
  if (std::exchange(registering_, true)) co_return;
  wire::NodeRegistrationStatus status;
  status.timestamp = status.slurmd_start_time = io::now();
  status.node_name = status.hostname = machine_.name;
  status.cpus = kNodeCpus;
  status.boards = 1;
  status.sockets = 1;
  status.cores = kNodeCpus;
  status.threads = 1;
  status.real_memory = 4000;
  status.flags = wire::slurmd_reg_flag_resp;
  status.version = "sim";
  for (const auto& [id, job] : jobs_)
    if (!job.reported) status.step_id.push_back(batch_step(id));
  auto telling = tell(MsgType::MESSAGE_NODE_REGISTRATION_STATUS, codec::pack(status, kVersion));
  co_await telling;
  registering_ = false;
}

io::Task<rpc::Reply> Node::handle(rpc::Request request) {
  Errc code = Errc::success;
  switch (request.type()) {
    case MsgType::REQUEST_BATCH_JOB_LAUNCH:
      code = launch(request);
      break;
    case MsgType::REQUEST_TERMINATE_JOB:
    case MsgType::REQUEST_KILL_TIMELIMIT:
    case MsgType::REQUEST_KILL_PREEMPTED:
      code = end(request, false);
      break;
    case MsgType::REQUEST_ABORT_JOB:
      code = end(request, true);
      break;
    case MsgType::REQUEST_NODE_REGISTRATION_STATUS:
      io::spawn(register_here());
      break;
    default:
      break;
  }
  co_return rpc::Reply::rc(code, request.version());
}

Errc Node::launch(const rpc::Request& request) {
  const auto& order = request.as<wire::BatchJobLaunch>();
  const std::uint32_t id = order.job_id.v, restart = order.restart_cnt;
  if (const auto there = jobs_.find(id); there != jobs_.end()) {
    if (there->second.restart != restart) return Errc::duplicate_job_id;
    return Errc::success;
  }
  if (ended_.refuses(id, restart, order.cred.job_start_time, order.cred.ctime)) {
    if (!ended_.was_here(id, restart)) return Errc::node_credential_revoked;
    if (ended_.wait_status(id) == kNoVal32) return Errc::success;
    Job& over = jobs_[id];  // the controller has not heard of its end
    over.restart = restart;
    over.ended = true;
    over.wait_status = ended_.wait_status(id);
    io::spawn(watch(id, restart));
    return Errc::success;
  }
  Ledger::Run& run = ledger_.runs[{id, restart}];
  if (++run.begun > 1)
    ledger_.faults.push_back(fmt::format("job {} run {} began on {} and on {}", id, restart, run.name, machine_.name));
  run.name = machine_.name;
  World& world = World::the();
  Job& job = jobs_[id];
  job.restart = restart;
  job.cpus = order.cpus_per_node.empty() ? 1 : order.cpus_per_node.front();
  job.started_at = order.cred.job_start_time;
  job.ends_at = world.now() + world.random().between(50, 2000) * kMilli;
  if (cpus_in_use() > kNodeCpus)
    ledger_.faults.push_back(
        fmt::format("{} has {} CPUs and runs jobs on {}", machine_.name, kNodeCpus, cpus_in_use()));
  io::spawn(watch(id, restart));
  return Errc::success;
}

void Node::finish(std::uint32_t id, Job& job, std::uint32_t wait_status) {
  if (std::exchange(job.ended, true)) return;
  job.wait_status = wait_status;
  ledger_.runs[{id, job.restart}].over = true;
}

/// From the script's start to the answer to the report of its end.
io::Task<> Node::watch(std::uint32_t id, std::uint32_t restart) {
  const auto mine = [&]() -> Job* {
    const auto it = jobs_.find(id);
    return it != jobs_.end() && it->second.restart == restart ? &it->second : nullptr;
  };
  for (Job* job = mine(); job && !job->ended; job = mine()) {
    if (World::the().now() >= job->ends_at) {
      finish(id, *job, 0);
      break;
    }
    auto pause = io::sleep(daemon_->loop, 20);
    co_await pause;
  }
  Job* job = mine();
  if (!job || job->reported) co_return;
  if (!job->aborted) {
    wire::CompleteBatchScript report;
    report.step_id = batch_step(id);
    report.node_name = machine_.name;
    report.job_rc = job->wait_status;
    auto telling = tell(MsgType::REQUEST_COMPLETE_BATCH_SCRIPT, codec::pack(report, kVersion));
    co_await telling;
  }
  if ((job = mine())) job->reported = true;
}

Errc Node::end(const rpc::Request& request, bool abort) {
  const auto& order = request.as<wire::KillJob>();
  const std::uint32_t id = order.step_id.job_id.v;
  const auto it = jobs_.find(id);
  if (it == jobs_.end()) {
    ended_.ordered(id, kNoVal32, order.start_time, order.time, io::now());
    ended_.carried_out(id, kNoVal32, io::now());
    return abort ? Errc::success : Errc::kill_job_already_complete;
  }
  Job& job = it->second;
  if (job.ending) return Errc::success;
  if (order.start_time && order.start_time < job.started_at) return Errc::success;  // about an earlier run
  ended_.ordered(id, job.restart, order.start_time, order.time, io::now());
  finish(id, job, SIGKILL);
  job.aborted |= abort;
  job.ending = true;
  io::spawn(clean_up(id, job.restart));
  return Errc::success;
}

/// The epilog: it takes a little while, and begins when the end was reported.
io::Task<> Node::clean_up(std::uint32_t id, std::uint32_t restart) {
  auto epilog = io::sleep(daemon_->loop, World::the().random().between(5, 200));
  co_await epilog;
  for (auto it = jobs_.find(id); it != jobs_.end() && !it->second.reported; it = jobs_.find(id)) {
    if (it->second.aborted) break;
    auto pause = io::sleep(daemon_->loop, 20);
    co_await pause;
  }
  const auto it = jobs_.find(id);
  if (it == jobs_.end() || it->second.restart != restart) co_return;
  const bool aborted = it->second.aborted;
  ended_.carried_out(id, it->second.wait_status, io::now());
  jobs_.erase(it);
  if (aborted) co_return;
  wire::EpilogComplete report;
  report.step_id = batch_step(id);
  report.node_name = machine_.name;
  auto telling = tell(MsgType::MESSAGE_EPILOG_COMPLETE, codec::pack(report, kVersion));
  co_await telling;
}

}  // namespace flurm::sim
