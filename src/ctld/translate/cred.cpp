// ctld/translate/cred.cpp — see cred.hpp.
#include "ctld/translate/cred.hpp"

#include <algorithm>

#include "ctld/translate/gres.hpp"
#include "ctld/translate/info.hpp"
#include "ctld/translate/step.hpp"

namespace flurm::ctld {
namespace {

using model::Job;

wire::Identity identity(const model::JobRequest& r, const UserRecord& user) {
  wire::Identity id;
  id.uid = r.user_id;
  id.gid = r.group_id;
  id.pw_name = user.name;
  id.pw_gecos = user.gecos;
  id.pw_dir = user.home;
  id.pw_shell = user.shell;
  id.gids = user.gids;
  return id;
}

/// What is said of the job in every credential.
wire::Cred job_cred(const state::ClusterState& state, const Job& job, const UserRecord& user, TimeS now) {
  const model::JobRequest& r = *job.request;
  const wire::JobResources resources = job_resources(state, job);
  wire::Cred cred;
  cred.step_id.job_id = job.id;
  cred.id = identity(r, user);
  cred.job_gres_list = job_gres(job, state.settings);
  cred.job_core_spec = r.core_spec;
  cred.job_x11 = r.x11;
  cred.job_account = r.account;
  cred.job_comment = r.comment;
  cred.job_constraints = r.features;
  cred.job_extra = r.extra;
  cred.job_partition = job.partition;
  cred.job_qos = r.qos;
  cred.job_reservation = job.shown_reservation();
  cred.job_licenses = r.licenses;
  cred.job_restart_cnt = static_cast<std::uint16_t>(job.restart_count);
  cred.job_start_time = job.start_time;
  cred.job_end_time = job.end_time;
  cred.job_std_err = r.std_err;
  cred.job_std_in = r.std_in;
  cred.job_std_out = r.std_out;
  cred.job_hostlist = job.allocation->nodes;
  cred.job_nhosts = static_cast<std::uint32_t>(job.allocation->shares.size());
  cred.job_ntasks = r.num_tasks == kNoVal32 ? 1 : r.num_tasks;
  cred.ctime = now;
  cred.job_core_bitmap = resources.core_bitmap;
  cred.tot_core_cnt = resources.core_bitmap.size();
  cred.cores_per_socket = resources.cores_per_socket;
  cred.sockets_per_node = resources.sockets_per_node;
  cred.sock_core_rep_count = resources.sock_core_rep_count;
  cred.cpu_array = resources.cpu_array_value;
  cred.cpu_array_reps = resources.cpu_array_reps;
  run_length(resources.memory_allocated, cred.job_mem_alloc, cred.job_mem_alloc_rep_count);
  return cred;
}

/// The step's cores among all of the job's nodes.
wire::Bits step_cores(const state::ClusterState& state, const Job& job, const model::Step& step,
                      const wire::Bits& of_job) {
  wire::Bits out(of_job.size());
  std::uint32_t first = 0;
  for (const model::NodeShare& share : job.allocation->shares) {
    const model::NodeConfig& node = state.node(share.node)->config;
    const std::uint32_t cores = std::uint32_t{node.sockets} * node.cores;
    const auto mine = std::ranges::find(step.placement->shares, share.node, &model::StepShare::node);
    if (mine != step.placement->shares.end())
      for (std::uint32_t core = 0; core < cores; ++core) {
        const bool told_apart = !mine->cores.empty();
        if (told_apart ? core / 64 < mine->cores.size() && mine->cores[core / 64] >> (core % 64) & 1
                       : of_job.test(first + core))
          out.set(first + core);
      }
    first += cores;
  }
  return out;
}

}  // namespace

wire::Cred batch_cred(const state::ClusterState& state, const Job& job, const UserRecord& user, TimeS now) {
  wire::Cred cred = job_cred(state, job, user, now);
  cred.step_id.step_id = kBatchStep;
  cred.step_hostlist = job.batch_host;
  cred.step_core_bitmap = cred.job_core_bitmap;
  return cred;
}

wire::Cred extern_cred(const state::ClusterState& state, const Job& job, const UserRecord& user, TimeS now) {
  wire::Cred cred = job_cred(state, job, user, now);
  cred.step_id.step_id = kExternStep;
  cred.step_hostlist = cred.job_hostlist;
  cred.step_core_bitmap = cred.job_core_bitmap;
  return cred;
}

wire::Cred step_cred(const state::ClusterState& state, const Job& job, const model::Step& step, const UserRecord& user,
                     TimeS now) {
  wire::Cred cred = job_cred(state, job, user, now);
  cred.step_id = step_id(job.id, step.slot);
  cred.step_hostlist = step.nodes;
  cred.step_core_bitmap = step_cores(state, job, step, cred.job_core_bitmap);
  cred.step_gres_list = step_gres(job, step, state.settings);
  if (step.reserved()) return cred;  // salloc's shell has the job's memory
  std::vector<std::uint64_t> memory;
  for (const model::StepShare& share : step.placement->shares) memory.push_back(share.memory_mib);
  run_length(memory, cred.step_mem_alloc, cred.step_mem_alloc_rep_count);
  return cred;
}

wire::SbcastCred sbcast_cred(const Job& job, std::uint32_t step, const std::string& nodes, const UserRecord& user,
                             TimeS now) {
  wire::SbcastCred cred;
  cred.step_id.job_id = job.id;
  cred.step_id.step_id = step;
  cred.id = identity(*job.request, user);
  cred.ctime = now;
  cred.expiration = job.end_time;
  cred.nodes = nodes;
  return cred;
}

}  // namespace flurm::ctld
