// wire/msg/partition_info.hpp — a partition as clients see it: RESPONSE_PARTITION_INFO.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/archive.hpp"
#include "wire/bits.hpp"

namespace flurm::wire {

/// One of a partition's JobDefaults, DefCpuPerGPU and the like (slurm/slurm.h JOB_DEF_*).
struct JobDefaults {
  std::uint16_t type = 0;
  std::uint64_t value = 0;
  bool operator==(const JobDefaults&) const = default;
};
void fields(codec::Archive& ar, JobDefaults& m);

struct PartitionInfo {
  std::string name;
  std::uint32_t cpu_bind = 0;
  std::uint32_t grace_time = 0;    // s
  std::uint32_t max_time = 0;      // minutes
  std::uint32_t default_time = 0;  // minutes
  std::uint32_t max_nodes = 0, min_nodes = 0, total_nodes = 0, total_cpus = 0;
  std::uint64_t def_mem_per_cpu = 0;  // MiB; top bit set: per CPU
  std::uint32_t max_cpus_per_node = 0, max_cpus_per_socket = 0;
  std::uint64_t max_mem_per_cpu = 0;  // MiB; top bit set: per CPU
  std::uint32_t flags = 0;
  std::uint16_t max_share = 0, over_time_limit = 0, preempt_mode = 0, priority_job_factor = 0, priority_tier = 0,
                state_up = 0, cr_type = 0;
  std::uint16_t resume_timeout = 0;   // s
  std::uint16_t suspend_timeout = 0;  // s
  std::uint32_t suspend_time = 0;     // s
  std::string allow_accounts, allow_groups, allow_alloc_nodes, allow_qos, qos_char, alternate, deny_accounts, deny_qos,
      nodes, nodesets;
  Bits node_inx;
  std::string billing_weights_str, topology_name, tres_fmt_str;
  std::optional<std::vector<JobDefaults>> job_defaults_list;
  bool operator==(const PartitionInfo&) const = default;
};
void fields(codec::Archive& ar, PartitionInfo& m);

/// RESPONSE_PARTITION_INFO.
struct PartitionInfoArray {
  TimeS last_update;
  std::vector<PartitionInfo> partition_array;
  bool operator==(const PartitionInfoArray&) const = default;
};
void fields(codec::Archive& ar, PartitionInfoArray& m);

/// One record's bytes, and the body of RESPONSE_PARTITION_INFO from such bytes.
std::string pack_partition_info(const PartitionInfo& partition, std::uint16_t version);
std::string pack_partition_info_array(TimeS last_update, std::span<const std::string_view> records,
                                      std::uint16_t version);

}  // namespace flurm::wire
