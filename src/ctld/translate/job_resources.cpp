// ctld/translate/job_resources.cpp — a job's nodes, CPUs, cores and memory in the run-length form of the wire.
#include "ctld/translate/info.hpp"

namespace flurm::ctld {

wire::JobResources job_resources(const state::ClusterState& state, const model::Job& job) {
  const model::Allocation& allocation = *job.allocation;
  wire::JobResources out;
  out.nhosts = static_cast<std::uint32_t>(allocation.shares.size());
  out.ncpus = allocation.total_cpus();
  out.node_req = 0;
  out.nodes = allocation.nodes;
  out.whole_node = allocation.whole_node;
  out.cr_type = state.settings.cr_type;
  out.threads_per_core = job.request->threads_per_core == kNoVal16 ? 0 : job.request->threads_per_core;

  std::uint32_t cores = 0;
  std::vector<std::uint32_t> first_core;
  for (const model::NodeShare& share : allocation.shares) {
    const model::NodeConfig& node = state.node(share.node)->config;
    first_core.push_back(cores);
    cores += std::uint32_t{node.sockets} * node.cores;
    if (out.cpu_array_value.empty() || out.cpu_array_value.back() != share.cpus) {
      out.cpu_array_value.push_back(share.cpus);
      out.cpu_array_reps.push_back(0);
    }
    ++out.cpu_array_reps.back();
    out.cpus.push_back(share.cpus);
    out.cpus_used.push_back(0);
    out.memory_allocated.push_back(share.memory_mib);
    out.memory_used.push_back(0);
    if (out.sockets_per_node.empty() || out.sockets_per_node.back() != node.sockets ||
        out.cores_per_socket.back() != node.cores) {
      out.sockets_per_node.push_back(node.sockets);
      out.cores_per_socket.push_back(node.cores);
      out.sock_core_rep_count.push_back(0);
    }
    ++out.sock_core_rep_count.back();
  }
  out.core_bitmap = wire::Bits(cores);
  out.core_bitmap_used = wire::Bits(cores);
  std::vector<model::NodeId> ids;
  for (std::size_t i = 0; i < allocation.shares.size(); ++i) {
    const model::NodeShare& share = allocation.shares[i];
    ids.push_back(share.node);
    const std::uint32_t end = i + 1 < first_core.size() ? first_core[i + 1] : cores;
    for (std::uint32_t bit = 0; first_core[i] + bit < end; ++bit) {
      const bool taken = share.cores.empty()
                             ? bit < share.cpus
                             : bit / 64 < share.cores.size() && (share.cores[bit / 64] >> (bit % 64) & 1);
      if (taken) out.core_bitmap.set(first_core[i] + bit);
    }
  }
  out.node_bitmap = node_bits(state, ids);
  out.node_ranks.resize(allocation.shares.size());
  for (std::uint32_t i = 0; i < out.node_ranks.size(); ++i) out.node_ranks[i] = i;
  return out;
}

}  // namespace flurm::ctld
