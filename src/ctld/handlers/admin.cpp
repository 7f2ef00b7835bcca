// ctld/handlers/admin.cpp — what administrators do: change nodes and partitions, reconfigure, shut down, set log levels.
#include <algorithm>

#include "base/hostlist.hpp"
#include "conf/lines.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/job_defaults.hpp"
#include "wire/msg/daemon_control.hpp"
#include "wire/msg/update_node.hpp"

namespace flurm::ctld {
namespace {

constexpr Errc kEaccess = static_cast<Errc>(13);  // what Slurm says to some requests of others than administrators

/// "\0" from a client clears a text; an unset one leaves it.
template <class T>
void take(T& to, const std::optional<std::string>& from) {
  if (from) to = *from;
}
template <class T>
void take(T& to, T from, T unset) {
  if (from != unset) to = from;
}

model::Partition changed(model::Partition p, const wire::UpdatePartition& u) {
  namespace flag = model::partition_flag;
  take(p.allow_accounts, u.allow_accounts);
  take(p.allow_alloc_nodes, u.allow_alloc_nodes);
  take(p.allow_groups, u.allow_groups);
  take(p.allow_qos, u.allow_qos);
  take(p.alternate, u.alternate);
  take(p.billing_weights, u.billing_weights_str);
  take(p.deny_accounts, u.deny_accounts);
  take(p.deny_qos, u.deny_qos);
  take(p.nodes_text, u.nodes);
  take(p.qos, u.qos_char);
  take(p.job_defaults, u.job_defaults_str);
  for (std::string* all_means_unset : {&p.allow_accounts, &p.allow_groups, &p.allow_qos, &p.allow_alloc_nodes})
    if (*all_means_unset == "ALL" || *all_means_unset == "all") all_means_unset->clear();
  take(p.def_mem_per_cpu, u.def_mem_per_cpu, kNoVal64);
  take(p.max_mem_per_cpu, u.max_mem_per_cpu, kNoVal64);
  take(p.default_time, u.default_time, kNoVal32);
  take(p.grace_time, u.grace_time, kNoVal32);
  take(p.max_cpus_per_node, u.max_cpus_per_node, kNoVal32);
  take(p.max_cpus_per_socket, u.max_cpus_per_socket, kNoVal32);
  take(p.max_nodes, u.max_nodes, kNoVal32);
  take(p.max_time, u.max_time, kNoVal32);
  take(p.min_nodes, u.min_nodes, kNoVal32);
  take(p.max_share, u.max_share, kNoVal16);
  take(p.over_time_limit, u.over_time_limit, kNoVal16);
  take(p.preempt_mode, u.preempt_mode, kNoVal16);
  take(p.priority_job_factor, u.priority_job_factor, kNoVal16);
  take(p.priority_tier, u.priority_tier, kNoVal16);
  take(p.state_up, u.state_up, kNoVal16);
  if (u.cpu_bind) p.cpu_bind = u.cpu_bind;
  // Each flag has a twin, 8 bits further, that takes it back (slurm 22.05 slurm/slurm.h PART_FLAG_*_CLR).
  for (std::uint32_t each : {flag::is_default, flag::hidden, flag::no_root, flag::root_only, flag::req_resv, flag::lln,
                             flag::exclusive_user}) {
    if (u.flags & each) p.flags |= each;
    if (u.flags & each << 8) p.flags &= ~each;
  }
  return p;
}

io::Task<Answer> propose(Controller& c, Call call, state::Command command) {
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  c.info_cache.clear();
  c.schedule_soon();
  co_return rc_answer(call, public_code(reply->code));
}

/// Source: slurm 22.05 src/slurmctld/node_mgr.c _valid_node_state_change().
bool may_become(const model::Node& node, std::uint32_t asked) {
  namespace flag = model::node_flag;
  if (asked & flag::reboot_cancel) return node.has(flag::reboot_requested | flag::reboot_issued);
  if (!(asked & flag::resume)) return true;
  return node.base == model::NodeBase::down || node.base == model::NodeBase::future ||
         node.has(flag::drain | flag::fail | flag::reboot_requested | flag::invalid_reg);
}

/// What is to be active of its features is among those that it has.
bool features_agree(const model::Node& node, const wire::UpdateNode& update) {
  if (!update.features && !update.features_act) return true;
  const std::string& active = update.features_act ? *update.features_act : node.features_active;
  const std::string& all = update.features ? *update.features : node.config.features;
  const auto known = conf::split_list(all);
  return std::ranges::all_of(conf::split_list(active),
                             [&](std::string_view each) { return std::ranges::find(known, each) != known.end(); });
}

/// Of a hostlist, or "ALL". Errors: invalid_node_name.
Result<std::vector<model::NodeId>> named_nodes(const state::ClusterState& state, const std::string& named) {
  std::vector<model::NodeId> nodes;
  if (named == "ALL" || named == "all") {
    for (const auto& [name, id] : *state.node_ids) nodes.push_back(id);
    return nodes;
  }
  FLURM_TRY(const std::vector<std::string> hosts, expand_hosts(named));
  for (const std::string& host : hosts) {
    const model::Node* node = state.node(host);
    if (!node) return fail(Errc::invalid_node_name, "{}", host);
    nodes.push_back(node->id);
  }
  return nodes;
}

}  // namespace

/// scontrol reboot. Source: slurm 22.05 src/slurmctld/proc_req.c _slurm_rpc_reboot_nodes().
io::Task<Answer> reboot_nodes(Controller& c, Call call) {
  constexpr std::uint16_t kAsap = 1;
  const auto* request = call.as<wire::Reboot>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) co_return rc_answer(call, kEaccess);
  const auto snapshot = c.replica.snapshot();
  auto nodes = named_nodes(*snapshot, request->node_list.empty() ? "ALL" : request->node_list);
  if (!nodes) co_return rc_answer(call, Errc::invalid_node_name);
  log(Level::info, "node.reboot_asked", {{"nodes", request->node_list}, {"uid", call.uid}, {"reason", request->reason}});
  auto proposal = propose(c, call,
                          state::RebootNodes{.nodes = std::move(*nodes),
                                             .asap = (request->flags & kAsap) != 0,
                                             .next_state = request->next_state,
                                             .reason = request->reason,
                                             .uid = call.uid});
  Answer answer = co_await proposal;
  co_return answer;
}

