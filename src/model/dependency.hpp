// model/dependency.hpp — the text of --dependency, to and from Dependency values.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/job.hpp"

namespace flurm::model {

/// Reads "afterok:1:2_3,after:4+5?singleton". "" and "0" are no dependencies. Whether a job is an array (then all of
/// its tasks are meant) only the state knows. Errors: dependency, for text that sbatch --dependency does not allow.
/// Source: slurm 22.05 src/slurmctld/job_scheduler.c update_job_dependency().
Result<std::vector<Dependency>> parse_dependencies(std::string_view text);

/// What `scontrol show job` prints: the ones not fulfilled, each with its state in brackets.
std::string dependencies_text(const std::vector<Dependency>& dependencies);

}  // namespace flurm::model
