// wire/msg/job_resources.hpp — which nodes, CPUs, cores and memory a job holds.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/bits.hpp"

namespace flurm::wire {

/// Cores are numbered over all of the job's nodes; sockets_per_node, cores_per_socket and sock_core_rep_count say how
/// many there are, run-length coded. cpu_array_* is the same for CPUs.
struct JobResources {
  std::uint32_t nhosts = 0;
  std::uint32_t ncpus = 0, next_step_node_inx = 0, node_req = 0;
  std::string nodes;
  std::uint8_t whole_node = 0;
  std::uint16_t threads_per_core = 0, cr_type = 0;
  std::vector<std::uint32_t> cpu_array_reps;
  std::vector<std::uint16_t> cpu_array_value, cpus, cpus_used;
  std::vector<std::uint64_t> memory_allocated;  // MiB per node
  std::vector<std::uint64_t> memory_used;       // MiB per node
  std::vector<std::uint16_t> sockets_per_node, cores_per_socket;
  std::vector<std::uint32_t> sock_core_rep_count;
  Bits core_bitmap, core_bitmap_used, node_bitmap;
  std::vector<std::uint32_t> node_ranks;
  bool operator==(const JobResources&) const = default;
};
void fields(codec::Archive& ar, JobResources& m);  // all but nhosts
/// nhosts (NO_VAL when absent), then the rest.
void job_resources(codec::Archive& ar, std::optional<JobResources>& m);

/// What a job asks of sockets, cores and threads. Absent when it asks for nothing special.
struct MultiCoreData {
  std::uint16_t boards_per_node = 0, sockets_per_board = 0, sockets_per_node = 0, cores_per_socket = 0,
                threads_per_core = 0, ntasks_per_board = 0, ntasks_per_socket = 0, ntasks_per_core = 0, plane_size = 0;
  bool operator==(const MultiCoreData&) const = default;
};
void fields(codec::Archive& ar, MultiCoreData& m);

}  // namespace flurm::wire
