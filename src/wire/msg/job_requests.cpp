// wire/msg/job_requests.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/job_requests.hpp"

namespace flurm::wire {

using codec::Archive;

void fields(Archive& ar, LastUpdate& m) { ar("last_update", m.last_update); }

void fields(Archive& ar, JobInfoRequest& m) {
  ar("last_update", m.last_update);
  ar("show_flags", m.show_flags);
  ar("job_ids", m.job_ids);
}

void fields(Archive& ar, JobReady& m) {
  job_or_step_id(ar, m.step_id);
  ar("show_flags", m.show_flags);
}

void fields(Archive& ar, JobUser& m) {
  ar("user_id", m.user_id);
  ar("show_flags", m.show_flags);
}

void fields(Archive& ar, JobAllocInfo& m) {
  job_or_step_id(ar, m.step_id);
  ar("req_cluster", m.req_cluster);
}

void fields(Archive& ar, NodeInfoRequest& m) {
  ar("last_update", m.last_update);
  ar("show_flags", m.show_flags);
}

void fields(Archive& ar, NodeInfoSingle& m) {
  ar("node_name", m.node_name);
  ar("show_flags", m.show_flags);
}

void fields(Archive& ar, JobScript& m) { ar("script", m.script); }

}  // namespace flurm::wire
