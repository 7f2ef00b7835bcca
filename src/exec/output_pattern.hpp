// exec/output_pattern.hpp — the file names of a batch job's standard streams: sbatch's % patterns.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/types.hpp"

namespace flurm::exec {

/// What the patterns stand for. `array_task_id` is kNoVal32 for a job that is no array task.
struct OutputNames {
  std::uint32_t job_id = 0, step_id = kBatchStep, array_job_id = 0, array_task_id = kNoVal32;
  std::uint32_t node_index = 0, task_id = 0;
  std::string_view host, user, job_name, work_dir;
};

/// The absolute path that `pattern` names: %A %a %b %j %J %N %n %s %t %u %x and %%, numbers padded with zeros to
/// the width given between % and the letter (at most 10). An unknown letter stays as it is, with its %. A pattern
/// with a backslash is taken literally, without the backslashes. A relative one starts at the working directory;
/// one that is only a number names the single task that gets the stream, /dev/null for the others.
/// (sbatch(1) "filename pattern"; slurm 22.05 slurmd/common/fname.c.)
std::string expand_output_pattern(std::string_view pattern, const OutputNames& names);

/// The path for stdout or stderr: "slurm-%j.out", for an array task "slurm-%A_%a.out", where `pattern` is empty.
std::string batch_output_path(std::string_view pattern, const OutputNames& names);

}  // namespace flurm::exec
