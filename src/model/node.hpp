// model/node.hpp — a compute node: how it is configured, what it reported, what it is used for.
// State numbers are Slurm's (slurm 22.05 slurm/slurm.h enum node_states, NODE_STATE_*).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "model/job.hpp"

namespace flurm::model {

enum class NodeBase : std::uint8_t { unknown, down, idle, allocated, error, mixed, future };

namespace node_flag {
inline constexpr std::uint32_t reserved = 1u << 5, undrain = 1u << 6, cloud = 1u << 7, resume = 1u << 8,
                               drain = 1u << 9, completing = 1u << 10, no_respond = 1u << 11,
                               powered_down = 1u << 12, fail = 1u << 13, powering_up = 1u << 14, maint = 1u << 15,
                               reboot_requested = 1u << 16, reboot_cancel = 1u << 17, powering_down = 1u << 18,
                               dynamic_future = 1u << 19, reboot_issued = 1u << 20, planned = 1u << 21,
                               invalid_reg = 1u << 22, power_down = 1u << 23, power_up = 1u << 24,
                               power_drain = 1u << 25, dynamic_norm = 1u << 26;
}

/// What slurm.conf says of a node.
struct NodeConfig {
  std::string name, hostname, address, bcast_address;
  std::uint16_t port = 0;
  std::uint16_t cpus = 1, boards = 1, sockets = 1, cores = 1, threads = 1;  // sockets: total; cores: per socket
  std::uint64_t real_memory = 1;  // MiB
  std::uint32_t tmp_disk = 0;     // MiB
  std::uint32_t weight = 1;
  std::uint16_t core_spec_count = 0;
  std::string cpu_spec_list;
  std::uint64_t mem_spec_limit = 0;
  std::uint32_t cpu_bind = 0;
  std::string features, gres, tres_weights, reason, comment, extra;
  std::uint32_t initial_state = 0;  // base and flags that the State key asks for
  bool operator==(const NodeConfig&) const = default;
};

struct Node {
  NodeId id = 0;
  NodeConfig config;
  bool removed = false;  // no longer configured; kept while jobs refer to it

  NodeBase base = NodeBase::unknown;  // unknown, down, idle or allocated as last set; see shown_base()
  std::uint32_t flags = 0;
  std::string reason;
  std::uint32_t reason_uid = kNoVal32;
  TimeS reason_time;

  // as reported by the node's daemon
  std::uint16_t protocol_version = 0;
  std::string version, arch, os;
  std::uint16_t reported_cpus = 0, reported_boards = 0, reported_sockets = 0, reported_cores = 0,
                reported_threads = 0;
  std::uint64_t reported_memory = 0;
  std::uint32_t reported_tmp_disk = 0;
  std::uint32_t cpu_load = kNoVal32;       // × 100
  std::uint64_t free_memory = kNoVal64;    // MiB
  TimeS boot_time, daemon_start_time, last_response, last_busy;
  std::string features_active;
  std::vector<GresRecord> gres_reported;
  std::string comment, extra;
  std::uint32_t owner = kNoVal32;          // user with exclusive use
  TimeS reboot_asked;                      // its daemon was told to reboot it, with the flag reboot_issued
  std::uint32_t next_state = kNoVal32;     // what it is to be after that: down, or with the flag resume in service
  std::string mcs_label;

  // use
  std::vector<JobId> jobs;                 // hold resources here, sorted; suspended ones too
  std::vector<JobId> completing_jobs;      // are being cleaned up here, sorted
  std::vector<std::uint64_t> cores_used;   // bit mask over cores, of jobs that do not share
  std::uint32_t cpus_used = 0;
  std::uint64_t memory_used = 0;           // MiB
  bool exclusive = false;                  // a job has the whole node

  std::uint32_t core_count() const { return std::uint32_t{config.sockets} * config.cores; }
  /// Base state by use: allocated when jobs hold it, as Slurm keeps it.
  std::uint32_t state_number() const { return static_cast<std::uint32_t>(base) | flags; }
  bool has(std::uint32_t flag) const { return flags & flag; }
  /// It may be given to jobs (whatever is already on it).
  bool usable() const;
};

void fields(codec::Archive& ar, NodeConfig& config);
void fields(codec::Archive& ar, Node& node);


}  // namespace flurm::model
