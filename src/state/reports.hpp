// state/reports.hpp — when there is something to report. Internal to the room, as edit.hpp.
#pragma once
#include "state/cluster_state.hpp"

namespace flurm::state {

/// The accounting daemon is told of what happens.
bool reporting(const ClusterState& state);
/// From now on it is; of what there is already, or that there is nothing.
void begin_reporting(ClusterState& state);
/// Before a new version of the job is stored: what only accounting wants to know of it.
void note_for_report(const ClusterState& state, const model::Job* before, model::Job& now);
/// After that: reports what the change means.
void report_job(ClusterState& state, const model::Job* before, const std::shared_ptr<const model::Job>& now);
void report_step(ClusterState& state, Report::Kind kind, const std::shared_ptr<const model::Step>& step);
/// The batch step of the job is over, if it was reported as begun.
void report_batch_end(ClusterState& state, JobId job, std::uint32_t wait_status,
                      std::shared_ptr<const model::StepUsage> usage);
/// The job's nodes have cleaned up: nothing more is heard of its batch step and its extern step.
void report_leftover_steps(ClusterState& state, JobId job);
void report_node(ClusterState& state, const model::Node& before, const std::shared_ptr<const model::Node>& now);
void report_reservation(ClusterState& state, Report::Kind kind,
                        const std::shared_ptr<const model::Reservation>& reservation, TimeS start_before = {});

}  // namespace flurm::state
