// ctld/translate/step.hpp — steps between srun's words and the state's.
#pragma once
#include "conf/config.hpp"
#include "state/cluster_state.hpp"
#include "wire/msg/step_create.hpp"
#include "wire/msg/step_info.hpp"

namespace flurm::ctld {

/// Names of steps: Slurm's number and component, and the state's slot.
std::uint32_t slot_of(const wire::StepId& id);
wire::StepId step_id(JobId job, std::uint32_t slot);
/// The step that a client names; of one of several components any of them, when it names none. Null: there is none.
const model::Step* named_step(const state::ClusterState& state, JobId job, const wire::StepId& id);

/// What a REQUEST_JOB_STEP_CREATE asks for; what it leaves out comes from the job.
model::StepRequest step_request(const wire::JobStepCreateRequest& request, const model::Job& job);

/// The nodes of a placement, in the order of their ranks.
std::string step_nodes(const state::ClusterState& state, const model::StepPlacement& placement);
/// The oldest protocol among the nodes, and `version`.
std::uint16_t oldest_version(const state::ClusterState& state, const model::StepPlacement& placement,
                             std::uint16_t version);

wire::StepLayout step_layout(const model::Step& step);
/// Of all components of the step together, where it has several.
wire::StepLayout whole_layout(const state::ClusterState& state, const model::Step& step);
/// The layout of the step that the batch script is.
wire::StepLayout batch_layout(const model::Job& job);

/// RESPONSE_JOB_STEP_CREATE without its credential.
wire::JobStepCreateResponse step_created(const state::ClusterState& state, const conf::Config& config,
                                         const model::Job& job, const model::Step& step);

/// As squeue -s and scontrol show it. Source: slurm 22.05 src/slurmctld/step_mgr.c _pack_ctld_job_step_info().
wire::JobStepInfo step_info(const state::ClusterState& state, const model::Job& job, const model::Step& step,
                            TimeS now);

}  // namespace flurm::ctld
