// noded/step_accounting.hpp — what a step used, as Slurm's messages carry it.
#pragma once
#include <optional>

#include "exec/step_messages.hpp"
#include "wire/msg/jobacct.hpp"

namespace flurm::noded {

/// Of one that runs: as last sampled. Extremes name the task; where the tasks' own shares are not known, the first one.
wire::JobAcctInfo step_accounting(const exec::StepState& state);
/// Adds what other nodes of the step used. False, and nothing added: the two count different things.
bool add_accounting(std::optional<wire::JobAcctInfo>& sum, const std::optional<wire::JobAcctInfo>& more);
/// The TRES that the numbers are about, for readers who do not know the cluster's (sstat).
std::vector<wire::TresRec> accounted_tres();

}  // namespace flurm::noded
