// noded/hardware.cpp — see hardware.hpp.
#include "noded/hardware.hpp"

#include <hwloc.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include "fmt/format.h"
#include "noded/cpu_binding.hpp"

namespace flurm::noded {
namespace {

struct DestroyTopology {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, DestroyTopology>;

Result<Topology> load(const std::string* synthetic) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return fail(Errc::io, "hwloc: {}", std::strerror(errno));
  Topology topology(raw);
  // CPUs that our own cgroup keeps from us still belong to the node.
  if (hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) != 0 ||
      hwloc_topology_set_all_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_STRUCTURE) != 0 ||
      hwloc_topology_set_type_filter(raw, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL) != 0 ||
      hwloc_topology_set_type_filter(raw, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL) != 0 ||
      (synthetic && hwloc_topology_set_synthetic(raw, synthetic->c_str()) != 0) || hwloc_topology_load(raw) != 0) {
    return fail(Errc::io, "hwloc: {}", std::strerror(errno));
  }
  return topology;
}

std::uint16_t count(hwloc_topology_t topology, hwloc_obj_type_t type) {
  return static_cast<std::uint16_t>(std::clamp(hwloc_get_nbobjs_by_type(topology, type), 1, 0xfffd));
}

Hardware counted(hwloc_topology_t topology) {
  Hardware hardware;
  hardware.cpus = count(topology, HWLOC_OBJ_PU);
  const std::uint16_t cores = std::min(count(topology, HWLOC_OBJ_CORE), hardware.cpus);
  hardware.sockets = std::min(count(topology, HWLOC_OBJ_PACKAGE), cores);
  hardware.cores_per_socket = std::max<std::uint16_t>(1, cores / hardware.sockets);
  hardware.threads_per_core = std::max<std::uint16_t>(1, hardware.cpus / cores);
  return hardware;
}

}  // namespace

Result<Hardware> detect_hardware() {
  FLURM_TRY(const Topology topology, load(nullptr));
  Hardware hardware = counted(topology.get());
  hardware.memory_mib = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / (1024 * 1024);
  utsname system{};
  if (uname(&system) == 0) {
    hardware.arch = system.machine;
    hardware.os = fmt::format("{} {} {}", system.sysname, system.release, system.version);
  }
  return hardware;
}

Result<CpuMap> detect_cpus() {
  FLURM_TRY(const Topology topology, load(nullptr));
  CpuMap map;
  const int cpus = hwloc_get_nbobjs_by_type(topology.get(), HWLOC_OBJ_PU);
  for (int i = 0; i < cpus; ++i) {
    const hwloc_obj_t cpu = hwloc_get_obj_by_type(topology.get(), HWLOC_OBJ_PU, static_cast<unsigned>(i));
    map.system_number.push_back(cpu->os_index);
    if (map.numa_node.size() <= cpu->os_index) map.numa_node.resize(cpu->os_index + 1);
    hwloc_obj_t node = nullptr;
    while ((node = hwloc_get_next_obj_by_type(topology.get(), HWLOC_OBJ_NUMANODE, node)) != nullptr) {
      if (hwloc_bitmap_isset(node->cpuset, cpu->os_index)) map.numa_node[cpu->os_index] = node->os_index;
    }
  }
  return map;
}

Result<Hardware> count_hardware(const std::string& synthetic) {
  FLURM_TRY(const Topology topology, load(&synthetic));
  return counted(topology.get());
}

std::uint32_t disk_mib(const std::string& path) {
  struct statvfs about {};
  if (statvfs(path.c_str(), &about) != 0) return 0;
  const std::uint64_t mib = static_cast<std::uint64_t>(about.f_blocks) * about.f_frsize / (1024 * 1024);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(mib, 0xfffffffd));
}

std::uint32_t uptime_s() {
  struct sysinfo about {};
  return sysinfo(&about) == 0 ? static_cast<std::uint32_t>(about.uptime) : 0;
}

std::int64_t boot_time_s() { return std::time(nullptr) - static_cast<std::int64_t>(uptime_s()); }

std::uint32_t cpu_load() {
  struct sysinfo about {};
  if (sysinfo(&about) != 0) return 0;
  return static_cast<std::uint32_t>(static_cast<double>(about.loads[0]) * 100 / (1 << SI_LOAD_SHIFT));
}

std::uint64_t free_memory_mib() {
  struct sysinfo about {};
  if (sysinfo(&about) != 0) return 0;
  return static_cast<std::uint64_t>(about.freeram) * about.mem_unit / (1024 * 1024);
}

std::string describe(const std::string& node_name, const Hardware& hardware, std::uint32_t uptime_s) {
  return fmt::format(
      "NodeName={} CPUs={} Boards={} SocketsPerBoard={} CoresPerSocket={} ThreadsPerCore={} RealMemory={}\n"
      "UpTime={}-{:02}:{:02}:{:02}\n",
      node_name, hardware.cpus, hardware.boards, hardware.sockets / hardware.boards, hardware.cores_per_socket,
      hardware.threads_per_core, hardware.memory_mib, uptime_s / 86400, uptime_s / 3600 % 24, uptime_s / 60 % 60,
      uptime_s % 60);
}

}  // namespace flurm::noded
