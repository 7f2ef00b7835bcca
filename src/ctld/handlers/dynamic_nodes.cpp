// ctld/handlers/dynamic_nodes.cpp — nodes that are not in slurm.conf: scontrol create and delete nodename, slurmd -Z.
// Source: slurm 22.05 src/slurmctld/node_mgr.c create_nodes(), delete_nodes(), create_dynamic_reg_node().
#include "base/hostlist.hpp"
#include "conf/slurm_conf.hpp"
#include "ctld/handlers/handlers.hpp"
#include "ctld/translate/configure.hpp"
#include "fmt/format.h"
#include "wire/msg/node_registration.hpp"
#include "wire/msg/return_code.hpp"
#include "wire/msg/update_node.hpp"

namespace flurm::ctld {
namespace {

constexpr std::string_view kOnlyWithTres = "Node {} only compatible with select/cons_tres";

Answer refusal(const Call& call, Errc code, const std::string& words) {
  if (words.empty()) return rc_answer(call, public_code(code));
  return answer(call, wire::MsgType::RESPONSE_SLURM_RC_MSG,
                wire::ReturnCode2{static_cast<std::uint32_t>(public_code(code)), words});
}

bool has_cons_tres(const Controller& c) { return c.config->select_type == "select/cons_tres"; }

/// How many more nodes MaxNodeCount leaves room for; without it, any number.
std::size_t room_for_nodes(const Controller& c, const state::ClusterState& state) {
  if (c.config->max_node_cnt == 0) return SIZE_MAX;
  const std::size_t there = state.node_ids->size();
  return c.config->max_node_cnt - std::min<std::size_t>(c.config->max_node_cnt, there);
}

/// Those that are there already are passed over, as are those beyond MaxNodeCount.
std::vector<model::NodeConfig> new_ones(const Controller& c, const state::ClusterState& state,
                                        const std::vector<conf::NodeDef>& defs) {
  std::vector<model::NodeConfig> out;
  const std::size_t room = room_for_nodes(c, state);
  for (const conf::NodeDef& def : defs)
    if (!state.node(def.name) && out.size() < room) out.push_back(node_config(def));
  return out;
}

io::Task<Errc> propose(Controller& c, state::Command command) {
  auto proposal = c.replica.propose(std::move(command));
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return reply.error().code;
  c.info_cache.clear();
  c.schedule_soon();
  co_return reply->code;
}

}  // namespace

io::Task<Answer> create_nodes(Controller& c, Call call) {
  const auto* request = call.as<wire::UpdateNode>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  if (!has_cons_tres(c)) co_return refusal(call, Errc::access_denied, fmt::format(kOnlyWithTres, "creation"));
  const std::string line = request->extra.value_or("");
  const auto defs = conf::parse_node_line(line, *c.config);
  if (!defs) {
    log(Level::info, "node.create_refused", {{"uid", call.uid}, {"line", line}, {"error", defs.error().text}});
    co_return refusal(call, Errc::error, fmt::format("Failed to parse nodeline '{}'", line));
  }
  for (const conf::NodeDef& def : *defs)
    if (def.state != static_cast<std::uint32_t>(model::NodeBase::future) && !(def.state & model::node_flag::cloud))
      co_return refusal(call, Errc::invalid_node_state,
                        "Only State=FUTURE and State=CLOUD allowed for nodes created by scontrol");
  state::AddNodes command{.nodes = new_ones(c, *c.replica.snapshot(), *defs)};
  log(Level::info, "node.create", {{"uid", call.uid}, {"line", line}, {"nodes", command.nodes.size()}});
  auto proposal = propose(c, std::move(command));
  const Errc code = co_await proposal;
  co_return rc_answer(call, public_code(code));
}

io::Task<Answer> delete_nodes(Controller& c, Call call) {
  const auto* request = call.as<wire::UpdateNode>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  if (!c.is_administrator(call.uid)) co_return rc_answer(call, Errc::user_id_missing);
  if (!has_cons_tres(c)) co_return refusal(call, Errc::access_denied, fmt::format(kOnlyWithTres, "deletion"));
  const auto names = expand_hosts(request->node_names.value_or(""));
  if (!names || names->empty()) co_return rc_answer(call, Errc::invalid_node_name);
  std::vector<std::string> failed;
  Errc first = Errc::success;
  for (const std::string& name : *names) {  // one by one: what can be deleted is
    auto proposal = propose(c, state::RemoveNode{name});
    const Errc code = co_await proposal;
    log(Level::info, "node.delete", {{"node", name}, {"uid", call.uid}, {"rc", errc_name(code)}});
    if (code == Errc::success) continue;
    if (first == Errc::success) first = code;
    failed.push_back(name);
  }
  if (failed.empty()) co_return rc_answer(call, Errc::success);
  co_return refusal(call, first, "failed to delete nodes " + compress_hosts(failed));
}

io::Task<Errc> add_registering_node(Controller& c, wire::NodeRegistrationStatus status, std::string peer) {
  if (!has_cons_tres(c)) co_return Errc::access_denied;
  const std::string line =
      status.dynamic_conf.empty()
          ? fmt::format(
                "NodeName={} CPUs={} Boards={} Sockets={} CoresPerSocket={} ThreadsPerCore={} RealMemory={} "
                "TmpDisk={}",
                status.node_name, status.cpus, status.boards, status.sockets, status.cores, status.threads,
                status.real_memory, status.tmp_disk)
          : status.dynamic_conf;
  auto defs = conf::parse_node_line(line, *c.config);
  if (!defs || defs->size() != 1) co_return Errc::invalid_node_name;
  conf::NodeDef& def = defs->front();
  def.name = status.node_name;
  def.hostname = status.hostname;
  def.addr = peer.substr(0, peer.rfind(':'));
  if (def.addr.empty()) def.addr = status.hostname;
  state::AddNodes command{.nodes = new_ones(c, *c.replica.snapshot(), *defs)};
  if (command.nodes.empty()) co_return Errc::invalid_node_name;
  log(Level::info, "node.register_new", {{"node", status.node_name}, {"address", def.addr}, {"line", line}});
  auto proposal = propose(c, std::move(command));
  co_return co_await proposal;
}

}  // namespace flurm::ctld
