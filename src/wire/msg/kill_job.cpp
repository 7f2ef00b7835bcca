// wire/msg/kill_job.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/kill_job.hpp"

#include "wire/plugin_data.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::counted, codec::present_u8, codec::since, codec::until;

void fields(Archive& ar, KillJob& m) {
  ar("cred", present_u8(m.cred));
  ar("details", m.details);
  ar("derived_ec", m.derived_ec);
  ar("exit_code", m.exit_code);
  ar("job_gres_prep", counted<std::uint16_t>(m.job_gres_prep), until(v25_05));
  ar("job_gres_prep", absent_if_empty(m.job_gres_prep), since(v25_05));
  ar("step_id", m.step_id);
  ar("het_job_id", m.het_job_id);
  ar("job_state", m.job_state);
  ar("job_uid", m.job_uid);
  ar("job_gid", m.job_gid);
  ar("nodes", m.nodes);
  select_jobinfo(ar);
  ar("spank_job_env", m.spank_job_env);
  ar("start_time", m.start_time);
  ar("time", m.time);
  ar("work_dir", m.work_dir);
}

void fields(Archive& ar, CancelTasks& m) {
  ar("step_id", m.step_id);
  ar("flags", m.flags);
  ar("signal", m.signal);
}

void fields(Archive& ar, EpilogComplete& m) {
  job_or_step_id(ar, m.step_id);
  ar("return_code", m.return_code);
  ar("node_name", m.node_name);
}

void fields(Archive& ar, SuspendInt& m) {
  ar("indf_susp", m.indf_susp, until(v23_11));
  ar("job_core_spec", m.job_core_spec, until(v23_11));
  job_or_step_id(ar, m.step_id);
  ar("op", m.op);
}

}  // namespace flurm::wire
