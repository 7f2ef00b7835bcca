// state/commands/reboot.cpp — scontrol reboot: asked for, begun when the node has no jobs, over when it has registered
// with a later boot time. Source: slurm 22.05 src/slurmctld/proc_req.c _slurm_rpc_reboot_nodes(), controller.c
// _queue_reboot_msg(), node_mgr.c validate_node_specs(), check_reboot_nodes().
#include "state/reboot.hpp"

#include "state/commands/handlers.hpp"
#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Node;
using model::NodeBase;
namespace node_flag = model::node_flag;

/// "disks : reboot issued"
void add_reason(const ClusterState& state, Node& node, std::string_view words) {
  const bool more = !node.reason.empty() && node.reason.find(words) == node.reason.npos;
  set_reason(state, node, more ? node.reason + " : " + std::string(words) : std::string(words),
             state.settings.slurm_user);
}

bool can_begin(const Node& node) {
  if (!node.has(node_flag::reboot_requested) || node.has(node_flag::reboot_issued)) return false;
  if (!node.jobs.empty() || !node.completing_jobs.empty()) return false;
  return node.base == NodeBase::down || (node.base == NodeBase::idle && !node.has(node_flag::no_respond));
}

bool is_late(const ClusterState& state, const Node& node, TimeS now) {
  return node.has(node_flag::reboot_issued) && node.reboot_asked &&
         node.reboot_asked + std::int64_t{state.settings.reboot_timeout_s} < now;
}

}  // namespace

bool reboots_due(const ClusterState& state, TimeS now) {
  return !state.nodes.for_each(
      [&](std::uint64_t, const auto& node) { return !can_begin(*node) && !is_late(state, *node, now); });
}

void reboot_nodes(ClusterState& state) {
  std::vector<model::NodeId> begin, late;
  state.nodes.for_each([&](std::uint64_t, const auto& node) {
    if (can_begin(*node)) begin.push_back(node->id);
    if (is_late(state, *node, state.now)) late.push_back(node->id);
    return true;
  });
  for (model::NodeId id : begin) {
    edit_node(state, id, [&](Node& node) {
      node.base = NodeBase::down;
      node.flags = (node.flags & ~node_flag::reboot_requested) | node_flag::reboot_issued;
      node.reboot_asked = state.now;
      add_reason(state, node, "reboot issued");
    });
    add_effect(state, {.kind = Effect::Kind::reboot_node, .node = id});
  }
  for (model::NodeId id : late) {
    edit_node(state, id, [&](Node& node) {
      node.flags &= ~(node_flag::reboot_issued | node_flag::drain);
      node.reboot_asked = {};
      node.next_state = kNoVal32;
      node.base = NodeBase::down;
      add_reason(state, node, "reboot timed out");
    });
    const Node& node = *state.node(id);
    if (!node.jobs.empty() || !node.completing_jobs.empty())
      take_node_down(state, id, std::string(node.reason), state.settings.slurm_user);
  }
}

bool waits_for_reboot(const model::Job& job) {
  return job.request->reboot == 1 && job.state.running() && job.state.has(model::job_flag::configuring);
}

/// Source: slurm 22.05 src/slurmctld/job_scheduler.c reboot_job_nodes().
void reboot_nodes_of(ClusterState& state, JobId id) {
  const auto allocation = state.job(id)->allocation;
  for (const model::NodeShare& share : allocation->shares) {
    edit_node(state, share.node, [&](Node& node) {
      node.flags |= node_flag::reboot_issued;
      node.reboot_asked = state.now;
    });
    add_effect(state, {.kind = Effect::Kind::reboot_node, .node = share.node});
  }
}

void launch_when_ready(ClusterState& state, JobId id) {
  const model::Job& job = *state.job(id);
  if (!job.state.running() || !job.state.has(model::job_flag::configuring)) return;
  bool ready = true;
  state.job_effects.for_each_from(std::uint64_t{id.v} << 32, [&](std::uint64_t, const auto& effect) {
    if (effect->job == id && effect->kind == Effect::Kind::controller_prolog) ready = false;
    return effect->job == id && ready;
  });
  if (waits_for_reboot(job))
    for (const model::NodeShare& share : job.allocation->shares)
      ready = ready && !state.node(share.node)->has(node_flag::reboot_issued);
  if (!ready) return;
  edit_job(state, id, [&](model::Job& changed) {
    changed.state.flags &= ~model::job_flag::configuring;
    if (changed.time_limit != kInfinite32) changed.end_time = changed.end_time + (state.now - changed.start_time);
  });
  launch(state, id);
}

bool has_rebooted(const Node& node) { return node.boot_time >= node.reboot_asked; }

void return_from_reboot(const ClusterState& state, Node& node) {
  node.flags &= ~(node_flag::reboot_issued | node_flag::reboot_requested);
  if (node.next_state != kNoVal32) node.flags &= ~node_flag::drain;
  const bool stays_down =
      node.next_state != kNoVal32 && (node.next_state & 0xf) == static_cast<std::uint32_t>(NodeBase::down);
  const bool used = !node.jobs.empty() || !node.completing_jobs.empty();
  node.base = stays_down ? NodeBase::down : used ? NodeBase::allocated : NodeBase::idle;
  if (stays_down) {
    add_reason(state, node, "reboot complete");
  } else {
    node.last_busy = state.now;
    if (!node.has(node_flag::drain | node_flag::fail)) node.reason.clear();
  }
  node.next_state = kNoVal32;
  node.reboot_asked = {};
}

Errc cancel_reboot(ClusterState& state, model::NodeId id) {
  if (state.node(id)->has(node_flag::reboot_issued)) return Errc::reboot_in_progress;
  edit_node(state, id, [](Node& node) {
    node.flags &= ~node_flag::reboot_requested;
    if (node.next_state != kNoVal32 && node.next_state & node_flag::undrain) {
      node.flags &= ~node_flag::drain;
      node.reason.clear();
    }
    node.next_state = kNoVal32;
  });
  return Errc::success;
}

Reply apply_to(ClusterState& state, const RebootNodes& command) {
  constexpr std::uint32_t kNot = node_flag::reboot_requested | node_flag::reboot_issued | node_flag::power_down |
                                 node_flag::powered_down | node_flag::powering_down;
  for (model::NodeId id : command.nodes) {
    const Node* known = state.node(id);
    if (!known || known->base == NodeBase::future || known->has(kNot)) continue;
    edit_node(state, id, [&](Node& node) {
      node.flags |= node_flag::reboot_requested;
      node.next_state = command.next_state;
      if (!command.reason.empty()) set_reason(state, node, command.reason, command.uid);
      if (command.asap) {
        if (node.next_state == kNoVal32) node.next_state = node_flag::resume;
        if (!node.has(node_flag::drain)) node.next_state |= node_flag::undrain;
        node.flags |= node_flag::drain;
        if (node.reason.empty()) set_reason(state, node, "Reboot ASAP", command.uid);
      }
      if (node.reason.empty()) set_reason(state, node, "reboot requested", command.uid);
    });
  }
  return {};
}

}  // namespace flurm::state
