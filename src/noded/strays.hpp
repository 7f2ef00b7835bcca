// noded/strays.hpp — what a supervisor that was killed leaves behind.
#pragma once
#include <cstdint>
#include <string>

namespace flurm::noded {

struct NodeFacts;

/// Kills the processes of `uid` whose environment names the job on this node of this cluster: without its supervisor
/// nothing else tells them from others, and another cluster on the same machine has a job of that number, too. Returns
/// how many.
int kill_strays(const NodeFacts& node, std::uint32_t job_id, std::uint32_t uid);

/// Removes script, socket and state file of a step, and the job's directory when that leaves it empty.
void remove_step_files(const std::string& directory, std::uint32_t step_id);

}  // namespace flurm::noded
