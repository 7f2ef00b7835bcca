// state/commands/configure.cpp — the configuration files' view of the cluster enters the state.
#include <algorithm>
#include <set>

#include "base/hostlist.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/triggers.hpp"
#include "state/reports.hpp"
#include "state/reservations.hpp"

namespace flurm::state {
namespace {

using model::Node;
using model::NodeBase;
namespace node_flag = model::node_flag;

void set_initial(ClusterState& state, Node& node) {
  const std::uint32_t asked = node.config.initial_state;
  node.base = static_cast<NodeBase>(asked & 0xf);
  node.flags = asked & ~0xfu;
  if (node.base == NodeBase::idle) node.base = NodeBase::unknown;  // until its daemon has said so
  if (!node.config.reason.empty()) {
    node.reason = node.config.reason;
    node.reason_uid = state.settings.slurm_user;
    node.reason_time = state.now;
  }
  node.features_active = node.config.features;
  node.comment = node.config.comment;
  node.extra = node.config.extra;
}

model::NodeId add_node(ClusterState& state, const model::NodeConfig& config, std::uint32_t flags) {
  auto node = std::make_shared<Node>();
  node->id = state.next_node_id++;
  node->config = config;
  node->cores_used.assign((node->core_count() + 63) / 64, 0);
  set_initial(state, *node);
  node->flags |= flags;
  const model::NodeId id = node->id;
  state.nodes.set(id, std::move(node));
  return id;
}

void put_nodes(ClusterState& state, const std::vector<model::NodeConfig>& configs) {
  std::set<std::string_view> names;
  auto ids = std::make_shared<std::map<std::string, model::NodeId, std::less<>>>();
  for (const model::NodeConfig& config : configs) {
    names.insert(config.name);
    if (const Node* known = state.node(config.name)) {
      ids->emplace(config.name, known->id);
      if (known->config == config && !known->removed) continue;
      const model::NodeId known_id = known->id;
      edit_node(state, known_id, [&](Node& node) {
        if (node.features_active == node.config.features) node.features_active = config.features;
        node.config = config;
        node.removed = false;
      });
      recount_node(state, known_id);
      continue;
    }
    ids->emplace(config.name, add_node(state, config, 0));
  }
  std::vector<model::NodeId> gone;
  state.nodes.for_each([&](std::uint64_t id, const auto& node) {
    if (node->removed || names.contains(node->config.name)) return true;
    if (node->has(node_flag::dynamic_norm))  // it never was in the file
      ids->emplace(node->config.name, node->id);
    else
      gone.push_back(static_cast<model::NodeId>(id));
    return true;
  });
  for (model::NodeId id : gone) {
    take_node_down(state, id, "removed from the configuration", state.settings.slurm_user);
    edit_node(state, id, [](Node& node) { node.removed = true; });
  }
  state.node_ids = std::move(ids);
  state.nodes_changed = state.now;
}

/// After nodes came or went: partitions of all nodes have others now, and reservations too.
void resolve_anew(ClusterState& state) {
  for (auto& each : state.partitions) {
    model::Partition partition = *each;
    (void)resolve_partition(state, partition);  // a node of its list may have gone
    if (partition != *each) each = std::make_shared<const model::Partition>(std::move(partition));
  }
  state.nodes_changed = state.partitions_changed = state.now;
  follow_configuration(state);
}

/// `name` is in the comma list.
bool names(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == name) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

Result<void> resolve_partition(const ClusterState& state, model::Partition& partition) {
  partition.nodes.clear();
  partition.total_nodes = partition.total_cpus = 0;
  if (partition.nodes_text.empty()) return {};
  Result<void> result;
  std::vector<std::string> hosts;
  if (partition.nodes_text == "ALL") {
    for (const auto& [name, id] : *state.node_ids) hosts.push_back(name);
  } else {
    FLURM_TRY(hosts, expand_hosts(partition.nodes_text));
  }
  for (const std::string& host : hosts) {
    const Node* node = state.node(host);
    if (node)
      partition.nodes.push_back(node->id);
    else if (result)
      result = fail(Errc::invalid_node_name, "partition {}: no node {}", partition.name, host);
  }
  std::sort(partition.nodes.begin(), partition.nodes.end());
  partition.nodes.erase(std::unique(partition.nodes.begin(), partition.nodes.end()), partition.nodes.end());
  for (model::NodeId id : partition.nodes) partition.total_cpus += state.node(id)->config.cpus;
  partition.total_nodes = static_cast<std::uint32_t>(partition.nodes.size());
  return result;
}

Reply apply_to(ClusterState& state, const Configure& command) {
  const bool reported = reporting(state);
  state.settings = command.settings;
  if (!state.node_ids) state.node_ids = std::make_shared<const std::map<std::string, model::NodeId, std::less<>>>();
  put_nodes(state, command.nodes);
  std::vector<std::shared_ptr<const model::Partition>> partitions;
  Reply reply;
  for (model::Partition partition : command.partitions) {
    const model::Partition* old = state.partition(partition.name);
    if (old && command.keep_updates) partition.state_up = old->state_up;
    if (auto resolved = resolve_partition(state, partition); !resolved) {
      reply.code = resolved.error().code;
      reply.text = resolved.error().text;
    }
    partitions.push_back(std::make_shared<const model::Partition>(std::move(partition)));
  }
  state.partitions = std::move(partitions);
  state.partitions_changed = state.config_changed = state.now;
  follow_configuration(state);
  if (!reported && reporting(state)) begin_reporting(state);
  if (!reporting(state)) apply_to(state, ForgetReports{.up_to = state.next_report});  // nobody will ask for them
  if (!command.keep_updates)
    note_event(state, {.target = model::TriggerTarget::node, .event = model::trigger_event::reconfig});
  return reply;
}

Reply apply_to(ClusterState& state, const SetDampening& command) {
  state.settings.priority.damping = command.factor;
  state.config_changed = state.now;
  return {};
}

Reply apply_to(ClusterState& state, const AddNodes& command) {
  auto ids = std::make_shared<std::map<std::string, model::NodeId, std::less<>>>(*state.node_ids);
  for (const model::NodeConfig& config : command.nodes)
    if (!ids->contains(config.name)) ids->emplace(config.name, add_node(state, config, node_flag::dynamic_norm));
  state.node_ids = std::move(ids);
  resolve_anew(state);
  return {};
}

/// Source: slurm 22.05 src/slurmctld/node_mgr.c _delete_node().
Reply apply_to(ClusterState& state, const RemoveNode& command) {
  const Node* node = state.node(command.name);
  if (!node) return {.code = Errc::invalid_node_name};
  if (!node->jobs.empty() || !node->completing_jobs.empty()) return {.code = Errc::nodes_busy};
  for (const auto& reservation : state.reservations)
    if (reservation->active(state.now) && reservation->find(node->id)) return {.code = Errc::nodes_busy};
  const model::NodeId id = node->id;
  edit_node(state, id, [](Node& gone) { gone.removed = true; });
  auto ids = std::make_shared<std::map<std::string, model::NodeId, std::less<>>>(*state.node_ids);
  ids->erase(command.name);
  state.node_ids = std::move(ids);
  resolve_anew(state);
  return {};
}

Reply apply_to(ClusterState& state, const PutPartition& command) {
  model::Partition partition = command.partition;
  const model::Partition* old = state.partition(partition.name);
  if (command.create == (old != nullptr)) return {.code = Errc::invalid_partition_name};
  if (auto resolved = resolve_partition(state, partition); !resolved)
    return {.code = resolved.error().code, .text = resolved.error().text};
  if (partition.flags & model::partition_flag::is_default) {
    for (auto& other : state.partitions) {
      if (other->name == partition.name || !(other->flags & model::partition_flag::is_default)) continue;
      auto changed = std::make_shared<model::Partition>(*other);
      changed->flags &= ~model::partition_flag::is_default;
      other = std::move(changed);
    }
  }
  auto shared = std::make_shared<const model::Partition>(std::move(partition));
  if (command.create) {
    state.partitions.push_back(std::move(shared));
  } else {
    for (auto& each : state.partitions)
      if (each->name == shared->name) each = shared;
  }
  state.partitions_changed = state.now;
  follow_configuration(state);
  return {};
}

Reply apply_to(ClusterState& state, const DeletePartition& command) {
  if (!state.partition(command.name)) return {.code = Errc::invalid_partition_name};
  const auto unused = [&](std::uint64_t, const auto& job) { return !names(job->partition, command.name); };
  if (!state.active.for_each(unused) || !state.pending.for_each(unused)) return {.code = Errc::partition_in_use};
  for (const auto& reservation : state.reservations)
    if (reservation->partition == command.name) return {.code = Errc::partition_in_use};
  std::erase_if(state.partitions, [&](const auto& each) { return each->name == command.name; });
  state.partitions_changed = state.now;
  return {};
}

}  // namespace flurm::state
