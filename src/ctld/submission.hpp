// ctld/submission.hpp — from a client's description of a job to the command that submits it, for sbatch, salloc and
// srun.
#pragma once
#include <string>

#include "ctld/controller.hpp"
#include "state/command.hpp"
#include "wire/msg/job_desc.hpp"

namespace flurm::ctld {

enum class Submission {
  batch,
  interactive,  ///< an allocation that a client holds
  will_run,     ///< it is only asked when the job would start
};

/// Whose request it is, by its credential.
struct Sender {
  std::uint32_t uid = 0, gid = 0;
  std::string peer;
};

/// Errors: what Slurm refuses, with its codes.
io::Task<Result<state::SubmitJob>> check_submission(Controller& c, Sender from, wire::JobDesc desc, Submission kind);

/// --dependency=expand needs SchedulerParameters=permit_job_expansion, and controllers that all know of it. Errors:
/// not_supported.
Result<void> permits_expansion(const Controller& c, const state::ClusterState& state,
                               const std::vector<model::Dependency>& dependencies);

/// The answer to a submission that is refused, in the words that Slurm has for it, if any.
Answer refusal(const Call& call, const Error& error);

}  // namespace flurm::ctld
