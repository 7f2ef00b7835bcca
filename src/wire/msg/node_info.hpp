// wire/msg/node_info.hpp — a node as clients see it: RESPONSE_NODE_INFO.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/archive.hpp"
#include "wire/bits.hpp"

namespace flurm::wire {

struct AcctGatherEnergy {
  std::uint64_t base_consumed_energy = 0;      // J
  std::uint32_t ave_watts = 0;                 // W
  std::uint64_t consumed_energy = 0;           // J
  std::uint32_t current_watts = 0;             // W
  std::uint64_t previous_consumed_energy = 0;  // J
  TimeS poll_time, slurmd_start_time;
  bool operator==(const AcctGatherEnergy&) const = default;
};
void fields(codec::Archive& ar, AcctGatherEnergy& m);

/// node_state is a base state and flags (slurm/slurm.h NODE_STATE_*).
struct NodeInfo {
  std::string name, node_hostname, node_addr, bcast_address;
  std::uint16_t cert_flags = 0, port = 0;
  std::uint32_t next_state = kNoVal32, node_state = 0;
  std::string version;
  std::uint16_t cpus = 0, boards = 0, sockets = 0, cores = 0, threads = 0;
  std::uint64_t real_memory = 0;  // MiB
  std::uint32_t tmp_disk = 0;     // MiB
  std::string gpu_spec, mcs_label;
  std::uint32_t owner = kNoVal32;
  std::uint16_t core_spec_cnt = 0;
  std::uint32_t cpu_bind = 0;
  std::uint64_t mem_spec_limit = 0;  // MiB
  std::string cpu_spec_list;
  std::uint16_t cpus_efctv = 0;
  std::uint32_t cpu_load = kNoVal32;  // × 100
  std::uint64_t free_mem = kNoVal64;  // MiB
  std::uint32_t weight = kNoVal32;
  std::uint16_t res_cores_per_gpu = kNoVal16;
  std::uint32_t reason_uid = kNoVal32;
  std::uint32_t suspend_time = kNoVal32;  // s
  TimeS boot_time, last_busy, reason_time, resume_after, slurmd_start_time, cert_last_renewal;
  std::uint16_t alloc_cpus = 0;
  std::uint64_t alloc_memory = 0;  // MiB
  double alloc_tres_weighted = 0;
  std::string alloc_tres_fmt_str, arch, features, features_act, gres, gres_drain, gres_used, os, comment, extra,
      instance_id, instance_type, parameters, reason;
  AcctGatherEnergy energy;
  std::string tres_fmt_str, resv_name, topology_str;
  bool operator==(const NodeInfo&) const = default;
};
void fields(codec::Archive& ar, NodeInfo& m);

/// RESPONSE_NODE_INFO. Indexes count in all bit strings, so a node that the viewer may not see keeps its place:
/// from 24.11 it is named in hidden_nodes and its record does not travel, before it travels without a name.
struct NodeInfoArray {
  TimeS last_update;
  Bits hidden_nodes;
  std::vector<NodeInfo> node_array;
  bool operator==(const NodeInfoArray&) const = default;
};
void fields(codec::Archive& ar, NodeInfoArray& m);

/// One record's bytes, and the body of RESPONSE_NODE_INFO from such bytes (no node hidden by hidden_nodes).
std::string pack_node_info(const NodeInfo& node, std::uint16_t version);
std::string pack_node_info_array(TimeS last_update, std::span<const std::string_view> records, std::uint16_t version);

}  // namespace flurm::wire
