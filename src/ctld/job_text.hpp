// ctld/job_text.hpp — jobs as users name them: "12", "12_3", "12_[1-3,5]", "12_*", "12+1", lists
// of these.
#pragma once
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "state/cluster_state.hpp"
#include "state/command.hpp"

namespace flurm::ctld {

/// What the text means in this state. An array's id stands for its tasks that are not over yet, or for all of them when
/// all are. Errors: invalid_job_id, not_het_job.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c job_str_signal(), update_job_str().
Result<std::vector<state::Target>> job_targets(const state::ClusterState& state, std::string_view text);

/// A record that the target is about: all records of an array have the same owner. Null: none is known any more.
const model::Job* record_of(const state::ClusterState& state, const state::Target& target);

}  // namespace flurm::ctld
