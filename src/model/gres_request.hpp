// model/gres_request.hpp — what a job asks of generic resources, read from the words of its request.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace flurm::model {

struct JobRequest;
struct Settings;

/// What is wanted of one kind, or one type of it. 0: not asked for.
struct GresWish {
  std::string name, type;  // type empty: any
  std::uint64_t per_job = 0, per_node = 0, per_socket = 0, per_task = 0;
  std::uint32_t cpus_each = 0;        // CPUs for each (--cpus-per-gpu)
  std::uint64_t memory_each_mib = 0;  // (--mem-per-gpu)
  std::uint16_t tasks_each = 0;       // (--ntasks-per-gpu)
  bool operator==(const GresWish&) const = default;
};

/// The same words of a job's or a step's request.
struct GresWords {
  std::string_view per_job, per_node, per_socket, per_task, cpus_each, memory_each;
  std::uint16_t tasks_each = 0;
};

/// Wishes by kind and type. What is asked for each device of a kind without saying the type holds for all its types.
/// `kinds`: GresTypes. Errors: invalid_gres (out of form or no such kind), invalid_gres_type (counts both with and
/// without a type).
Result<std::vector<GresWish>> gres_wishes(const GresWords& words, std::string_view kinds);
/// A job's. Errors: as above.
Result<std::vector<GresWish>> gres_wishes(const JobRequest& request, std::string_view kinds);

/// Checks that the counts of a request fit together, and fills in what follows from them: numbers of tasks, nodes and
/// CPUs. Errors: invalid_gres, invalid_gres_type, unsupported_gres (not with select/linear).
/// Source: slurm 22.05 src/common/gres.c gres_job_state_validate(), _test_gres_cnt().
Result<void> settle_gres(JobRequest& request, const Settings& settings);

}  // namespace flurm::model
