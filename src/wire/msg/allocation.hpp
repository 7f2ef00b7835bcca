// wire/msg/allocation.hpp — resources granted to a job.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/addr.hpp"
#include "wire/msg/cluster.hpp"
#include "wire/msg/cpu_groups.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// RESPONSE_RESOURCE_ALLOCATION, RESPONSE_JOB_ALLOCATION_INFO. Environment entries are NAME=value.
struct ResourceAllocationResponse {
  std::string account, alias_list, batch_host;
  std::vector<std::string> environment;
  std::uint32_t error_code = 0, gid = 0;
  std::string group_name, job_submit_user_msg;
  StepId step_id;
  std::uint32_t node_cnt = 0;
  std::optional<std::vector<Addr>> node_addr;
  std::string node_list;
  std::uint16_t ntasks_per_board = kNoVal16, ntasks_per_core = kNoVal16, ntasks_per_tres = kNoVal16,
                ntasks_per_socket = kNoVal16;
  std::vector<std::uint16_t> cpus_per_node;
  std::vector<std::uint32_t> cpu_count_reps;
  std::string partition;
  std::uint64_t pn_min_memory = 0;  // MiB; top bit set: per CPU
  std::string qos, resv_name;
  std::uint16_t segment_size = kNoVal16, start_protocol_ver = 0;
  std::string tres_per_node, tres_per_task;
  std::uint32_t uid = 0;
  std::string user_name;
  std::optional<ClusterRec> working_cluster_rec;
  bool operator==(const ResourceAllocationResponse&) const = default;
};
void fields(codec::Archive& ar, ResourceAllocationResponse& m);

/// RESPONSE_HET_JOB_ALLOCATION: one per component, one for a plain job.
struct HetJobAllocation {
  std::vector<ResourceAllocationResponse> components;
  bool operator==(const HetJobAllocation&) const = default;
};
void fields(codec::Archive& ar, HetJobAllocation& m);

struct NodeGresLayout {
  std::string name, type;
  std::uint64_t count = 0;
  std::optional<Bits> index;
  bool operator==(const NodeGresLayout&) const = default;
};
void fields(codec::Archive& ar, NodeGresLayout& m);

struct NodeLayout {
  std::string node;
  std::uint64_t mem_alloc = 0;  // MiB
  std::uint16_t sockets_per_node = 0, cores_per_socket = 0;
  std::uint32_t channel = 0;
  std::string core_bitmap;
  std::optional<std::vector<NodeGresLayout>> gres;
  bool operator==(const NodeLayout&) const = default;
};
void fields(codec::Archive& ar, NodeLayout& m);

/// RESPONSE_RESOURCE_LAYOUT (25.11+).
struct ResourceLayout {
  std::optional<std::vector<NodeLayout>> nodes;
  bool operator==(const ResourceLayout&) const = default;
};
void fields(codec::Archive& ar, ResourceLayout& m);

}  // namespace flurm::wire
