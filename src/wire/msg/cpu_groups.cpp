// wire/msg/cpu_groups.cpp — see the header.
#include "wire/msg/cpu_groups.hpp"

namespace flurm::wire {

void cpu_groups(codec::Archive& ar, std::vector<std::uint16_t>& cpus_per_node,
                std::vector<std::uint32_t>& cpu_count_reps) {
  auto groups = static_cast<std::uint32_t>(cpus_per_node.size());
  ar("num_cpu_groups", codec::count(groups));
  if (groups == 0 && ar.kind() != codec::Kind::layout) return;
  ar("cpus_per_node", codec::sized(cpus_per_node, groups));
  ar("cpu_count_reps", codec::sized(cpu_count_reps, groups));
}

}  // namespace flurm::wire
