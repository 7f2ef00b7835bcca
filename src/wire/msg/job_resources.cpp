// wire/msg/job_resources.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/job_resources.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::between, codec::since;

void fields(Archive& ar, JobResources& m) {
  ar("ncpus", m.ncpus);
  ar("next_step_node_inx", m.next_step_node_inx, since(v24_11));
  ar("node_req", m.node_req);
  ar("nodes", m.nodes);
  ar("whole_node", m.whole_node);
  ar("threads_per_core", m.threads_per_core);
  ar("cr_type", m.cr_type);
  ar("cpu_array_reps", m.cpu_array_reps);
  ar("cpu_array_value", m.cpu_array_value);
  ar("cpus", m.cpus);
  ar("cpus_used", m.cpus_used);
  ar("memory_allocated", m.memory_allocated);
  ar("memory_used", m.memory_used);
  ar("sockets_per_node", m.sockets_per_node);
  ar("cores_per_socket", m.cores_per_socket);
  ar("sock_core_rep_count", m.sock_core_rep_count);
  ar("core_bitmap", m.core_bitmap);
  ar("core_bitmap_used", m.core_bitmap_used);
  ar("node_bitmap", m.node_bitmap, between(v24_05, v26_05));
  ar("node_ranks", m.node_ranks, since(v26_05));
}

void job_resources(Archive& ar, std::optional<JobResources>& m) {
  std::uint32_t nhosts = m ? m->nhosts : kNoVal32;
  ar("nhosts", nhosts);  // NO_VAL: nothing follows
  if (ar.fills()) {
    m.reset();
    if (nhosts != kNoVal32) m.emplace().nhosts = nhosts;
  }
  if (m) {
    ar("job_resrcs", *m);
  } else if (ar.kind() == codec::Kind::layout) {
    JobResources shown;
    ar("job_resrcs", shown);
  }
}

void fields(Archive& ar, MultiCoreData& m) {
  ar("boards_per_node", m.boards_per_node);
  ar("sockets_per_board", m.sockets_per_board);
  ar("sockets_per_node", m.sockets_per_node);
  ar("cores_per_socket", m.cores_per_socket);
  ar("threads_per_core", m.threads_per_core);
  ar("ntasks_per_board", m.ntasks_per_board);
  ar("ntasks_per_socket", m.ntasks_per_socket);
  ar("ntasks_per_core", m.ntasks_per_core);
  ar("plane_size", m.plane_size);
}

}  // namespace flurm::wire
