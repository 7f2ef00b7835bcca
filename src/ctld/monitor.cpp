// ctld/monitor.cpp — see monitor.hpp.
#include "ctld/monitor.hpp"

#include <algorithm>

#include "ctld/effects.hpp"
#include "io/clock.hpp"
#include "wire/msg/daemon_control.hpp"
#include "wire/msg/node_registration.hpp"

namespace flurm::ctld {
namespace {

using model::Node;
using model::NodeBase;

bool watchable(const Node& node) {
  return !node.removed && node.base != NodeBase::future && !node.has(model::node_flag::powered_down);
}

bool health_check_wanted(const Node& node, std::uint16_t states) {
  if (node.base == NodeBase::down || node.base == NodeBase::unknown) return false;
  if ((states & conf::kHealthAny) == conf::kHealthAny) return true;
  const bool used = node.cpus_used != 0, full = node.cpus_used >= node.config.cpus;
  return (states & conf::kHealthIdle && !used) || (states & conf::kHealthAlloc && full) ||
         (states & conf::kHealthMixed && used && !full);
}

}  // namespace

Monitor::Monitor(Controller& controller, rpc::Client& client, std::uint32_t node_user)
    : controller_(controller),
      client_(client),
      node_user_(node_user),
      gate_(controller.loop, 64),
      timer_(controller.loop, [this] { beat(); }) {}

void Monitor::start() {
  const TimeS now = io::now();
  health_checked_ = now;
  const auto state = controller_.replica.snapshot();
  // Every node gets SlurmdTimeout from now to show itself, whatever it was before.
  state->nodes.for_each([&](std::uint64_t id, const auto&) {
    watched_[static_cast<model::NodeId>(id)] = {.last_heard = now, .asked = {}, .look_again = {}, .silent = false};
    return true;
  });
  timer_.start(1000, 1000);
  tell_all(wire::MsgType::REQUEST_NODE_REGISTRATION_STATUS);
}

void Monitor::stop() { timer_.stop(); }

std::int64_t Monitor::ping_interval_s() const {
  return std::max<std::int64_t>(controller_.config->slurmd_timeout / 3, 1);
}

rpc::CallOptions Monitor::options() const {
  rpc::CallOptions options;
  options.timeout_ms = std::uint64_t{controller_.config->msg_timeout} * 1000;
  options.restrict_uid = node_user_;
  return options;
}

void Monitor::heard_from(const std::string& name) {
  const auto state = controller_.replica.snapshot();
  if (const Node* node = state->node(name)) {
    Watch& watch = watched_[node->id];
    watch.last_heard = watch.asked = io::now();
    const std::int64_t young_s = controller_.config->batch_start_timeout;
    const bool young = std::any_of(node->jobs.begin(), node->jobs.end(), [&](JobId job) {
      return state->now - state->job(job)->start_time < young_s;
    });
    watch.look_again = young ? io::now() + young_s + 1 : TimeS{};
    watch.silent = false;
  }
}

void Monitor::tell_all(wire::MsgType type) {
  const auto state = controller_.replica.snapshot();
  state->nodes.for_each([&](std::uint64_t id, const auto& node) {
    if (watchable(*node)) io::spawn(send(static_cast<model::NodeId>(id), type));
    return true;
  });
}

void Monitor::beat() {
  const TimeS now = io::now();
  const auto state = controller_.replica.snapshot();
  state::NodesSeen dead;
  const bool health_due = controller_.config->health_check_interval && !controller_.config->health_check_program.empty() &&
                          now - health_checked_ >= controller_.config->health_check_interval;
  if (health_due) health_checked_ = now;
  state->nodes.for_each([&](std::uint64_t key, const auto& node) {
    const auto id = static_cast<model::NodeId>(key);
    if (!watchable(*node)) return true;
    auto [at, fresh] = watched_.try_emplace(id);
    Watch& watch = at->second;
    if (fresh) watch.last_heard = now;
    if (health_due && health_check_wanted(*node, controller_.config->health_check_node_state))
      io::spawn(check_health(id));
    const std::int64_t timeout_s = controller_.config->slurmd_timeout;
    if (timeout_s && node->base != NodeBase::down && now - watch.last_heard > timeout_s) {
      dead.down.push_back(id);
      watch.last_heard = now;  // say it once
    }
    if (watch.look_again && now >= watch.look_again) {
      watch.look_again = {};
      io::spawn(send(id, wire::MsgType::REQUEST_NODE_REGISTRATION_STATUS));
    }
    const std::int64_t every_s = watch.silent ? std::min<std::int64_t>(ping_interval_s(), 10) : ping_interval_s();
    if (now - std::max(watch.asked, watch.last_heard) >= every_s) {
      watch.asked = now;
      io::spawn(ping(id));
    }
    return true;
  });
  if (!dead.down.empty()) io::spawn(report(std::move(dead)));
}

io::Task<> Monitor::ping(model::NodeId id) {
  auto turn = gate_.enter();
  co_await turn;
  auto state = controller_.replica.snapshot();
  const Node* node = state->node(id);
  if (!node) {
    gate_.leave();
    co_return;
  }
  // A node that has not shown itself since it was configured, or is down, has to register; a ping is not enough.
  const bool must_register = node->base == NodeBase::unknown || node->base == NodeBase::down || !node->protocol_version;
  const auto type = must_register ? wire::MsgType::REQUEST_NODE_REGISTRATION_STATUS : wire::MsgType::REQUEST_PING;
  auto call = client_.call(node_address(*node), type, std::string(), node_version(*node), options());
  const Result<rpc::Response> response = co_await call;
  gate_.leave();
  state::NodesSeen seen;
  Watch& watch = watched_[id];
  if (!response) {
    log(watch.silent ? Level::debug : Level::warn, "node.silent",
        {{"node", node->config.name}, {"error", response.error().text}});
    if (watch.silent || node->has(model::node_flag::no_respond)) co_return;
    watch.silent = true;
    seen.silent.push_back(id);
  } else {
    const bool was_silent = watch.silent || node->has(model::node_flag::no_respond);
    watch.silent = false;
    watch.last_heard = io::now();
    if (!response->is<wire::PingSlurmdResponse>()) co_return;
    const auto& load = response->as<wire::PingSlurmdResponse>();
    if (!was_silent && load.cpu_load == node->cpu_load && load.free_mem == node->free_memory) co_return;
    if (must_register) co_return;  // its registration follows
    seen.answered.push_back({.node = id, .cpu_load = load.cpu_load, .free_memory = load.free_mem});
  }
  auto reported = report(std::move(seen));
  co_await reported;
}

io::Task<> Monitor::report(state::NodesSeen seen) {
  for (model::NodeId id : seen.down) {
    const auto state = controller_.replica.snapshot();
    if (const Node* node = state->node(id)) log(Level::error, "node.down", {{"node", node->config.name}});
  }
  auto proposal = controller_.replica.propose(std::move(seen));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) log(Level::warn, "node.report_not_committed", {{"error", reply.error().text}});
  controller_.schedule_soon();
}

io::Task<> Monitor::send(model::NodeId id, wire::MsgType type) {
  auto turn = gate_.enter();
  co_await turn;
  const auto state = controller_.replica.snapshot();
  if (const Node* node = state->node(id)) {
    const std::uint16_t version = node_version(*node);
    std::string body = type == wire::MsgType::REQUEST_SHUTDOWN ? codec::pack(wire::Shutdown{}, version) : std::string();
    auto call = client_.call(node_address(*node), type, std::move(body), version, options());
    const Result<rpc::Response> response = co_await call;
    if (!response)
      log(Level::verbose, "node.unreachable",
          {{"node", node->config.name}, {"type", wire::msg_type_name(type)}, {"error", response.error().text}});
  }
  gate_.leave();
}

io::Task<> Monitor::check_health(model::NodeId id) {
  auto sent = send(id, wire::MsgType::REQUEST_HEALTH_CHECK);
  co_await sent;
}

}  // namespace flurm::ctld
