// wire/msg/burst_buffer.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/burst_buffer.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::since;

void fields(Archive& ar, BurstBufferPool& m) {
  ar("name", m.name);
  ar("total_space", m.total_space);
  ar("granularity", m.granularity);
  ar("unfree_space", m.unfree_space);
  ar("used_space", m.used_space);
}

void fields(Archive& ar, BurstBufferResv& m) {
  ar("account", m.account);
  ar("array_job_id", m.array_job_id);
  ar("array_task_id", m.array_task_id);
  ar("create_time", m.create_time);
  ar("job_id", m.job_id);
  ar("name", m.name);
  ar("partition", m.partition);
  ar("pool", m.pool);
  ar("qos", m.qos);
  ar("size", m.size);
  ar("state", m.state);
  ar("user_id", m.user_id);
}

void fields(Archive& ar, BurstBufferUse& m) {
  ar("used", m.used);
  ar("user_id", m.user_id);
}

void fields(Archive& ar, BurstBufferInfo& m) {
  ar("name", m.name);
  ar("allow_users", m.allow_users);
  ar("create_buffer", m.create_buffer);
  ar("default_pool", m.default_pool);
  ar("deny_users", m.deny_users);
  ar("destroy_buffer", m.destroy_buffer);
  ar("flags", m.flags);
  ar("get_sys_state", m.get_sys_state);
  ar("get_sys_status", m.get_sys_status);
  ar("granularity", m.granularity);
  ar("pool", m.pool);
  ar("poll_interval", m.poll_interval, since(v24_05));
  ar("other_timeout", m.other_timeout);
  ar("start_stage_in", m.start_stage_in);
  ar("start_stage_out", m.start_stage_out);
  ar("stop_stage_in", m.stop_stage_in);
  ar("stop_stage_out", m.stop_stage_out);
  ar("stage_in_timeout", m.stage_in_timeout);
  ar("stage_out_timeout", m.stage_out_timeout);
  ar("total_space", m.total_space);
  ar("unfree_space", m.unfree_space);
  ar("used_space", m.used_space);
  ar("validate_timeout", m.validate_timeout);
  ar("burst_buffer_resv", m.burst_buffer_resv);
  ar("burst_buffer_use", m.burst_buffer_use);
}

void fields(Archive& ar, BurstBufferInfoMsg& m) { ar("burst_buffer_array", m.burst_buffer_array); }

void fields(Archive& ar, BurstBufferStatusRequest& m) { ar("argv", m.argv); }

void fields(Archive& ar, BurstBufferStatusResponse& m) { ar("status_resp", m.status_resp); }

}  // namespace flurm::wire
