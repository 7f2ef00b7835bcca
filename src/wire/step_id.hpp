// wire/step_id.hpp — which step (or job, or array task) a message is about.
#pragma once
#include "codec/archive.hpp"
#include "wire/bits.hpp"

namespace flurm::wire {

/// NO_VAL in step_id: the job; in job_id: any. From 25.11 on, messages that had a plain job id carry one of these;
/// our structures hold a StepId at every version.
struct StepId {
  std::uint64_t sluid = 0;
  JobId job_id{kNoVal32};
  std::uint32_t step_id = kNoVal32;
  std::uint32_t step_het_comp = kNoVal32;
  bool operator==(const StepId&) const = default;
};
void fields(codec::Archive& ar, StepId& m);

/// `step_id`'s place in a message that had only the job's id before 25.11.
void job_or_step_id(codec::Archive& ar, StepId& step_id);

struct SelectedStep {
  StepId step_id;
  std::uint32_t array_task_id = kNoVal32;
  std::uint32_t het_job_offset = kNoVal32;
  Bits array_bitmap;
  bool operator==(const SelectedStep&) const = default;
};
void fields(codec::Archive& ar, SelectedStep& m);

}  // namespace flurm::wire
