// wire/msg/job_state.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/job_state.hpp"

namespace flurm::wire {

using codec::Archive;

void fields(Archive& ar, JobStateRequestId& m) {
  ar("job_id", m.job_id);
  ar("array_task_id", m.array_task_id);
  ar("het_job_offset", m.het_job_offset);
}

void fields(Archive& ar, JobStateRequest& m) { ar("job_ids", m.job_ids); }

void fields(Archive& ar, JobStateResponseJob& m) {
  ar("job_id", m.job_id);
  ar("array_job_id", m.array_job_id);
  bool array = m.array_job_id.v != 0, layout = ar.kind() == codec::Kind::layout;
  if (array || layout) {
    ar("array_task_id", m.array_task_id);
    ar("array_task_id_bitmap", m.array_task_id_bitmap);
  }
  if (!array || layout) ar("het_job_id", m.het_job_id);
  ar("state", m.state);
}

void fields(Archive& ar, JobStateResponse& m) { ar("jobs", m.jobs); }

}  // namespace flurm::wire
