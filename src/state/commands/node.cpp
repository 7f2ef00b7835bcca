// state/commands/node.cpp — nodes register, fall silent, and are changed by operators.
// Source: slurm 22.05 src/slurmctld/node_mgr.c validate_node_specs(), update_node(), job_mgr.c
// kill_running_job_by_node_name().
#include <algorithm>

#include "base/hostlist.hpp"
#include "state/commands/handlers.hpp"
#include "state/edit.hpp"
#include "state/format.hpp"
#include "state/reboot.hpp"
#include "state/resize.hpp"
#include "state/steps.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::JobBase;
using model::JobReason;
using model::Node;
using model::NodeBase;
namespace node_flag = model::node_flag;

constexpr std::string_view kNotResponding = "Not responding";
constexpr std::string_view kRebooted = "Node unexpectedly rebooted";

NodeBase base_in_use(const Node& node) {
  return node.jobs.empty() && node.completing_jobs.empty() ? NodeBase::idle : NodeBase::allocated;
}

/// What the report falls short of, or nothing.
std::string shortfall(const ClusterState& state, const Node& node, const RegisterNode& report) {
  if (!report.invalid_reason.empty()) return report.invalid_reason;
  if (auto lacking = model::gres_shortfall(state.settings.gres_types, node.config.gres, report.gres); !lacking.empty())
    return lacking;
  if (report.config_overrides) return {};
  const auto& config = node.config;
  if (std::uint32_t{report.sockets} * report.cores * report.threads <
      std::uint32_t{config.sockets} * config.cores * config.threads)
    return fmt::format("Low socket*core*thread count, Low CPUs");
  if (report.cpus < config.cpus) return "Low CPUs";
  if (report.real_memory < config.real_memory)
    return fmt::format("Low RealMemory (reported:{} < 100.00% of configured:{})", report.real_memory,
                       config.real_memory);
  if (report.tmp_disk < config.tmp_disk)
    return fmt::format("Low TmpDisk (reported:{} < {})", report.tmp_disk, config.tmp_disk);
  return {};
}

/// Jobs that the controller believes to run on the node, but the node knows nothing of.
std::vector<JobId> lost_jobs(const ClusterState& state, const Node& node, const RegisterNode& report) {
  std::vector<JobId> lost;
  for (JobId id : node.jobs) {
    const Job& job = *state.job(id);
    if (!job.launched || job.batch_host != node.config.name) continue;
    if (state.now - job.start_time < state.settings.batch_start_timeout_s) continue;
    if (std::find(report.running_jobs.begin(), report.running_jobs.end(), id) == report.running_jobs.end())
      lost.push_back(id);
  }
  return lost;
}

/// --no-kill: the job goes on with the nodes that it has left. A batch job needs the node of its script.
bool goes_on_without(const Job& job, const std::string& node_name) {
  return job.request->kill_on_node_fail == 0 && job.allocation->shares.size() > 1 &&
         !(job.request->batch && job.batch_host == node_name);
}

void take_node_from_job(ClusterState& state, JobId id, model::NodeId lost) {
  lose_node(state, id, lost, Loss::failed);
  take_nodes(state, id, {lost});
}

void fail_on_node(ClusterState& state, JobId id, const std::string& node_name) {
  constexpr bool kHold = false;
  const model::NodeId node = state.node(node_name)->id;
  tell_node_failed(state, id, node);
  if (goes_on_without(*state.job(id), node_name)) return take_node_from_job(state, id, node);
  edit_job(state, id, [&](Job& changed) { changed.failed_node = node_name; });
  const Job& job = *state.job(id);
  const Effect::End end = state.format < format_of_lost_nodes ? Effect::End::abort : Effect::End::terminate;
  if (job.request->batch && job.requeue_allowed) {
    requeue_running(state, id, end, kHold);
  } else {
    end_running(state, id, JobBase::node_fail, JobReason::down_node, end);
  }
}

}  // namespace

void take_node_down(ClusterState& state, model::NodeId id, const std::string& reason, std::uint32_t uid) {
  edit_node(state, id, [&](Node& node) {
    node.base = NodeBase::down;
    if (node.reason.empty() || !reason.empty()) set_reason(state, node, reason, uid);
  });
  const Node* node = state.node(id);
  const auto running = node->jobs;
  const auto completing = node->completing_jobs;
  const std::string name = node->config.name;
  for (JobId job : completing) node_cleaned(state, job, id);
  for (JobId job : running) fail_on_node(state, job, name);
}