io::Task<Answer> update_node(Controller& c, Call call) {
  const auto* request = call.as<wire::UpdateNode>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  const auto snapshot = c.replica.snapshot();
  state::UpdateNodes command;
  const std::string named = request->node_names.value_or("");
  auto nodes = named_nodes(*snapshot, named);
  if (!nodes || nodes->empty()) co_return rc_answer(call, Errc::invalid_node_name);
  for (model::NodeId id : *nodes)
    if (!features_agree(*snapshot->node(id), *request)) co_return rc_answer(call, Errc::active_feature_not_subset);
  // As in Slurm, the others of them change all the same.
  const std::size_t left_out = std::erase_if(*nodes, [&](model::NodeId id) {
    return request->node_state != kNoVal32 && !may_become(*snapshot->node(id), request->node_state);
  });
  if (nodes->empty()) co_return rc_answer(call, Errc::invalid_node_state);
  command.nodes = std::move(*nodes);
  command.uid = call.uid;
  if (request->node_state != kNoVal32) command.state = request->node_state;
  command.reason = request->reason;
  command.comment = request->comment;
  command.extra = request->extra;
  command.features = request->features;
  command.features_active = request->features_act;
  command.gres = request->gres;
  command.address = request->node_addr;
  command.hostname = request->node_hostname;
  if (request->weight != kNoVal32) command.weight = request->weight;
  if (request->cpu_bind) command.cpu_bind = request->cpu_bind;
  log(Level::info, "node.update", {{"nodes", named}, {"uid", call.uid}, {"reason", request->reason.value_or("")}});
  auto proposal = propose(c, call, std::move(command));
  Answer answer = co_await proposal;
  co_return left_out == 0 ? std::move(answer) : rc_answer(call, Errc::invalid_node_state);
}

io::Task<Answer> update_partition(Controller& c, Call call) {
  const auto* request = call.as<wire::UpdatePartition>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  const auto snapshot = c.replica.snapshot();
  state::PutPartition command;
  command.create = call.type == wire::MsgType::REQUEST_CREATE_PARTITION;
  const std::string name = request->name.value_or("");
  const model::Partition* old = snapshot->partition(name);
  if (name.empty() || command.create == (old != nullptr)) co_return rc_answer(call, Errc::invalid_partition_name);
  model::Partition base = old ? *old : model::Partition{};
  base.name = name;
  command.partition = changed(std::move(base), *request);
  if (auto defaults = parse_job_defaults(command.partition.job_defaults); !defaults)
    co_return error_answer(call, defaults.error());
  log(Level::info, "partition.update", {{"partition", name}, {"uid", call.uid}});
  auto proposal = propose(c, std::move(call), std::move(command));
  Answer answer = co_await proposal;
  co_return answer;
}

