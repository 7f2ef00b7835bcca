// ctld/client_watch.cpp — see client_watch.hpp.
#include "ctld/client_watch.hpp"

#include "ctld/effects.hpp"
#include "ctld/translate/step.hpp"
#include "io/clock.hpp"
#include "wire/msg/srun.hpp"

namespace flurm::ctld {
namespace {

/// As often as slurmctld looks, and from so long before the end (PERIODIC_TIMEOUT and twice that).
constexpr std::uint64_t kAnnounceEveryMs = 30'000;
constexpr std::int64_t kAnnounceFromS = 60;

bool has_holder(const model::Job& job) {
  return job.state.running() && job.request->other_port != 0 && !job.request->resp_host.empty();
}

}  // namespace

ClientWatch::ClientWatch(Controller& controller, rpc::Client& client)
    : controller_(controller), client_(client), timer_(controller.loop, [this] { beat(); }) {}

void ClientWatch::start() {
  ++reign_;
  heard_.clear();
  timer_.start(1000, 1000);
}

void ClientWatch::stop() {
  ++reign_;
  timer_.stop();
}

void ClientWatch::beat() {
  const auto state = controller_.replica.snapshot();
  if (io::monotonic_ms() - announced_ms_ >= kAnnounceEveryMs) {
    announced_ms_ = io::monotonic_ms();
    announce_ends(*state);
  }
  if (controller_.config->inactive_limit != 0) look_for_inactive(*state);
}

void ClientWatch::announce_ends(const state::ClusterState& state) {
  const TimeS now = io::now();
  const auto tell = [&](const model::Job& job, std::uint32_t step, const std::string& host, std::uint16_t port,
                        std::uint16_t version) {
    if (port == 0 || host.empty()) return;
    wire::SrunTimeout message;
    message.step_id = step_id(job.id, step);
    message.timeout = job.end_time;
    controller_.tell_client({.host = host, .port = port}, wire::MsgType::SRUN_TIMEOUT, codec::pack(message, version),
                            version, job.request->user_id);
  };
  state.active.for_each([&](std::uint64_t, const auto& job) {
    if (!job->state.running() || job->time_limit == kInfinite32 || job->end_time > now + kAnnounceFromS) return true;
    tell(*job, kNoVal32, job->request->resp_host, job->request->other_port,
         client_version(job->request->client_version));
    state.for_steps_of(job->id, [&](const auto& step) {
      if (step->running())
        tell(*job, step->slot, step->request->host, step->request->port, client_version(step->protocol_version));
    });
    return true;
  });
}

void ClientWatch::look_for_inactive(const state::ClusterState& state) {
  const std::uint64_t limit_ms = std::uint64_t{controller_.config->inactive_limit} * 1000;
  const std::uint64_t patience_ms = limit_ms * 4 / 3 + std::uint64_t{controller_.config->msg_timeout} * 1000 + 1000;
  const std::uint64_t now_ms = io::monotonic_ms();
  std::erase_if(heard_, [&](const auto& each) {
    const model::Job* job = state.job(each.first);
    return !job || !has_holder(*job);
  });
  state.active.for_each([&](std::uint64_t, const auto& job) {
    const model::Partition* partition = has_holder(*job) ? state.partition(job->partition) : nullptr;
    if (!partition || partition->flags & model::partition_flag::root_only || job->request->batch) return true;
    Heard& heard = heard_.try_emplace(job->id, Heard{now_ms, now_ms}).first->second;
    if (now_ms - heard.at_ms >= patience_ms) {
      heard.at_ms = now_ms;
      io::spawn(end(job->id, job->restart_count));
    } else if (now_ms - heard.asked_ms >= limit_ms / 3) {
      heard.asked_ms = now_ms;
      io::spawn(ping(*job, reign_));
    }
    return true;
  });
}

io::Task<> ClientWatch::ping(model::Job job, std::uint64_t reign) {
  rpc::CallOptions options;
  options.timeout_ms = std::uint64_t{controller_.config->msg_timeout} * 1000;
  options.restrict_uid = job.request->user_id;
  auto call = client_.call({.host = job.request->resp_host, .port = job.request->other_port}, wire::MsgType::SRUN_PING,
                           std::string(), client_version(job.request->client_version), std::move(options));
  const Result<rpc::Response> answered = co_await call;
  if (reign != reign_ || !answered) co_return;
  if (const auto heard = heard_.find(job.id); heard != heard_.end()) heard->second.at_ms = io::monotonic_ms();
}

io::Task<> ClientWatch::end(JobId job, std::uint32_t restart_count) {
  log(Level::info, "job.inactive", {{"job_id", job.v}});
  auto proposal = controller_.replica.propose(state::EndInactive{.job = job, .restart_count = restart_count});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) log(Level::warn, "job.inactive_not_ended", {{"job_id", job.v}, {"error", reply.error().text}});
  controller_.schedule_soon();
}

}  // namespace flurm::ctld
