// ctld/job_defaults.hpp — DefCpuPerGPU and DefMemPerGPU, of a partition and of the cluster.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/config.hpp"
#include "model/partition.hpp"

namespace flurm::ctld {

/// 0: not set.
struct JobDefaults {
  std::uint64_t cpus_per_gpu = 0, mib_per_gpu = 0;
  bool operator==(const JobDefaults&) const = default;
};

/// "DefCpuPerGPU=4,DefMemPerGPU=100", in any case. Errors: invalid_job_defaults (another word, or no number).
Result<JobDefaults> parse_job_defaults(std::string_view text);
std::string to_text(const JobDefaults& defaults);

/// Fills in CPUs and memory for each gpu of a request that names gpus and not those. `cpus_given`, `memory_given`: the
/// request says how many CPUs a task has, or how much memory. Source: slurm 22.05 select/cons_common job_test.c
/// _set_gpu_defaults().
void apply_gpu_defaults(model::JobRequest& request, const model::Partition& partition, const conf::Config& config,
                        bool cpus_given, bool memory_given);

}  // namespace flurm::ctld
