// wire/msg/job_control.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/job_control.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::since, codec::until;

void fields(Archive& ar, JobStepKill& m) {
  ar("step_id", m.step_id);
  ar("sjob_id", m.sjob_id);
  ar("sibling", m.sibling);
  ar("signal", m.signal);
  ar("flags", m.flags);
}

void fields(Archive& ar, KillJobs& m) {
  ar("account", m.account);
  ar("admin_comment", m.admin_comment, since(v25_11));
  ar("flags", m.flags);
  ar("job_name", m.job_name);
  ar("jobs_array", m.jobs_array);
  ar("partition", m.partition);
  ar("qos", m.qos);
  ar("reservation", m.reservation);
  ar("signal", m.signal);
  ar("state", m.state);
  ar("user_id", m.user_id);
  ar("user_name", m.user_name);
  ar("wckey", m.wckey);
  ar("nodelist", m.nodelist);
}

void fields(Archive& ar, KillJobsResponseJob& m) {
  ar("error_code", m.error_code);
  ar("error_msg", m.error_msg);
  ar("id", m.id);
  ar("real_job_id", m.real_job_id);
  ar("sibling_name", m.sibling_name);
}

void fields(Archive& ar, KillJobsResponse& m) { ar("job_responses", m.job_responses); }

void fields(Archive& ar, JobArrayResponseTask& m) {
  ar("error_code", m.error_code);
  ar("job_array_id", m.job_array_id);
  ar("err_msg", m.err_msg, since(v23_02));
}

void fields(Archive& ar, JobArrayResponse& m) { ar("tasks", m.tasks); }

void fields(Archive& ar, JobRequeue& m) {
  job_or_step_id(ar, m.step_id);
  ar("job_id_str", m.job_id_str);
  ar("flags", m.flags);
}

void fields(Archive& ar, Suspend& m) {
  ar("step_id", m.step_id, since(v25_11));
  ar("op", m.op);
  ar("job_id", m.step_id.job_id, until(v25_11));
  ar("job_id_str", m.job_id_str);
}

void fields(Archive& ar, TopJob& m) {
  ar("op", m.op);
  ar("job_id", m.job_id, until(v25_11));
  ar("job_id_str", m.job_id_str);
}

void fields(Archive& ar, JobNotify& m) {
  ar("step_id", m.step_id);
  ar("message", m.message);
}

void fields(Archive& ar, CompleteJobAllocation& m) {
  job_or_step_id(ar, m.step_id);
  ar("job_rc", m.job_rc);
}

}  // namespace flurm::wire
