// exec/rlimits.hpp — resource limits that travel from the submitting shell to the task.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "exec/environment.hpp"

namespace flurm::exec {

/// Bit of each limit in a propagation mask, by the names of PropagateResourceLimits: AS, CORE, CPU, DATA, FSIZE,
/// MEMLOCK, NOFILE, NPROC, RSS, STACK. 0 for a name that is none of them.
std::uint32_t rlimit_bit(std::string_view name);
inline constexpr std::uint32_t kAllRlimits = 0xffffffff;

/// Takes the SLURM_RLIMIT_* variables out of `env` and sets those soft limits that the mask names, or that the user
/// asked for (the value then starts with U; `complain` gets a line for each that cannot be set). Call in the task's
/// process as its last act before exec: a low limit hits what comes after. (slurm 22.05 slurmstepd/ulimits.c)
void apply_rlimits(Environment& env, std::uint32_t propagate_mask, std::uint64_t memory_mib,
                   const std::function<void(std::string)>& complain);

}  // namespace flurm::exec
