// wire/msg/step_info.hpp — steps as clients see them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// REQUEST_JOB_STEP_INFO. NO_VAL in step_id: any.
struct JobStepInfoRequest {
  TimeS last_update;
  StepId step_id;
  std::uint16_t show_flags = 0;
  bool operator==(const JobStepInfoRequest&) const = default;
};
void fields(codec::Archive& ar, JobStepInfoRequest& m);

struct JobStepInfo {
  JobId array_job_id;
  std::uint32_t array_task_id = kNoVal32;
  StepId step_id;
  std::uint32_t user_id = 0, num_cpus = 0, cpu_freq_min = 0, cpu_freq_max = 0, cpu_freq_gov = 0, num_tasks = 0,
                task_dist = 0;
  std::uint32_t time_limit = 0;  // minutes
  std::uint32_t state = 0, srun_pid = 0;
  TimeS start_time;
  TimeS run_time;  // s
  std::string cluster, container, container_id, container_type, partition, srun_host, resv_ports, nodes, name, network;
  Bits node_inx;
  std::string tres_fmt_alloc_str;
  std::uint16_t start_protocol_ver = 0;
  std::string cpus_per_tres, mem_per_tres, job_name, cwd, std_err, std_in, std_out, submit_line, tres_bind, tres_freq,
      tres_per_step, tres_per_node, tres_per_socket, tres_per_task;
  bool operator==(const JobStepInfo&) const = default;
};
void fields(codec::Archive& ar, JobStepInfo& m);

/// A job whose steps another daemon manages.
struct StepmgrJobInfo {
  StepId step_id;
  std::string stepmgr;
  bool operator==(const StepmgrJobInfo&) const = default;
};
void fields(codec::Archive& ar, StepmgrJobInfo& m);

/// RESPONSE_JOB_STEP_INFO.
struct JobStepInfoResponse {
  std::vector<JobStepInfo> job_steps;
  TimeS last_update;
  std::optional<std::vector<StepmgrJobInfo>> stepmgr_jobs;
  bool operator==(const JobStepInfoResponse&) const = default;
};
void fields(codec::Archive& ar, JobStepInfoResponse& m);

}  // namespace flurm::wire
