// ctld/translate/info.hpp — jobs, nodes and partitions as clients see them.
#pragma once
#include "model/priority.hpp"
#include "state/cluster_state.hpp"
#include "wire/msg/job_info.hpp"
#include "wire/msg/node_info.hpp"
#include "wire/msg/partition_info.hpp"
#include "wire/msg/step_info.hpp"

namespace flurm::ctld {

/// `detail`: with the cores and memory on each node (scontrol -d). Source: slurm 22.05 job_mgr.c pack_job().
/// scale: of priority/multifactor, if that is in force.
wire::JobInfo job_info(const state::ClusterState& state, const model::Job& job, bool detail,
                       const model::PriorityScale* scale = nullptr);
/// Of the partitions that a job may run in, the one whose priority it shows: of the highest tier. Null: they are gone.
const model::Partition* leading_partition(const state::ClusterState& state, const model::Job& job);
wire::NodeInfo node_info(const state::ClusterState& state, const model::Node& node);
wire::PartitionInfo partition_info(const state::ClusterState& state, const model::Partition& partition);

/// The step of the batch script, for a job that has nodes. Source: slurm 22.05 step_mgr.c build_batch_step().
wire::JobStepInfo batch_step_info(const state::ClusterState& state, const model::Job& job, TimeS now);
/// The one for what is started from outside (PrologFlags=Contain). Source: build_extern_step() there.
wire::JobStepInfo extern_step_info(const state::ClusterState& state, const model::Job& job, TimeS now);

/// The nodes as a bit string over all node numbers.
wire::Bits node_bits(const state::ClusterState& state, const std::vector<model::NodeId>& nodes);
/// The same for a hostlist; names that are no nodes are left out.
wire::Bits node_bits(const state::ClusterState& state, const std::string& hostlist);

/// What job_info shows with `detail`, and what the credential carries.
wire::JobResources job_resources(const state::ClusterState& state, const model::Job& job);

}  // namespace flurm::ctld
