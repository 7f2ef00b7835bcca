// wire/msg/job_complete.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/job_complete.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::present_u8, codec::since, codec::until;

void fields(Archive& ar, CompleteBatchScript& m) {
  ar("jobacct", present_u8(m.jobacct));
  ar("job_id", m.step_id.job_id, until(v25_11));
  ar("job_rc", m.job_rc);
  ar("slurm_rc", m.slurm_rc);
  ar("step_id", m.step_id, since(v25_11));
  ar("user_id", m.user_id);
  ar("node_name", m.node_name);
}

void fields(Archive& ar, StepComplete& m) {
  ar("step_id", m.step_id);
  ar("range_first", m.range_first);
  ar("range_last", m.range_last);
  ar("step_rc", m.step_rc);
  ar("jobacct", present_u8(m.jobacct));
  ar("send_to_stepmgr", m.send_to_stepmgr, since(v24_05));
}

void fields(Archive& ar, CompleteProlog& m) {
  job_or_step_id(ar, m.step_id);
  ar("node_name", m.node_name);
  ar("prolog_rc", m.prolog_rc);
}

}  // namespace flurm::wire
