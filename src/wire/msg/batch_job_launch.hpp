// wire/msg/batch_job_launch.hpp — the controller hands a batch job to its first node.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/cred.hpp"
#include "wire/msg/cpu_groups.hpp"

namespace flurm::wire {

/// REQUEST_BATCH_JOB_LAUNCH. From 25.11 the job id travels in the credential only.
struct BatchJobLaunch {
  JobId job_id, het_job_id;
  std::uint32_t uid = 0, gid = 0;
  std::string user_name;
  std::vector<std::uint32_t> gids;
  std::string partition;
  std::uint32_t ntasks = 0;
  std::uint64_t pn_min_memory = 0;  // MiB; top bit set: per CPU
  std::uint8_t open_mode = 0, overcommit = 0;
  JobId array_job_id;
  std::uint32_t array_task_id = kNoVal32;
  std::string acctg_freq, container;
  std::uint16_t cpu_bind_type = 0, cpus_per_task = 0, restart_cnt = 0, job_core_spec = kNoVal16;
  std::vector<std::uint16_t> cpus_per_node;
  std::vector<std::uint32_t> cpu_count_reps;
  std::string alias_list, cpu_bind, nodes, script, work_dir, std_err, std_in, std_out;
  std::vector<std::string> argv, spank_job_env;
  std::vector<std::string> environment;
  std::uint64_t job_mem = 0;       // MiB; top bit set: per CPU
  std::uint16_t cred_version = 0;  // 0: the message's
  Cred cred;
  std::string account, qos, resv_name;
  std::uint32_t profile = 0;
  std::string tres_bind, tres_freq, tres_per_task;
  std::uint32_t cpu_freq_min = 0, cpu_freq_max = 0, cpu_freq_gov = 0;
  bool oom_kill_step = false;
  bool operator==(const BatchJobLaunch&) const = default;
};
void fields(codec::Archive& ar, BatchJobLaunch& m);

}  // namespace flurm::wire
