// wire/msg/node_registration.hpp — a node reports itself, is asked for news, and is told what the cluster counts.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/msg/jobacct.hpp"
#include "wire/msg/node_info.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// MESSAGE_NODE_REGISTRATION_STATUS.
struct NodeRegistrationStatus {
  TimeS timestamp, slurmd_start_time;
  std::uint32_t status = 0;  // 0, or an error number
  std::string extra, features_active, features_avail, hostname, instance_id, instance_type, node_name, arch,
      cpu_spec_list;
  std::uint64_t mem_spec_limit = 0;  // MiB
  std::string os, parameters;
  std::uint16_t cpus = 0, boards = 0, sockets = 0, cores = 0, threads = 0;
  std::uint64_t real_memory = 0;      // MiB
  std::uint32_t tmp_disk = 0;         // MiB
  std::uint32_t up_time = 0;          // s
  std::uint32_t hash_val = kNoVal32;  // of slurm.conf; NO_VAL: not compared
  std::uint32_t cpu_load = kNoVal32;  // × 100
  std::uint64_t free_mem = kNoVal64;  // MiB
  std::vector<StepId> step_id;
  std::uint16_t flags = 0;
  std::string gres_info;
  AcctGatherEnergy energy;
  std::string version;
  std::uint8_t dynamic_type = 0;
  std::string dynamic_conf, dynamic_feature;
  bool operator==(const NodeRegistrationStatus&) const = default;
};
void fields(codec::Archive& ar, NodeRegistrationStatus& m);

/// RESPONSE_NODE_REGISTRATION. node_name only for dynamic nodes.
struct NodeRegistrationResponse {
  std::optional<std::vector<TresRec>> tres_list;
  std::string node_name;
  bool operator==(const NodeRegistrationResponse&) const = default;
};
void fields(codec::Archive& ar, NodeRegistrationResponse& m);

/// RESPONSE_PING_SLURMD.
struct PingSlurmdResponse {
  std::uint32_t cpu_load = kNoVal32;  // × 100
  std::uint64_t free_mem = kNoVal64;  // MiB
  std::string node_name;
  bool operator==(const PingSlurmdResponse&) const = default;
};
void fields(codec::Archive& ar, PingSlurmdResponse& m);

/// RESPONSE_ACCT_GATHER_UPDATE, RESPONSE_ACCT_GATHER_ENERGY.
struct AcctGatherNodeResponse {
  std::string node_name;
  std::vector<AcctGatherEnergy> energy;
  bool operator==(const AcctGatherNodeResponse&) const = default;
};
void fields(codec::Archive& ar, AcctGatherNodeResponse& m);

/// REQUEST_ACCT_GATHER_ENERGY.
struct AcctGatherEnergyRequest {
  std::uint16_t context_id = 0, delta = 0;
  bool operator==(const AcctGatherEnergyRequest&) const = default;
};
void fields(codec::Archive& ar, AcctGatherEnergyRequest& m);

/// RESPONSE_SLURMD_STATUS.
struct SlurmdStatus {
  TimeS booted, last_slurmctld_msg;
  std::uint16_t slurmd_debug = 0, actual_cpus = 0, actual_boards = 0, actual_sockets = 0, actual_cores = 0,
                actual_threads = 0;
  std::uint64_t actual_real_mem = 0;
  std::uint32_t actual_tmp_disk = 0, pid = 0;
  std::string hostname, slurmd_logfile, step_list, version;
  bool operator==(const SlurmdStatus&) const = default;
};
void fields(codec::Archive& ar, SlurmdStatus& m);

/// flags of NodeRegistrationStatus.
enum RegistrationFlag : std::uint16_t {
  slurmd_reg_flag_status = 0x1,
  slurmd_reg_flag_resp = 0x2,
  slurmd_reg_flag_config = 0x4
};

}  // namespace flurm::wire
