// model/trigger.hpp — a trigger of strigger: a program that runs when something happens to a job, a node or a daemon.
// Numbers are Slurm's (slurm 22.05 slurm/slurm.h TRIGGER_*).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "model/job.hpp"

namespace flurm::model {

/// What a trigger is about.
enum class TriggerTarget : std::uint16_t { job = 1, node, controller, database_daemon, database, front_end, other };

namespace trigger_event {
inline constexpr std::uint32_t up = 1u << 0, down = 1u << 1, fail = 1u << 2, time = 1u << 3, fini = 1u << 4,
                               reconfig = 1u << 5, idle = 1u << 7, drained = 1u << 8, primary_failed = 1u << 9,
                               primary_back = 1u << 10, primary_leads = 1u << 11, primary_records_full = 1u << 12,
                               backup_failed = 1u << 13, backup_back = 1u << 14, backup_leads = 1u << 15,
                               database_daemon_failed = 1u << 16, database_daemon_back = 1u << 17,
                               database_failed = 1u << 18, database_back = 1u << 19, burst_buffer = 1u << 20;
}

/// TriggerTarget and trigger_event of something that happened, and the node that it happened to.
struct TriggerEvent {
  TriggerTarget target = TriggerTarget::node;
  std::uint32_t event = 0;  // one bit
  NodeId node = kNoVal32;
  bool operator==(const TriggerEvent&) const = default;
};

struct Trigger {
  std::uint32_t id = 0;
  std::uint16_t flags = 0;  // kept_trigger: it stays after it has run
  TriggerTarget target = TriggerTarget::job;
  std::string target_id;          // a job's number, a list of nodes; empty or "*": all
  std::uint32_t events = 0;       // any of these
  std::uint16_t offset = 0x8000;  // seconds after the event, offset by 0x8000; before, for the end of a time limit
  std::uint32_t user_id = 0, group_id = 0;
  std::string program;  // with its arguments

  std::vector<NodeId> nodes;  // of target_id; empty: all
  JobId job;                  // of target_id
  TimeS due;                  // its event has come: when the program is to run
  std::string argument;       // what that is told
  TimeS rests_until;          // one that is kept and has run does not find nodes idle before

  std::int64_t offset_s() const { return std::int64_t{offset} - 0x8000; }
  bool kept() const { return flags & 1; }
  bool operator==(const Trigger&) const = default;
};

void fields(codec::Archive& ar, TriggerEvent& event);
void fields(codec::Archive& ar, Trigger& trigger);

}  // namespace flurm::model
