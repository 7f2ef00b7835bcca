// wire/step_id.cpp — step ids over the versions.
#include "wire/step_id.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::since, codec::until;

void fields(codec::Archive& ar, StepId& m) {
  ar("sluid", m.sluid, since(v24_11));
  ar("job_id", m.job_id);
  ar("step_id", m.step_id);
  ar("step_het_comp", m.step_het_comp);
}

void job_or_step_id(codec::Archive& ar, StepId& step_id) {
  ar("job_id", step_id.job_id, until(v25_11));
  ar("step_id", step_id, since(v25_11));
}

void fields(codec::Archive& ar, SelectedStep& m) {
  ar("step_id", m.step_id);
  ar("array_task_id", m.array_task_id);
  ar("het_job_offset", m.het_job_offset);
  ar("array_bitmap", m.array_bitmap, since(v24_11));
}

}  // namespace flurm::wire
