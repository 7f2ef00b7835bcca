// wire/msg/stats.hpp — what sdiag shows.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

/// REQUEST_STATS_INFO. command_id: 0 reset, 1 get, 2 show.
struct StatsRequest {
  std::uint16_t command_id = 0;
  bool operator==(const StatsRequest&) const = default;
};
void fields(codec::Archive& ar, StatsRequest& m);

/// RESPONSE_STATS_INFO. Arrays rpc_type_* run over rpc_type_id, rpc_user_* over rpc_user_id. Cycle times are in
/// microseconds.
struct StatsResponse {
  std::uint32_t parts_packed = 1;  // until 25.05; 0: of the rest only the rpc_ members travel
  TimeS req_time, req_time_start;
  std::uint32_t server_thread_count = 0, agent_queue_size = 0, agent_count = 0, agent_thread_count = 0,
                dbd_agent_queue_size = 0, gettimeofday_latency = 0, jobs_submitted = 0, jobs_started = 0,
                jobs_completed = 0, jobs_canceled = 0, jobs_failed = 0, jobs_pending = 0, jobs_running = 0;
  TimeS job_states_ts;
  std::uint32_t schedule_cycle_max = 0, schedule_cycle_last = 0;
  std::uint64_t schedule_cycle_sum = 0;
  std::uint32_t schedule_cycle_counter = 0, schedule_cycle_depth = 0;
  std::vector<std::uint32_t> schedule_exit;
  std::uint32_t schedule_queue_len = 0, bf_backfilled_jobs = 0, bf_last_backfilled_jobs = 0, bf_cycle_counter = 0;
  std::uint64_t bf_cycle_sum = 0;
  std::uint32_t bf_cycle_last = 0, bf_last_depth = 0, bf_last_depth_try = 0, bf_queue_len = 0, bf_cycle_max = 0;
  TimeS bf_when_last_cycle;
  std::uint32_t bf_depth_sum = 0, bf_depth_try_sum = 0, bf_queue_len_sum = 0, bf_table_size = 0, bf_table_size_sum = 0,
                bf_active = 0, bf_backfilled_het_jobs = 0;
  std::vector<std::uint32_t> bf_exit;
  std::vector<std::uint16_t> rpc_type_id;
  std::vector<std::uint32_t> rpc_type_cnt;
  std::vector<std::uint64_t> rpc_type_time;
  std::uint8_t rpc_queue_enabled = 0;
  std::vector<std::uint16_t> rpc_type_queued;
  std::vector<std::uint64_t> rpc_type_dropped;
  std::vector<std::uint16_t> rpc_type_cycle_last, rpc_type_cycle_max;
  std::vector<std::uint32_t> rpc_user_id, rpc_user_cnt;
  std::vector<std::uint64_t> rpc_user_time;
  std::vector<std::uint32_t> rpc_queue_type_id, rpc_queue_count, rpc_dump_types;
  std::vector<std::string> rpc_dump_hostlist;
  bool operator==(const StatsResponse&) const = default;
};
void fields(codec::Archive& ar, StatsResponse& m);

}  // namespace flurm::wire