Reply apply_to(ClusterState& state, const RegisterNode& report) {
  const Node* known = state.node(report.name);
  if (!known) return {.code = Errc::invalid_node_name};
  const model::NodeId id = known->id;
  const std::vector<JobId> lost = lost_jobs(state, *known, report);
  const bool rebooted =
      known->boot_time && report.boot_time > known->boot_time + 1 && report.boot_time > known->last_response;
  const bool had_jobs = !known->jobs.empty();
  // A reboot ended whatever ran before it, also what this node was not the batch host of.
  std::vector<JobId> died;
  if (rebooted)
    for (JobId job : known->jobs)
      if (state.job(job)->start_time < report.boot_time && !waits_for_reboot(*state.job(job))) died.push_back(job);
  edit_node(state, id, [&](Node& node) {
    node.protocol_version = report.protocol_version;
    node.version = report.version;
    node.arch = report.arch;
    node.os = report.os;
    node.reported_cpus = report.cpus;
    node.reported_boards = report.boards;
    node.reported_sockets = report.sockets;
    node.reported_cores = report.cores;
    node.reported_threads = report.threads;
    node.reported_memory = report.real_memory;
    node.reported_tmp_disk = report.tmp_disk;
    node.cpu_load = report.cpu_load;
    node.free_memory = report.free_memory;
    node.gres_reported = report.gres;
    node.boot_time = report.boot_time;
    node.daemon_start_time = report.daemon_start_time;
    node.last_response = state.now;
    if (!node.last_busy) node.last_busy = state.now;
    node.flags &= ~(node_flag::no_respond | node_flag::powered_down);
    // One that was to come some day has come.
    if (node.base == NodeBase::future && node.has(node_flag::dynamic_norm)) node.base = NodeBase::unknown;

    const std::string low = shortfall(state, node, report);
    if (!low.empty()) {
      node.flags |= node_flag::invalid_reg | node_flag::drain;
      if (node.reason.empty()) set_reason(state, node, low, state.settings.slurm_user);
      if (node.base == NodeBase::unknown) node.base = base_in_use(node);
      return;
    }
    if (node.has(node_flag::invalid_reg)) {
      node.flags &= ~(node_flag::invalid_reg | node_flag::drain);
      node.reason.clear();
    }
    if (node.has(node_flag::reboot_issued)) {
      if (has_rebooted(node)) return_from_reboot(state, node);
      return;
    }
    if (rebooted && had_jobs && state.settings.return_to_service != 2) {
      node.base = NodeBase::down;
      set_reason(state, node, std::string(kRebooted), state.settings.slurm_user);
      return;
    }
    if (node.base == NodeBase::unknown) node.base = base_in_use(node);
    if (node.base == NodeBase::down) {
      const bool was_silent = node.reason.starts_with(kNotResponding);
      if (state.settings.return_to_service == 2 || (state.settings.return_to_service == 1 && was_silent)) {
        node.base = base_in_use(node);
        if (!node.has(node_flag::drain | node_flag::fail)) node.reason.clear();
      }
    }
  });
  for (const auto& list : {died, lost})
    for (JobId job : list)
      if (const Job& now = *state.job(job); now.state.running() || now.state.suspended())
        fail_on_node(state, job, report.name);
  if (report.running_steps) tell_missing(state, *state.node(id), *report.running_steps);
  for (JobId job : std::vector<JobId>(state.node(id)->jobs))
    if (waits_for_reboot(*state.job(job))) launch_when_ready(state, job);
  return {};
}

Reply apply_to(ClusterState& state, const NodesSeen& seen) {
  for (const NodesSeen::Load& load : seen.answered) {
    if (!state.node(load.node)) continue;
    edit_node(state, load.node, [&](Node& node) {
      node.cpu_load = load.cpu_load;
      node.free_memory = load.free_memory;
      node.last_response = state.now;
      node.flags &= ~node_flag::no_respond;
      if (node.base == NodeBase::down && node.reason.starts_with(kNotResponding) && state.settings.return_to_service) {
        node.base = base_in_use(node);
        node.reason.clear();
      }
    });
  }
  for (model::NodeId id : seen.silent)
    if (state.node(id)) edit_node(state, id, [](Node& node) { node.flags |= node_flag::no_respond; });
  for (model::NodeId id : seen.down) {
    const Node* node = state.node(id);
    if (!node || node->base == NodeBase::down) continue;
    edit_node(state, id, [](Node& changed) { changed.flags |= node_flag::no_respond; });
    take_node_down(state, id, std::string(kNotResponding), state.settings.slurm_user);
  }
  return {};
}

