// wire/msg/burst_buffer.hpp — burst buffers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

struct BurstBufferPool {
  std::string name;
  std::uint64_t total_space = 0, granularity = 0, unfree_space = 0, used_space = 0;
  bool operator==(const BurstBufferPool&) const = default;
};
void fields(codec::Archive& ar, BurstBufferPool& m);

struct BurstBufferResv {
  std::string account;
  JobId array_job_id;
  std::uint32_t array_task_id = 0;
  TimeS create_time;
  JobId job_id;
  std::string name, partition, pool, qos;
  std::uint64_t size = 0;
  std::uint16_t state = 0;
  std::uint32_t user_id = 0;
  bool operator==(const BurstBufferResv&) const = default;
};
void fields(codec::Archive& ar, BurstBufferResv& m);

struct BurstBufferUse {
  std::uint64_t used = 0;
  std::uint32_t user_id = 0;
  bool operator==(const BurstBufferUse&) const = default;
};
void fields(codec::Archive& ar, BurstBufferUse& m);

struct BurstBufferInfo {
  std::string name, allow_users, create_buffer, default_pool, deny_users, destroy_buffer;
  std::uint32_t flags = 0;
  std::string get_sys_state, get_sys_status;
  std::uint64_t granularity = 0;
  std::vector<BurstBufferPool> pool;
  std::uint32_t poll_interval = 0, other_timeout = 0;
  std::string start_stage_in, start_stage_out, stop_stage_in, stop_stage_out;
  std::uint32_t stage_in_timeout = 0, stage_out_timeout = 0;
  std::uint64_t total_space = 0, unfree_space = 0, used_space = 0;
  std::uint32_t validate_timeout = 0;
  std::vector<BurstBufferResv> burst_buffer_resv;
  std::vector<BurstBufferUse> burst_buffer_use;
  bool operator==(const BurstBufferInfo&) const = default;
};
void fields(codec::Archive& ar, BurstBufferInfo& m);

/// RESPONSE_BURST_BUFFER_INFO.
struct BurstBufferInfoMsg {
  std::vector<BurstBufferInfo> burst_buffer_array;
  bool operator==(const BurstBufferInfoMsg&) const = default;
};
void fields(codec::Archive& ar, BurstBufferInfoMsg& m);

/// REQUEST_BURST_BUFFER_STATUS.
struct BurstBufferStatusRequest {
  std::vector<std::string> argv;
  bool operator==(const BurstBufferStatusRequest&) const = default;
};
void fields(codec::Archive& ar, BurstBufferStatusRequest& m);

/// RESPONSE_BURST_BUFFER_STATUS.
struct BurstBufferStatusResponse {
  std::string status_resp;
  bool operator==(const BurstBufferStatusResponse&) const = default;
};
void fields(codec::Archive& ar, BurstBufferStatusResponse& m);

}  // namespace flurm::wire
