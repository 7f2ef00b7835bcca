// wire/msg/update_node.hpp — changes to nodes and partitions by an administrator.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "codec/archive.hpp"

namespace flurm::wire {

/// REQUEST_UPDATE_NODE, REQUEST_CREATE_NODE, REQUEST_DELETE_NODE. Unset fields have the defaults given here.
struct UpdateNode {
  std::optional<std::string> cert_token, comment;
  std::uint32_t cpu_bind = 0;
  std::optional<std::string> extra, features, features_act, gres, instance_id, instance_type, node_addr, node_hostname,
      node_names;
  std::uint32_t node_state = kNoVal32;
  std::optional<std::string> power_action_name, reason;
  std::uint32_t resume_after = kNoVal32;
  std::optional<std::string> topology_str;
  std::uint32_t weight = kNoVal32;
  bool operator==(const UpdateNode&) const = default;
};
void fields(codec::Archive& ar, UpdateNode& m);

/// REQUEST_CREATE_PARTITION, REQUEST_UPDATE_PARTITION.
struct UpdatePartition {
  std::optional<std::string> allow_accounts, allow_alloc_nodes, allow_groups, allow_qos, alternate, billing_weights_str;
  std::uint32_t cpu_bind = 0;
  std::uint64_t def_mem_per_cpu = kNoVal64;  // MiB; top bit set: per CPU
  std::uint32_t default_time = kNoVal32;     // minutes
  std::optional<std::string> deny_accounts, deny_qos;
  std::uint32_t flags = 0;
  std::optional<std::string> job_defaults_str;
  std::uint32_t grace_time = kNoVal32;  // s
  std::uint32_t max_cpus_per_node = kNoVal32, max_cpus_per_socket = kNoVal32;
  std::uint64_t max_mem_per_cpu = kNoVal64;  // MiB; top bit set: per CPU
  std::uint32_t max_nodes = kNoVal32;
  std::uint16_t max_share = kNoVal16;
  std::uint32_t max_time = kNoVal32;  // minutes
  std::uint32_t min_nodes = kNoVal32;
  std::optional<std::string> name, nodes;
  std::uint16_t over_time_limit = kNoVal16, preempt_mode = kNoVal16, priority_job_factor = kNoVal16,
                priority_tier = kNoVal16;
  std::optional<std::string> qos_char;
  std::uint16_t state_up = kNoVal16;
  std::optional<std::string> topology_name;
  bool operator==(const UpdatePartition&) const = default;
};
void fields(codec::Archive& ar, UpdatePartition& m);

/// REQUEST_DELETE_PARTITION.
struct DeletePartition {
  std::string name;
  bool operator==(const DeletePartition&) const = default;
};
void fields(codec::Archive& ar, DeletePartition& m);

}  // namespace flurm::wire
