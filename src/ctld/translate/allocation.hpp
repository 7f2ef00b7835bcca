// ctld/translate/allocation.hpp — what salloc and srun are told of the job they hold.
#pragma once
#include "state/cluster_state.hpp"
#include "wire/msg/allocation.hpp"

namespace flurm::ctld {

/// CPUs of each node that the job's tasks can use: where it asked for fewer threads a core than there are, the others
/// are its own, and idle.
std::vector<std::uint16_t> usable_cpus(const model::Job& job);

/// RESPONSE_RESOURCE_ALLOCATION; a job without nodes waits, for the reason that `code` tells.
/// Source: slurm 22.05 src/slurmctld/proc_req.c build_alloc_msg(), job_mgr.c build_job_info_resp().
wire::ResourceAllocationResponse allocation_response(const model::Job& job, Errc code = Errc::success);

/// The same of each component of a heterogeneous job, by offset; of any other job, its own.
wire::HetJobAllocation component_allocations(const state::ClusterState& state, const model::Job& job);

/// Why a job could not start when it was submitted, as far as its client is told.
Errc waiting_code(const model::Job& job);

}  // namespace flurm::ctld
