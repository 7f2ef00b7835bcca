// model/step_usage.hpp — what a step used, as its nodes tell when it ends.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/types.hpp"

namespace flurm::codec {
class Archive;
}

namespace flurm::model {

/// Of one trackable resource: sums over the tasks, and extremes with where they were found: node within the step, and
/// task. kInfinite64: not measured.
struct TresUsage {
  struct Way {
    std::uint64_t max = kInfinite64, max_node = kInfinite64, max_task = kInfinite64;
    std::uint64_t min = kInfinite64, min_node = kInfinite64, min_task = kInfinite64;
    std::uint64_t total = kInfinite64;
    bool operator==(const Way&) const = default;
  };
  std::uint32_t id = 0;
  Way in, out;
  bool operator==(const TresUsage&) const = default;
};

struct StepUsage {
  std::uint64_t user_us = 0, system_us = 0;
  std::uint32_t cpu_khz = 0;
  std::uint64_t energy_j = 0;  // kNoVal64: not measured
  std::vector<TresUsage> tres;
  bool operator==(const StepUsage&) const = default;
};

/// Adds what other nodes of the step used.
void add_usage(StepUsage& sum, const StepUsage& more);

void fields(codec::Archive& ar, TresUsage& usage);
void fields(codec::Archive& ar, StepUsage& usage);
/// One that may be null, of whatever has it since format 5.
void usage_field(codec::Archive& ar, std::shared_ptr<const StepUsage>& usage);

}  // namespace flurm::model
