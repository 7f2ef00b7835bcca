// sim/client.cpp — see client.hpp.
#include "sim/client.hpp"

#include "fmt/format.h"
#include "io/timer.hpp"
#include "sim/node.hpp"
#include "wire/msg/job_control.hpp"
#include "wire/msg/job_desc.hpp"
#include "wire/msg/job_info.hpp"
#include "wire/msg/job_requests.hpp"

namespace flurm::sim {
namespace {

using wire::MsgType;
constexpr std::uint16_t kVersion = wire::v22_05;

}  // namespace

void Client::start() {
  World& world = World::the();
  Process& process = world.start_process(machine_);
  world.as(process, [this] {
    loop_ = new io::Loop(1);
    client_ = new rpc::Client(*loop_, munge_);
    io::spawn(live());
  });
}

const std::string& Client::any_controller() {
  return controllers_[World::the().random().between(0, controllers_.size() - 1)];
}

io::Task<Result<rpc::Response>> Client::ask(const std::string& host, MsgType type, std::string body) {
  rpc::CallOptions options;
  options.timeout_ms = 10'000;
  return client_->call({host, kControllerPort}, type, std::move(body), kVersion, std::move(options));
}

io::Task<> Client::live() {
  Random& random = World::the().random();
  while (!resting_) {
    const std::uint64_t what = random.between(0, 9);
    if (what < 6 || own_.empty()) {
      auto doing = submit();
      co_await doing;
    } else if (what < 7) {
      auto doing = cancel(own_[random.between(0, own_.size() - 1)]);
      co_await doing;
    } else {
      auto doing = look();
      co_await doing;
    }
    auto pause = io::sleep(*loop_, random.between(0, 1000));
    co_await pause;
  }
}

io::Task<> Client::submit() {
  wire::JobDesc desc;
  const std::string name = fmt::format("{}-{}", machine_.name, ++submissions_);
  desc.name = name;
  desc.script = "#!/bin/sh\ntrue\n";
  desc.work_dir = "/tmp";
  desc.environment = {"PATH=/bin"};
  desc.argv = {"script"};
  desc.user_id = desc.group_id = 0;
  desc.min_cpus = static_cast<std::uint32_t>(World::the().random().between(1, kNodeCpus));
  desc.min_nodes = desc.max_nodes = 1;
  desc.requeue = 1;
  promises_.asked.insert(name);
  auto asking = ask(any_controller(), MsgType::REQUEST_SUBMIT_BATCH_JOB, codec::pack(desc, kVersion));
  const Result<rpc::Response> answer = co_await asking;
  if (!answer) co_return;
  if (!answer->is<wire::SubmitResponse>()) {
    ++promises_.refused;
    co_return;
  }
  const std::uint32_t id = answer->as<wire::SubmitResponse>().step_id.job_id.v;
  const auto [it, fresh] = promises_.accepted.try_emplace(id, name);
  if (!fresh) promises_.faults.push_back(fmt::format("job id {} was given to {} and to {}", id, it->second, name));
  promises_.accepted_at[id] = World::the().now();
  own_.push_back(id);
}

io::Task<> Client::cancel(std::uint32_t job) {
  wire::JobStepKill kill;
  kill.step_id.job_id = JobId{job};
  kill.sjob_id = std::to_string(job);
  kill.signal = 9;
  kill.flags = 1 << 3;  // KILL_FULL_JOB
  auto asking = ask(any_controller(), MsgType::REQUEST_KILL_JOB, codec::pack(kill, kVersion));
  const Result<rpc::Response> answer = co_await asking;
  if (answer && answer->is<wire::ReturnCode>() && answer->as<wire::ReturnCode>().return_code == 0)
    promises_.cancelled.insert(job);
}

/// What was acknowledged to anybody before one asks must be in the answer; unless too few controllers could be reached
/// to know, which is not looked at here: only in calm times do answers count.
io::Task<> Client::look() {
  const bool calm_before = calm_();
  const Micros asked_at = World::the().now();
  wire::JobInfoRequest request;
  auto asking = ask(any_controller(), MsgType::REQUEST_JOB_INFO, codec::pack(request, kVersion));
  const Result<rpc::Response> answer = co_await asking;
  if (!answer || !answer->is<wire::JobInfoArray>() || !calm_before || !calm_()) co_return;
  ++promises_.reads;
  std::set<std::uint32_t> seen;
  for (const wire::JobInfo& job : answer->as<wire::JobInfoArray>().job_array) seen.insert(job.step_id.job_id.v);
  for (const auto& [id, at] : promises_.accepted_at)
    if (at < asked_at && !seen.contains(id))
      promises_.faults.push_back(
          fmt::format("job {}, acknowledged at {} us, was not seen by a reader at {} us", id, at, asked_at));
}

}  // namespace flurm::sim
