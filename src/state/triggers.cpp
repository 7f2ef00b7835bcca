// state/triggers.cpp — see triggers.hpp. Source of the rules: slurm 22.05 src/slurmctld/trigger_mgr.c.
#include "state/triggers.hpp"

#include <algorithm>
#include <optional>

#include "base/hostlist.hpp"
#include "state/edit.hpp"

namespace flurm::state {
namespace {

using model::Job;
using model::Node;
using model::Trigger;
using model::TriggerEvent;
using model::TriggerTarget;
namespace event = model::trigger_event;
namespace node_flag = model::node_flag;

/// Slurm looks at its triggers so often: one for idle nodes that is kept does not run more often.
constexpr std::int64_t kRestS = 15;

/// A trigger's event has come: when its program is to run, and what it is told.
struct Pulled {
  TimeS due;
  std::string argument;
};

bool down(const Node& node) { return node.base == model::NodeBase::down; }
bool drained(const Node& node) {
  return node.has(node_flag::drain | node_flag::fail) && node.jobs.empty() && node.completing_jobs.empty();
}

std::optional<Pulled> pulled_by_job(const ClusterState& state, const Trigger& trigger, TimeS now) {
  const Job* job = state.job(trigger.job);
  const TimeS later = now + trigger.offset_s();
  if (trigger.events & event::fini && (!job || job->state.finished())) return Pulled{later, trigger.target_id};
  if (!job) return std::nullopt;
  if (trigger.events & event::time && job->state.base != model::JobBase::pending &&
      job->end_time - now <= -trigger.offset_s())
    return Pulled{now, trigger.target_id};
  return std::nullopt;
}

/// Triggers on jobs of the node: by the time of the next look the node may be lost to them.
void pull_for_jobs(ClusterState& state, const Node& node, std::uint32_t what) {
  for (auto& each : state.triggers) {
    if (each->target != TriggerTarget::job || !(each->events & what) || each->due) continue;
    if (std::ranges::find(node.jobs, each->job) == node.jobs.end()) continue;
    Trigger trigger = *each;
    trigger.due = state.now + trigger.offset_s();
    trigger.argument = trigger.target_id;
    each = std::make_shared<const Trigger>(std::move(trigger));
  }
}

/// The names of those among `nodes` that the trigger is about.
std::string names_of(const ClusterState& state, const Trigger& trigger, std::vector<model::NodeId> nodes) {
  std::vector<std::string> names;
  for (model::NodeId id : nodes)
    if (trigger.nodes.empty() || std::ranges::find(trigger.nodes, id) != trigger.nodes.end())
      if (const Node* node = state.node(id)) names.push_back(node->config.name);
  return compress_hosts_sorted(names);
}

std::optional<Pulled> pulled_by_nodes(const ClusterState& state, const Trigger& trigger, TimeS now) {
  const TimeS later = now + trigger.offset_s();
  for (std::uint32_t what : {event::down, event::drained, event::fail, event::up}) {
    if (!(trigger.events & what)) continue;
    std::vector<model::NodeId> nodes;
    for (const TriggerEvent& each : state.events)
      if (each.target == TriggerTarget::node && each.event == what) nodes.push_back(each.node);
    if (std::string names = names_of(state, trigger, std::move(nodes)); !names.empty())
      return Pulled{later, std::move(names)};
  }
  if (trigger.events & event::idle && trigger.rests_until <= now) {
    std::vector<model::NodeId> idle;
    state.nodes.for_each([&](std::uint64_t id, const auto& node) {
      const bool long_enough = now - node->last_busy >= trigger.offset_s();
      if (!node->removed && node->base == model::NodeBase::idle && !node->has(node_flag::drain) && long_enough)
        idle.push_back(static_cast<model::NodeId>(id));
      return true;
    });
    if (std::string names = names_of(state, trigger, std::move(idle)); !names.empty())
      return Pulled{now, std::move(names)};
  }
  if (trigger.events & event::reconfig &&
      std::ranges::find(state.events, event::reconfig, &TriggerEvent::event) != state.events.end())
    return Pulled{later, "reconfig"};
  return std::nullopt;
}

/// What the program of a trigger about a daemon is told.
std::string_view daemon_event_name(std::uint32_t what) {
  switch (what) {
    case event::primary_failed:
      return "primary_slurmctld_failure";
    case event::primary_back:
      return "primary_slurmctld_resumed_operation";
    case event::primary_leads:
      return "primary_slurmctld_resumed_control";
    case event::primary_records_full:
      return "primary_slurmctld_acct_buffer_full";
    case event::backup_failed:
      return "backup_slurmctld_failure";
    case event::backup_back:
      return "backup_slurmctld_resumed_operation";
    case event::backup_leads:
      return "backup_slurmctld_assumed_control";
    case event::database_daemon_failed:
      return "primary_slurmdbd_failure";
    case event::database_daemon_back:
      return "primary_slurmdbd_resumed_operation";
    case event::database_failed:
      return "primary_database_failure";
    case event::database_back:
      return "primary_database_resumed_operation";
    default:
      return "";
  }
}

std::optional<Pulled> pulled_by(const ClusterState& state, const Trigger& trigger, TimeS now) {
  if (trigger.target == TriggerTarget::job) return pulled_by_job(state, trigger, now);
  if (trigger.target == TriggerTarget::node) return pulled_by_nodes(state, trigger, now);
  for (const TriggerEvent& each : state.events)
    if (each.target == trigger.target && trigger.events & each.event)
      return Pulled{now + trigger.offset_s(), std::string(daemon_event_name(each.event))};
  return std::nullopt;
}

/// Its job is gone and will not bring its event any more.
bool pointless(const ClusterState& state, const Trigger& trigger) {
  return trigger.target == TriggerTarget::job && !(trigger.events & event::fini) && !state.job(trigger.job);
}

}  // namespace

void note_event(ClusterState& state, const TriggerEvent& event) {
  const bool wanted = std::ranges::any_of(state.triggers, [&](const auto& trigger) {
    return trigger->events & event.event && trigger->target == event.target;
  });
  if (wanted && std::ranges::find(state.events, event) == state.events.end()) state.events.push_back(event);
}

void note_node_change(ClusterState& state, const Node& before, const Node& after) {
  if (state.triggers.empty()) return;
  const auto note = [&](std::uint32_t what) {
    pull_for_jobs(state, before, what);
    note_event(state, {.target = TriggerTarget::node, .event = what, .node = after.id});
  };
  if (!down(before) && down(after)) note(event::down);
  if (!drained(before) && drained(after)) note(event::drained);
  if (!before.has(node_flag::fail) && after.has(node_flag::fail)) note(event::fail);
  if (down(before) && !down(after)) note(event::up);
}

bool triggers_due(const ClusterState& state, TimeS now) {
  if (!state.events.empty()) return true;
  return std::ranges::any_of(state.triggers, [&](const auto& trigger) {
    if (trigger->due) return trigger->due <= now;
    return pointless(state, *trigger) || pulled_by(state, *trigger, now).has_value();
  });
}

void pull_triggers(ClusterState& state) {
  if (state.triggers.empty() && state.events.empty()) return;
  std::vector<std::shared_ptr<const Trigger>> left;
  for (const auto& each : state.triggers) {
    Trigger trigger = *each;
    if (!trigger.due) {
      if (auto pulled = pulled_by(state, trigger, state.now)) {
        trigger.due = pulled->due;
        trigger.argument = std::move(pulled->argument);
      } else if (pointless(state, trigger)) {
        continue;
      }
    }
    if (trigger.due && trigger.due <= state.now) {
      add_effect(state, {.kind = Effect::Kind::run_trigger,
                         .host = trigger.argument,
                         .text = trigger.program,
                         .user_id = trigger.user_id,
                         .group_id = trigger.group_id});
      const bool job_over = trigger.target == TriggerTarget::job && trigger.events & (event::fini | event::time);
      if (!trigger.kept() || job_over) continue;
      trigger.due = {};
      trigger.argument.clear();
      trigger.rests_until = state.now + kRestS;
    }
    left.push_back(trigger == *each ? each : std::make_shared<const Trigger>(std::move(trigger)));
  }
  state.triggers = std::move(left);
  state.events.clear();
}

}  // namespace flurm::state