io::Task<Answer> delete_partition(Controller& c, Call call) {
  const auto* request = call.as<wire::DeletePartition>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  log(Level::info, "partition.delete", {{"partition", request->name}, {"uid", call.uid}});
  state::DeletePartition command{.name = request->name};
  auto proposal = propose(c, std::move(call), std::move(command));
  Answer answer = co_await proposal;
  co_return answer;
}

io::Task<Answer> reconfigure(Controller& c, Call call) {
  if (!c.is_administrator(call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  auto work = c.reconfigure();
  const Result<void> done = co_await work;
  if (!done) {
    log(Level::error, "ctld.reconfigure_failed", {{"error", done.error().text}});
    co_return error_answer(call, done.error());
  }
  co_return rc_answer(call, Errc::success);
}

Answer control_status(Controller& c, const Call& call) {
  return answer(call, wire::MsgType::RESPONSE_CONTROL_STATUS, wire::ControlStatus{0, c.boot_time});
}

Answer set_debug_level(Controller& c, const Call& call) {
  const auto* request = call.as<wire::SetDebugLevel>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) return rc_answer(call, kEaccess);
  constexpr Level kLevels[] = {Level::fatal, Level::fatal, Level::error, Level::info, Level::verbose, Level::debug, Level::debug2};
  log_set_level(kLevels[std::min<std::size_t>(request->debug_level, std::size(kLevels) - 1)]);
  log(Level::info, "ctld.debug_level", {{"level", request->debug_level}, {"uid", call.uid}});
  auto config = std::make_shared<conf::Config>(*c.config);
  config->slurmctld_debug = static_cast<std::uint16_t>(request->debug_level);
  c.config = std::move(config);
  return rc_answer(call, Errc::success);
}

Answer set_debug_flags(Controller& c, const Call& call) {
  const auto* request = call.as<wire::SetDebugFlags>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) return rc_answer(call, kEaccess);
  auto config = std::make_shared<conf::Config>(*c.config);
  config->debug_flags = (config->debug_flags & ~request->debug_flags_minus) | request->debug_flags_plus;
  c.config = std::move(config);
  return rc_answer(call, Errc::success);
}

/// There is no log of the scheduler apart, which Slurm says where SlurmSchedLogFile names none.
Answer set_schedlog_level(Controller& c, const Call& call) {
  if (!c.is_administrator(call.uid)) return rc_answer(call, kEaccess);
  return rc_answer(call, Errc::disabled);
}

io::Task<Answer> set_dampening(Controller& c, Call call) {
  const auto* request = call.as<wire::SetFsDampeningFactor>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) co_return rc_answer(call, kEaccess);
  auto proposal = c.replica.propose(state::SetDampening{.factor = request->dampening_factor});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return error_answer(call, reply.error());
  auto config = std::make_shared<conf::Config>(*c.config);
  config->fs_dampening_factor = request->dampening_factor;
  c.config = std::move(config);
  log(Level::info, "ctld.dampening", {{"factor", request->dampening_factor}, {"uid", call.uid}});
  co_return rc_answer(call, reply->code);
}

/// Whoever leads does so by agreement of the controllers; to one that leads there is nothing to do.
Answer take_over(Controller& c, const Call& call) {
  return rc_answer(call, c.is_administrator(call.uid) ? Errc::success : Errc::user_id_missing);
}

/// Nobody here signs tokens (auth/jwt): an answer without one, as of a Slurm without that plugin.
Answer token(Controller&, const Call& call) {
  return answer(call, wire::MsgType::RESPONSE_AUTH_TOKEN, wire::TokenResponse{});
}

Answer shut_down(Controller& c, const Call& call) {
  if (!c.is_administrator(call.uid)) return rc_answer(call, Errc::user_id_missing);
  log(Level::info, "ctld.shutdown_requested", {{"uid", call.uid}, {"peer", call.peer}});
  constexpr std::uint16_t kControllerOnly = 2;  // slurm 22.05 slurm/slurm.h SLURMCTLD_SHUTDOWN_CTLD
  const auto* request = call.request.is<wire::Shutdown>() ? &call.request.as<wire::Shutdown>() : nullptr;
  c.shut_down(request && request->options != kControllerOnly);
  return rc_answer(call, Errc::success);
}

}  // namespace flurm::ctld