namespace {

/// scontrol update nodename=… state=…: a base state, or a flag that is set or taken back.
Errc change_state(ClusterState& state, model::NodeId id, std::uint32_t asked, const UpdateNodes& command) {
  const std::uint32_t base = asked & 0xf;
  const Node* node = state.node(id);
  if (asked & node_flag::resume) {
    if (node->base == NodeBase::future) return Errc::invalid_node_state;
    edit_node(state, id, [&](Node& changed) {
      if (changed.base == NodeBase::down) changed.base = base_in_use(changed);
      changed.flags &= ~(node_flag::drain | node_flag::fail | node_flag::maint | node_flag::reboot_requested |
                         node_flag::reboot_issued | node_flag::invalid_reg);
      changed.reason.clear();
      changed.reason_uid = kNoVal32;
      changed.reason_time = {};
    });
  } else if (asked & node_flag::undrain) {
    edit_node(state, id, [&](Node& changed) {
      changed.flags &= ~node_flag::drain;
      changed.reason.clear();
    });
  } else if (asked & (node_flag::drain | node_flag::fail)) {
    edit_node(state, id, [&](Node& changed) { changed.flags |= asked & (node_flag::drain | node_flag::fail); });
  } else if (asked & node_flag::reboot_cancel) {
    return cancel_reboot(state, id);
  } else if (asked & node_flag::no_respond) {
    edit_node(state, id, [&](Node& changed) { changed.flags |= node_flag::no_respond; });
  } else if (base == static_cast<std::uint32_t>(NodeBase::down)) {
    take_node_down(state, id, command.reason.value_or(""), command.uid);
  } else if (base == static_cast<std::uint32_t>(NodeBase::idle) && !(asked & ~0xfu)) {
    edit_node(state, id, [&](Node& changed) {
      changed.flags &= ~(node_flag::drain | node_flag::fail);
      changed.base = base_in_use(changed);
      changed.reason.clear();
    });
  } else if (base == static_cast<std::uint32_t>(NodeBase::future)) {
    if (base_in_use(*node) != NodeBase::idle) return Errc::invalid_node_state;
    edit_node(state, id, [&](Node& changed) { changed.base = NodeBase::future; });
  } else {
    return Errc::invalid_node_state;
  }
  return Errc::success;
}

/// Devices that have files are as many as there are: their number can only become what it was, or none.
/// Source: slurm 22.05 src/common/gres.c _node_reconfig_test().
bool gres_may_become(const ClusterState& state, const Node& node, const std::string& gres) {
  const auto count = [](std::string_view text, const std::string& name) {
    std::uint64_t sum = 0;
    for (const model::GresCount& each : model::parse_node_gres(text))
      if (each.name == name) sum += each.count;
    return sum;
  };
  for (const model::GresPool& pool :
       model::gres_pools(state.settings.gres_types, node.config.gres, node.gres_reported, node.core_count())) {
    const std::uint64_t wanted = count(gres, pool.name);
    if (pool.devices != 0 && wanted != 0 && wanted != count(node.config.gres, pool.name)) return false;
  }
  return true;
}

}  // namespace

Reply apply_to(ClusterState& state, const UpdateNodes& command) {
  Reply reply;
  if (command.gres)
    for (model::NodeId id : command.nodes)
      if (const Node* node = state.node(id); node && !gres_may_become(state, *node, *command.gres))
        return {.code = Errc::invalid_gres};
  for (model::NodeId id : command.nodes) {
    if (!state.node(id)) {
      reply.code = Errc::invalid_node_name;
      continue;
    }
    edit_node(state, id, [&](Node& node) {
      if (command.comment) node.comment = *command.comment;
      if (command.extra) node.extra = *command.extra;
      if (command.weight) node.config.weight = *command.weight;
      if (command.cpu_bind) node.config.cpu_bind = *command.cpu_bind;
      if (command.gres) node.config.gres = *command.gres;
      if (command.address) node.config.address = *command.address;
      if (command.hostname) node.config.hostname = *command.hostname;
      if (command.features) node.config.features = node.features_active = *command.features;
      if (command.features_active) node.features_active = *command.features_active;
      if (command.reason) set_reason(state, node, *command.reason, command.uid);
    });
    if (command.state) {
      const Errc code = change_state(state, id, *command.state, command);
      if (code != Errc::success) reply.code = code;
    }
  }
  return reply;
}

}  // namespace flurm::state
