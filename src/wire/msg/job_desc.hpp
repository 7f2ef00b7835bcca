// wire/msg/job_desc.hpp — what a job asks for: submission, allocation, will-run and update requests, and their
// answers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// When a scrontab job runs.
struct CronEntry {
  std::uint32_t flags = 0;
  Bits minute, hour, day_of_month, month, day_of_week;
  std::string cronspec;
  std::uint32_t line_start = 0, line_end = 0;
  bool operator==(const CronEntry&) const = default;
};
void fields(codec::Archive& ar, CronEntry& m);

/// REQUEST_SUBMIT_BATCH_JOB, REQUEST_RESOURCE_ALLOCATION, REQUEST_JOB_WILL_RUN, REQUEST_UPDATE_JOB. A field that the
/// user did not set has the default given here; strings that are not set are nullopt, and "" means "clear it".
struct JobDesc {
  StepId step_id;
  std::uint32_t site_factor = kNoVal32;
  std::optional<std::string> batch_features, cluster_features, clusters;
  std::uint16_t contiguous = kNoVal16;
  std::optional<std::string> container, container_id, container_type;
  std::uint16_t core_spec = kNoVal16;
  std::uint32_t task_dist = kNoVal32;
  std::uint16_t kill_on_node_fail = kNoVal16;
  std::optional<std::string> features;
  std::uint64_t fed_siblings_active = 0, fed_siblings_viable = 0;
  std::optional<std::string> job_id_str, name, alloc_node;
  std::uint32_t alloc_sid = kNoVal32;
  std::optional<std::string> array_inx, burst_buffer;
  std::uint16_t pn_min_cpus = kNoVal16;
  std::uint64_t pn_min_memory = kNoVal64;  // MiB; top bit set: per CPU
  std::uint16_t mem_update_delay = kNoVal16, mem_update_margin = kNoVal16, oom_kill_step = kNoVal16;
  std::uint32_t pn_min_tmp_disk = kNoVal32;  // MiB
  std::uint8_t power_flags = 0;
  std::optional<std::string> prefer;
  std::uint32_t cpu_freq_min = kNoVal32, cpu_freq_max = kNoVal32, cpu_freq_gov = kNoVal32;
  std::optional<std::string> partition;
  std::uint32_t priority = kNoVal32;
  std::optional<std::string> dependency, account, admin_comment, comment;
  std::uint32_t nice = kNoVal32;  // + 0x80000000
  std::uint32_t profile = 0;
  std::optional<std::string> qos, mcs_label, origin_cluster;
  std::uint8_t open_mode = 0, overcommit = kNoVal8;
  std::optional<std::string> acctg_freq;
  std::uint32_t num_tasks = kNoVal32;
  std::optional<std::string> req_context, req_nodes, exc_nodes;
  std::vector<std::string> environment, spank_job_env;
  std::optional<std::string> script;
  std::vector<std::string> argv;
  std::optional<std::string> std_err, std_in, std_out, submit_line, work_dir;
  std::uint16_t immediate = 0, reboot = kNoVal16, requeue = kNoVal16, shared = kNoVal16, cpus_per_task = kNoVal16,
                ntasks_per_node = kNoVal16, ntasks_per_board = 0, ntasks_per_socket = kNoVal16,
                ntasks_per_core = kNoVal16, ntasks_per_tres = kNoVal16, plane_size = kNoVal16, cpu_bind_type = kNoVal16,
                mem_bind_type = kNoVal16;
  std::optional<std::string> cpu_bind, mem_bind;
  std::uint32_t time_limit = kNoVal32;  // minutes
  std::uint32_t time_min = kNoVal32;    // minutes
  std::uint32_t min_cpus = kNoVal32, max_cpus = kNoVal32, min_nodes = kNoVal32, max_nodes = kNoVal32;
  std::optional<std::string> job_size_str;
  std::uint16_t boards_per_node = 0, sockets_per_board = 0, sockets_per_node = kNoVal16, cores_per_socket = kNoVal16,
                threads_per_core = kNoVal16;
  std::uint32_t user_id = kNoVal32, group_id = kNoVal32;
  std::uint16_t alloc_resp_port = 0;
  std::optional<std::string> alloc_tls_cert, resp_host;
  std::uint16_t other_port = 0, resv_port_cnt = kNoVal16;
  std::optional<std::string> network;
  TimeS begin_time, end_time, deadline;
  std::optional<std::string> licenses;
  std::uint16_t mail_type = kNoVal16;
  std::optional<std::string> mail_user, reservation;
  std::uint16_t restart_cnt = 0, warn_flags = 0, warn_signal = 0;
  std::uint16_t warn_time = 0;  // s before the end
  std::optional<std::string> wckey;
  std::uint32_t req_switch = kNoVal32;
  std::uint32_t wait4switch = kNoVal32;  // s
  std::uint16_t wait_all_nodes = kNoVal16;
  std::uint64_t bitflags = 0;
  std::uint32_t delay_boot = kNoVal32;  // s
  std::optional<std::string> extra;
  std::uint16_t x11 = 0;
  std::optional<std::string> x11_magic_cookie, x11_target;
  std::uint16_t x11_target_port = 0;
  std::optional<std::string> cpus_per_tres, mem_per_tres, tres_bind, tres_freq, tres_per_job, tres_per_node,
      tres_per_socket, tres_per_task;
  std::optional<CronEntry> crontab_entry;
  std::uint16_t segment_size = kNoVal16;
  bool operator==(const JobDesc&) const = default;
};
void fields(codec::Archive& ar, JobDesc& m);

/// REQUEST_HET_JOB_ALLOCATION, REQUEST_SUBMIT_BATCH_HET_JOB: one description per component.
struct JobDescList {
  std::vector<JobDesc> jobs;
  bool operator==(const JobDescList&) const = default;
};
void fields(codec::Archive& ar, JobDescList& m);

/// RESPONSE_SUBMIT_BATCH_JOB. step_id.step_id is the batch step.
struct SubmitResponse {
  StepId step_id;
  std::uint32_t error_code = 0;
  std::string job_submit_user_msg;
  bool operator==(const SubmitResponse&) const = default;
};
void fields(codec::Archive& ar, SubmitResponse& m);

/// RESPONSE_JOB_WILL_RUN.
struct WillRunResponse {
  StepId step_id;
  std::string job_submit_user_msg, node_list, part_name;
  std::vector<std::uint32_t> preemptee_job_id;
  std::uint32_t proc_cnt = 0;
  TimeS start_time;
  double sys_usage_per = 0;
  bool operator==(const WillRunResponse&) const = default;
};
void fields(codec::Archive& ar, WillRunResponse& m);

}  // namespace flurm::wire
