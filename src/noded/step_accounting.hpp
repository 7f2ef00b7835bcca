// noded/step_accounting.hpp — what a step used, as Slurm's messages carry it.
#pragma once
#include "exec/step_messages.hpp"
#include "wire/msg/jobacct.hpp"

namespace flurm::noded {

/// Of one that runs: as last sampled. Extremes name the task; where the tasks' own shares are not known, the first one.
wire::JobAcctInfo step_accounting(const exec::StepState& state);
/// The TRES that the numbers are about, for readers who do not know the cluster's (sstat).
std::vector<wire::TresRec> accounted_tres();

}  // namespace flurm::noded
