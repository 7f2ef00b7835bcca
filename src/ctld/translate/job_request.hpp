// ctld/translate/job_request.hpp — between what a client asks for on the wire and what the state keeps.
#pragma once
#include "base/result.hpp"
#include "model/job.hpp"
#include "model/partition.hpp"
#include "wire/msg/job_desc.hpp"

namespace flurm::ctld {

/// The request with Slurm's defaults filled in, as far as they need no other job. `partition`: the first one asked for,
/// or null. Errors are those that sbatch shows for a request that no controller would take.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c _validate_job_desc(), _copy_job_desc_to_job_record().
Result<model::JobRequest> job_request(const wire::JobDesc& desc, const model::Settings& settings,
                                      const model::Partition* partition);

/// Moves script, arguments and environment out of `desc`.
model::JobPayload job_payload(wire::JobDesc& desc);

}  // namespace flurm::ctld
