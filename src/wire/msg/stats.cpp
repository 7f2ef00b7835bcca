// wire/msg/stats.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/stats.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::as, codec::count, codec::Kind, codec::since, codec::sized, codec::until;

void fields(Archive& ar, StatsRequest& m) { ar("command_id", m.command_id); }

namespace {

void parts(Archive& ar, StatsResponse& m) {
  ar("req_time", m.req_time);
  ar("req_time_start", m.req_time_start);
  ar("server_thread_count", m.server_thread_count);
  ar("agent_queue_size", m.agent_queue_size);
  ar("agent_count", m.agent_count);
  ar("agent_thread_count", m.agent_thread_count);
  ar("dbd_agent_queue_size", m.dbd_agent_queue_size);
  ar("gettimeofday_latency", m.gettimeofday_latency);
  ar("jobs_submitted", m.jobs_submitted);
  ar("jobs_started", m.jobs_started);
  ar("jobs_completed", m.jobs_completed);
  ar("jobs_canceled", m.jobs_canceled);
  ar("jobs_failed", m.jobs_failed);
  ar("jobs_pending", m.jobs_pending);
  ar("jobs_running", m.jobs_running);
  ar("job_states_ts", m.job_states_ts);
  ar("schedule_cycle_max", m.schedule_cycle_max);
  ar("schedule_cycle_last", m.schedule_cycle_last);
  ar("schedule_cycle_sum", as<std::uint32_t>(m.schedule_cycle_sum), until(v25_11));
  ar("schedule_cycle_sum", m.schedule_cycle_sum, since(v25_11));
  ar("schedule_cycle_counter", m.schedule_cycle_counter);
  ar("schedule_cycle_depth", m.schedule_cycle_depth);
  ar("schedule_exit", m.schedule_exit, since(v23_11));
  ar("schedule_queue_len", m.schedule_queue_len);
  ar("bf_backfilled_jobs", m.bf_backfilled_jobs);
  ar("bf_last_backfilled_jobs", m.bf_last_backfilled_jobs);
  ar("bf_cycle_counter", m.bf_cycle_counter);
  ar("bf_cycle_sum", m.bf_cycle_sum);
  ar("bf_cycle_last", m.bf_cycle_last);
  ar("bf_last_depth", m.bf_last_depth);
  ar("bf_last_depth_try", m.bf_last_depth_try);
  ar("bf_queue_len", m.bf_queue_len);
  ar("bf_cycle_max", m.bf_cycle_max);
  ar("bf_when_last_cycle", m.bf_when_last_cycle);
  ar("bf_depth_sum", m.bf_depth_sum);
  ar("bf_depth_try_sum", m.bf_depth_try_sum);
  ar("bf_queue_len_sum", m.bf_queue_len_sum);
  ar("bf_table_size", m.bf_table_size);
  ar("bf_table_size_sum", m.bf_table_size_sum);
  ar("bf_active", m.bf_active);
  ar("bf_backfilled_het_jobs", m.bf_backfilled_het_jobs);
  ar("bf_exit", m.bf_exit, since(v23_11));
}

void rpcs(Archive& ar, StatsResponse& m) {
  auto types = static_cast<std::uint32_t>(m.rpc_type_id.size()),
       users = static_cast<std::uint32_t>(m.rpc_user_id.size());
  ar("rpc_type_size", count(types));
  ar("rpc_type_id", sized(m.rpc_type_id, types));
  ar("rpc_type_cnt", sized(m.rpc_type_cnt, types));
  ar("rpc_type_time", sized(m.rpc_type_time, types));
  ar("rpc_queue_enabled", m.rpc_queue_enabled, since(v24_05));
  if (m.rpc_queue_enabled || ar.kind() == Kind::layout) {
    ar("rpc_type_queued", sized(m.rpc_type_queued, types), since(v24_05));
    ar("rpc_type_dropped", sized(m.rpc_type_dropped, types), since(v24_05));
    ar("rpc_type_cycle_last", sized(m.rpc_type_cycle_last, types), since(v24_05));
    ar("rpc_type_cycle_max", sized(m.rpc_type_cycle_max, types), since(v24_05));
  }
  ar("rpc_user_size", count(users));
  ar("rpc_user_id", sized(m.rpc_user_id, users));
  ar("rpc_user_cnt", sized(m.rpc_user_cnt, users));
  ar("rpc_user_time", sized(m.rpc_user_time, users));
  ar("rpc_queue_type_id", m.rpc_queue_type_id);
  ar("rpc_queue_count", m.rpc_queue_count);
  ar("rpc_dump_types", m.rpc_dump_types);
  ar("rpc_dump_hostlist", m.rpc_dump_hostlist);
}

}  // namespace

void fields(Archive& ar, StatsResponse& m) {
  ar("parts_packed", m.parts_packed, until(v25_11));  // 0: counters only of RPCs
  if (m.parts_packed != 0 || ar.version() >= v25_11 || ar.kind() == Kind::layout) parts(ar, m);
  rpcs(ar, m);
}

}  // namespace flurm::wire
