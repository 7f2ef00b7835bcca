// ctld/translate/gres.hpp — generic resources of jobs and steps as nodes are told of them.
#pragma once
#include <vector>

#include "model/job.hpp"
#include "model/partition.hpp"
#include "model/step.hpp"
#include "wire/msg/gres.hpp"

namespace flurm::ctld {

/// What a job holds, a record for each kind and type, by the job's nodes.
std::vector<wire::GresJobState> job_gres(const model::Job& job, const model::Settings& settings);
/// What a step holds of it, by the job's nodes.
std::vector<wire::GresStepState> step_gres(const model::Job& job, const model::Step& step,
                                           const model::Settings& settings);
/// What prolog and epilog are told of: gpus and parts of them.
std::vector<wire::GresPrep> gres_for_scripts(const model::Job& job);

}  // namespace flurm::ctld
