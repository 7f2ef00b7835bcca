// wire/msg/jobacct.hpp — what a step used.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

/// A trackable resource: cpu is 1, mem 2, energy 3, node 4, billing 5, fs/disk 6, vmem 7, pages 8.
struct TresRec {
  std::uint64_t alloc_secs = 0;  // s
  std::uint64_t count = 0;
  std::uint32_t id = 0;
  std::string name, type;
  bool operator==(const TresRec&) const = default;
};
void fields(codec::Archive& ar, TresRec& m);

/// Arrays run over tres_ids; node and task ids name where the extreme was found.
struct JobAcctInfo {
  std::uint64_t user_cpu_sec = 0;
  std::uint32_t user_cpu_usec = 0;
  std::uint64_t sys_cpu_sec = 0;
  std::uint32_t sys_cpu_usec = 0;
  std::uint32_t act_cpufreq = 0;      // kHz
  std::uint64_t consumed_energy = 0;  // J
  std::vector<std::uint32_t> tres_ids;
  std::optional<std::vector<TresRec>> tres_list;
  std::vector<std::uint64_t> tres_usage_in_max, tres_usage_in_max_nodeid, tres_usage_in_max_taskid, tres_usage_in_min,
      tres_usage_in_min_nodeid, tres_usage_in_min_taskid, tres_usage_in_tot, tres_usage_out_max,
      tres_usage_out_max_nodeid, tres_usage_out_max_taskid, tres_usage_out_min, tres_usage_out_min_nodeid,
      tres_usage_out_min_taskid, tres_usage_out_tot;
  bool operator==(const JobAcctInfo&) const = default;
};
void fields(codec::Archive& ar, JobAcctInfo& m);

}  // namespace flurm::wire
