// wire/msg/cpu_groups.hpp — CPUs per node, run-length coded: a number of groups, then arrays when it is not 0.
#pragma once
#include <cstdint>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

/// u32 num_cpu_groups, then cpus_per_node and cpu_count_reps with as many items each.
void cpu_groups(codec::Archive& ar, std::vector<std::uint16_t>& cpus_per_node,
                std::vector<std::uint32_t>& cpu_count_reps);

}  // namespace flurm::wire
