// ctld/translate/allocation.cpp — see allocation.hpp.
#include "ctld/translate/allocation.hpp"

#include <algorithm>
#include <bit>

#include "ctld/translate/cred.hpp"

namespace flurm::ctld {

std::vector<std::uint16_t> usable_cpus(const model::Job& job) {
  const std::uint16_t threads = job.request->threads_per_core;
  std::vector<std::uint16_t> usable;
  for (const model::NodeShare& share : job.allocation->shares) {
    int cores = 0;
    for (const std::uint64_t word : share.cores) cores += std::popcount(word);
    const bool fewer = threads != 0 && threads != kNoVal16 && cores != 0;
    usable.push_back(fewer ? static_cast<std::uint16_t>(std::min<int>(share.cpus, cores * threads)) : share.cpus);
  }
  return usable;
}

wire::ResourceAllocationResponse allocation_response(const model::Job& job, Errc code) {
  const model::JobRequest& r = *job.request;
  wire::ResourceAllocationResponse m;
  m.error_code = static_cast<std::uint32_t>(code);
  m.step_id.job_id = job.id;
  m.account = r.account;
  m.qos = r.qos;
  m.resv_name = job.reservation;
  m.partition = job.partition;
  m.batch_host = job.batch_host;
  m.uid = r.user_id;
  m.gid = r.group_id;
  m.user_name = r.user_name;
  m.ntasks_per_board = r.ntasks_per_board;
  m.ntasks_per_core = r.ntasks_per_core == kNoVal16 ? kInfinite16 : r.ntasks_per_core;
  m.ntasks_per_socket = r.ntasks_per_socket == kNoVal16 ? kInfinite16 : r.ntasks_per_socket;
  m.ntasks_per_tres = r.ntasks_per_tres;
  m.segment_size = r.segment_size;
  m.tres_per_node = r.tres_per_node;
  m.tres_per_task = r.tres_per_task;
  m.start_protocol_ver = r.client_version;
  if (r.bitflags & model::job_bit::memory_set) m.pn_min_memory = r.pn_min_memory;
  if (!job.allocation || job.state.pending()) return m;
  m.node_cnt = static_cast<std::uint32_t>(job.allocation->shares.size());
  m.node_list = job.allocation->nodes;
  run_length(usable_cpus(job), m.cpus_per_node, m.cpu_count_reps);
  return m;
}

wire::HetJobAllocation component_allocations(const state::ClusterState& state, const model::Job& job) {
  wire::HetJobAllocation out;
  if (!job.het) {
    out.components.push_back(allocation_response(job));
    return out;
  }
  for (JobId id : job.het->components)
    if (const model::Job* component = state.job(id)) out.components.push_back(allocation_response(*component));
  return out;
}

Errc waiting_code(const model::Job& job) {
  using model::JobReason;
  switch (job.reason) {
    case JobReason::held_user:
    case JobReason::held_admin:
      return Errc::job_held;
    case JobReason::node_not_avail:
      return Errc::node_not_avail;
    case JobReason::part_down:
    case JobReason::part_inactive:
      return Errc::partition_down;
    case JobReason::part_node_limit:
    case JobReason::part_time_limit:
    case JobReason::part_config:
      return Errc::requested_part_config_unavailable;
    default:
      return Errc::success;
  }
}

}  // namespace flurm::ctld
