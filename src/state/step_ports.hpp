// state/step_ports.hpp — ports that a step has for itself on all of its nodes (MpiParams=ports=, srun --resv-ports).
// Source: slurm 22.05 src/slurmctld/port_mgr.c.
#pragma once
#include <cstdint>
#include <string>

#include "state/cluster_state.hpp"

namespace flurm::state {

struct StepPorts {
  std::string text;            ///< "12001-12003,12007"; empty: the step wants none
  std::uint16_t last_given{};  ///< for ClusterState::last_step_port
};

/// Those for a step so placed. They are taken in turn, so that what a step has left behind has time to go away.
/// Errors: ports_invalid (more than there are), ports_busy.
Result<StepPorts> find_step_ports(const ClusterState& state, const model::StepRequest& request,
                                  const model::StepPlacement& placement);

}  // namespace flurm::state
