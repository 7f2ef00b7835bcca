// exec/job_space.hpp — directories that a job has for itself on a node: a mount namespace in which /tmp and others are
// the job's own. (slurm 22.05 plugins/job_container/tmpfs; job_container.conf(5))
//
// <base>/<job>/.ns holds the namespace as long as it is mounted there, whoever lives in it; <base>/<job>/.<job> is what
// its directories show. The job's first step makes it, the node daemon removes it when the job is over.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "exec/fd.hpp"
#include "exec/step_messages.hpp"

namespace flurm::exec {

/// The job's namespace, made if it is not there; one of several steps that come at once makes it. `owner` gets the
/// directories. Blocks as long as the init script, ten seconds at most. Needs root.
/// Errors: node_setup_environment.
Result<Fd> open_job_space(const StepSpace& space, std::uint32_t job_id, const Identity& owner);

/// Nobody of the job is left: gives the namespace up and removes what is in its directories. Nothing there is no error.
/// Blocks; for a worker thread. Errors: io.
Result<void> remove_job_space(const std::string& base, std::uint32_t job_id);

bool has_job_space(const std::string& base, std::uint32_t job_id);
/// Jobs that have one.
std::vector<std::uint32_t> job_spaces(const std::string& base);

}  // namespace flurm::exec
