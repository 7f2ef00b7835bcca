// ctld/translate/cred.hpp — the credentials by which nodes know what they may do for whom, without their signatures.
#pragma once
#include "model/step.hpp"
#include "state/cluster_state.hpp"
#include "wire/cred.hpp"

namespace flurm::ctld {

/// The user as the node needs it; looked up by the caller.
struct UserRecord {
  std::string name, gecos, home, shell;
  std::vector<std::uint32_t> gids;
};

/// For the job's first node and its batch script. `now` is what the nodes go by in telling old ones from new ones.
/// Source: slurm 22.05 src/slurmctld/job_scheduler.c make_batch_job_cred().
wire::Cred batch_cred(const state::ClusterState& state, const model::Job& job, const UserRecord& user, TimeS now);
/// For all of the job's nodes, and what is started there from outside. Source: slurm 22.05
/// src/slurmctld/node_scheduler.c launch_prolog().
wire::Cred extern_cred(const state::ClusterState& state, const model::Job& job, const UserRecord& user, TimeS now);
/// For the nodes of a step. Source: slurm 22.05 src/slurmctld/proc_req.c _make_step_cred().
wire::Cred step_cred(const state::ClusterState& state, const model::Job& job, const model::Step& step,
                     const UserRecord& user, TimeS now);
/// For copying a file to `nodes`. Source: slurm 22.05 src/slurmctld/proc_req.c _slurm_rpc_job_sbcast_cred().
wire::SbcastCred sbcast_cred(const model::Job& job, std::uint32_t step, const std::string& nodes,
                             const UserRecord& user, TimeS now);

/// Neighbours that are equal, as one value and how often it stands there.
template <class T>
void run_length(const std::vector<T>& values, std::vector<T>& out, std::vector<std::uint32_t>& counts) {
  for (const T& value : values) {
    if (out.empty() || out.back() != value) {
      out.push_back(value);
      counts.push_back(0);
    }
    ++counts.back();
  }
}

}  // namespace flurm::ctld
