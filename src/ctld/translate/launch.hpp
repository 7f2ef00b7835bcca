// ctld/translate/launch.hpp — what the controller sends to nodes about a job.
#pragma once
#include "ctld/translate/cred.hpp"
#include "state/cluster_state.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/kill_job.hpp"
#include "wire/msg/prolog_launch.hpp"

namespace flurm::ctld {

/// REQUEST_BATCH_JOB_LAUNCH without its signature: cred.signed_bytes is set for `version`, cred.signature is not.
/// Source: slurm 22.05 src/slurmctld/job_scheduler.c build_launch_job_msg().
wire::BatchJobLaunch batch_launch(const state::ClusterState& state, const model::Job& job, const UserRecord& user,
                                  TimeS now, std::uint16_t version);

/// REQUEST_LAUNCH_PROLOG, likewise. Source: slurm 22.05 src/slurmctld/node_scheduler.c launch_prolog().
wire::PrologLaunch prolog_launch(const state::ClusterState& state, const model::Job& job, const UserRecord& user,
                                 TimeS now, std::uint16_t version);

/// The run of the job that is over, or being ended, lost one of its nodes.
bool lost_a_node(const model::Job& job);

/// REQUEST_TERMINATE_JOB and kin.
wire::KillJob kill_job_message(const model::Job& job, TimeS now);

}  // namespace flurm::ctld
