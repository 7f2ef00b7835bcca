// noded/strays.hpp — what a supervisor that was killed leaves behind.
#pragma once
#include <cstdint>
#include <string>

#include "exec/step_messages.hpp"

namespace flurm::noded {

struct NodeFacts;

/// Kills the processes of `uid` whose environment names the job on this node of this cluster: without its supervisor
/// nothing else tells them from others, and another cluster on the same machine has a job of that number, too. Returns
/// how many.
int kill_strays(const NodeFacts& node, std::uint32_t job_id, std::uint32_t uid);

/// Does the same to all processes in the control group that such a step may have, and gives the group back. False while
/// some have not ended yet; to be called again.
bool clear_cgroup_of(const NodeFacts& node, const std::string& cgroup_root, const exec::StepKey& step);

/// Removes script, socket and state file of a step, and the job's directory when that leaves it empty.
void remove_step_files(const std::string& directory, std::uint32_t step_id);

}  // namespace flurm::noded
