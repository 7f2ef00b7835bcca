// noded/hardware.hpp — what this machine is, and how busy.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace flurm::noded {

struct Hardware {
  std::uint16_t cpus = 1, boards = 1, sockets = 1, cores_per_socket = 1, threads_per_core = 1;
  std::uint64_t memory_mib = 1;
  std::string arch, os;  ///< "x86_64"; "Linux 6.1.0 #1 SMP …"
  bool operator==(const Hardware&) const = default;
};

/// Reads the topology with hwloc. A machine whose sockets differ in cores is described by their average, as slurmd
/// does. Errors: io.
Result<Hardware> detect_hardware();

/// Counts of a machine described in hwloc's synthetic notation ("package:2 core:4 pu:2"), for tests.
Result<Hardware> count_hardware(const std::string& synthetic);

/// Size of the file system that holds `path`, MiB; 0 where it cannot be read.
std::uint32_t disk_mib(const std::string& path);
std::uint32_t uptime_s();
/// Time the machine started, Unix seconds.
std::int64_t boot_time_s();
/// One-minute load average × 100.
std::uint32_t cpu_load();
/// Memory that could be given to programs now, MiB.
std::uint64_t free_memory_mib();

/// Two lines as `slurmd -C` prints them.
std::string describe(const std::string& node_name, const Hardware& hardware, std::uint32_t uptime_s);

}  // namespace flurm::noded
