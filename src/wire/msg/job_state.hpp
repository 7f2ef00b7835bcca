// wire/msg/job_state.hpp — the states of many jobs, cheaply: REQUEST_JOB_STATE and its answer (23.11+).
#pragma once
#include <cstdint>
#include <vector>

#include "codec/archive.hpp"
#include "wire/bits.hpp"

namespace flurm::wire {

struct JobStateRequestId {
  JobId job_id;
  std::uint32_t array_task_id = kNoVal32, het_job_offset = kNoVal32;
  bool operator==(const JobStateRequestId&) const = default;
};
void fields(codec::Archive& ar, JobStateRequestId& m);

struct JobStateRequest {
  std::vector<JobStateRequestId> job_ids;
  bool operator==(const JobStateRequest&) const = default;
};
void fields(codec::Archive& ar, JobStateRequest& m);

struct JobStateResponseJob {
  JobId job_id, array_job_id;
  std::uint32_t array_task_id = kNoVal32;
  Bits array_task_id_bitmap;
  JobId het_job_id;
  std::uint32_t state = 0;
  bool operator==(const JobStateResponseJob&) const = default;
};
void fields(codec::Archive& ar, JobStateResponseJob& m);

struct JobStateResponse {
  std::vector<JobStateResponseJob> jobs;
  bool operator==(const JobStateResponse&) const = default;
};
void fields(codec::Archive& ar, JobStateResponse& m);

}  // namespace flurm::wire
