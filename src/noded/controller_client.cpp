// noded/controller_client.cpp — see controller_client.hpp.
#include "noded/controller_client.hpp"

#include "base/log.hpp"
#include "model/job_state.hpp"
#include "wire/msg/job_info.hpp"
#include "wire/msg/job_requests.hpp"
#include "wire/msg/return_code.hpp"
#include "wire/versions.hpp"

namespace flurm::noded {
namespace {

bool is_standby(const rpc::Response& answer) {
  if (!answer.is<wire::ReturnCode>()) return false;
  const std::uint32_t code = answer.as<wire::ReturnCode>().return_code;
  return code == static_cast<std::uint32_t>(Errc::in_standby_mode) ||
         code == static_cast<std::uint32_t>(Errc::in_standby_use_backup);
}

/// What a peer does to a version it does not know: it closes without an answer, or says so.
bool may_be_the_version(const Error& error) {
  return error.code == Errc::communications_receive || error.code == Errc::protocol_version;
}

}  // namespace

std::vector<rpc::Address> controller_addresses(const conf::Config& config) {
  std::vector<rpc::Address> addresses;
  const auto port = static_cast<std::uint16_t>(config.slurmctld_port);
  if (!config.slurmctld_addr.empty()) addresses.push_back({config.slurmctld_addr, port});
  for (const conf::ControllerHost& host : config.controllers) {
    addresses.push_back({host.addr.empty() ? host.name : host.addr, port});
  }
  return addresses;
}

ControllerClient::ControllerClient(rpc::Client& client, const conf::Config& config, std::uint32_t slurm_user_id)
    : client_(client), courier_(client) {
  // The newest, because it saves a credential per answer; the oldest, because that is what is out there; the rest.
  versions_ = {wire::kNewestVersion, wire::kOldestVersion};
  for (auto it = wire::kVersions.rbegin(); it != wire::kVersions.rend(); ++it) {
    if (*it != wire::kNewestVersion && *it != wire::kOldestVersion) versions_.push_back(*it);
  }
  reset(config, slurm_user_id);
}

void ControllerClient::reset(const conf::Config& config, std::uint32_t slurm_user_id) {
  controllers_ = controller_addresses(config);
  current_ = 0;
  slurm_user_id_ = slurm_user_id;
  timeout_ms_ = std::uint64_t{config.msg_timeout} * 1000;
}

rpc::CallOptions ControllerClient::options() const {
  rpc::CallOptions options;
  options.timeout_ms = timeout_ms_;
  options.restrict_uid = slurm_user_id_;
  return options;
}

io::Task<Result<rpc::Response>> ControllerClient::call(Outgoing message) {
  Error last{Errc::communications_connection, "no controller configured"};
  for (std::size_t tried = 0; tried < controllers_.size(); ++tried) {
    const std::size_t index = current_;
    for (std::size_t versions = 0; versions < versions_.size(); ++versions) {
      const std::size_t version_at = version_at_;
      auto calling = courier_.call(controllers_[index], message.type, message.body(version()), version(), options());
      auto answer = co_await calling;
      if (answer && !is_standby(*answer)) co_return std::move(*answer);
      last = answer ? Error{Errc::in_standby_mode, controllers_[index].text()} : answer.error();
      if (answer || !may_be_the_version(last)) break;
      if (version_at == version_at_) version_at_ = (version_at_ + 1) % versions_.size();
    }
    if (index == current_) current_ = (current_ + 1) % controllers_.size();
  }
  co_return fail(std::move(last));
}

io::Task<Result<std::uint32_t>> ControllerClient::ask(Outgoing message) {
  auto calling = call(std::move(message));
  auto answer = co_await calling;
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->is<wire::ReturnCode>()) co_return answer->as<wire::ReturnCode>().return_code;
  if (answer->is<wire::ReturnCode2>()) co_return answer->as<wire::ReturnCode2>().return_code;
  co_return 0u;
}

io::Task<Result<std::optional<JobRun>>> ControllerClient::job_run(std::uint32_t job_id) {
  wire::JobReady question;
  question.step_id.job_id = JobId{job_id};
  auto calling = call(Outgoing::of(wire::MsgType::REQUEST_JOB_INFO_SINGLE, std::move(question)));
  auto answer = co_await calling;
  if (!answer) co_return std::unexpected(answer.error());
  if (!answer->is<wire::JobInfoArray>()) co_return std::nullopt;
  for (const wire::JobInfo& job : answer->as<wire::JobInfoArray>().job_array) {
    if (job.step_id.job_id.v != job_id) continue;
    const auto state = model::JobState::from_number(job.job_state);
    co_return JobRun{.active = (state.running() || state.suspended()) && !state.completing(),
                     .batch_host = job.batch_host,
                     .restart_count = job.restart_cnt};
  }
  co_return std::nullopt;
}

io::Task<Result<void>> ControllerClient::tell(Outgoing message) {
  Error last{Errc::communications_connection, "no controller configured"};
  for (std::size_t tried = 0; tried < controllers_.size(); ++tried) {
    const std::size_t index = current_;
    auto sending = client_.send_only(controllers_[index], message.type, message.body(version()), version(), options());
    auto sent = co_await sending;
    if (sent) co_return Result<void>{};
    last = sent.error();
    if (index == current_) current_ = (current_ + 1) % controllers_.size();
  }
  co_return fail(std::move(last));
}

}  // namespace flurm::noded
