// ctld/translate/usage.hpp — what steps used, from and to messages.
#pragma once
#include <optional>

#include "model/step_usage.hpp"
#include "wire/msg/jobacct.hpp"

namespace flurm::ctld {

std::optional<model::StepUsage> step_usage(const std::optional<wire::JobAcctInfo>& info);
wire::JobAcctInfo accounting_info(const model::StepUsage& usage);

}  // namespace flurm::ctld
