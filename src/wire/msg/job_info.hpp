// wire/msg/job_info.hpp — a job as clients see it: RESPONSE_JOB_INFO.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/archive.hpp"
#include "wire/msg/job_resources.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// Times are Unix seconds; job_state is a base state and flags (slurm/slurm.h JOB_*). array_task_str is a hexadecimal
/// bit mask of the waiting tasks, which the client turns into ranges. Bit strings number the nodes of
/// RESPONSE_NODE_INFO.
struct JobInfo {
  JobId array_job_id;
  std::uint32_t array_task_id = kNoVal32;
  std::string array_task_str;
  std::uint32_t array_max_tasks = 0, assoc_id = 0;
  std::string container, container_id;
  std::uint32_t delay_boot = 0;  // s
  std::string failed_node;
  StepId step_id;
  std::uint32_t user_id = 0, group_id = 0;
  JobId het_job_id;
  std::string het_job_id_set;
  std::uint32_t het_job_offset = kNoVal32, profile = 0, job_state = 0;
  std::uint16_t batch_flag = 0;
  std::uint32_t state_reason = 0;
  std::uint8_t reboot = 0;
  std::uint16_t restart_cnt = 0, show_flags = 0;
  TimeS deadline;
  std::uint32_t alloc_sid = 0;
  std::uint32_t time_limit = 0;  // minutes
  std::uint32_t time_min = 0;    // minutes
  std::uint32_t nice = 0;        // + 0x80000000
  TimeS submit_time, eligible_time, accrue_time, start_time, end_time;
  TimeS suspend_time;
  TimeS pre_sus_time, resize_time, last_sched_eval, preempt_time;
  std::uint32_t priority = 0;
  std::vector<std::uint32_t> priority_array;
  std::string priority_array_names;
  double billable_tres = 0;
  std::string cluster, nodes, sched_nodes, partition, account, admin_comment;
  std::uint32_t site_factor = kNoVal32;
  std::string network, comment, extra, batch_features, batch_host, burst_buffer, burst_buffer_state, system_comment,
      qos;
  TimeS preemptable_time;
  std::string licenses, state_desc, resv_name, resv_ports, mcs_label;
  std::uint32_t exit_code = 0;   // wait status
  std::uint32_t derived_ec = 0;  // wait status
  std::string gres_total;
  std::optional<JobResources> job_resrcs;
  std::vector<std::string> gres_detail_str;
  std::string name, user_name, wckey;
  std::uint32_t req_switch = 0;
  std::uint32_t wait4switch = 0;  // s
  std::string alloc_node;
  Bits node_inx;
  std::string features, prefer, cluster_features, work_dir, dependency, command;
  std::uint32_t num_cpus = 0, max_cpus = 0, num_nodes = 0, max_nodes = 0;
  Bits job_size_str;
  std::uint16_t requeue = 0, ntasks_per_node = 0, ntasks_per_tres = 0;
  std::uint32_t num_tasks = 0;
  std::uint16_t shared = 0;
  std::uint32_t cpu_freq_min = 0, cpu_freq_max = 0, cpu_freq_gov = 0;
  std::string cronspec;
  std::uint16_t contiguous = 0, core_spec = kNoVal16, cpus_per_task = 0, pn_min_cpus = 0;
  std::uint64_t pn_min_memory = 0;    // MiB; top bit set: per CPU
  std::uint32_t pn_min_tmp_disk = 0;  // MiB
  std::string req_nodes;
  Bits req_node_inx;
  std::string exc_nodes;
  Bits exc_node_inx;
  std::string std_err, std_in, std_out;
  std::optional<MultiCoreData> mc_ptr;
  std::uint64_t bitflags = 0;
  std::string tres_alloc_str, tres_req_str;
  std::uint16_t start_protocol_ver = 0;
  std::string fed_origin_str;
  std::uint64_t fed_siblings_active = 0;
  std::string fed_siblings_active_str;
  std::uint64_t fed_siblings_viable = 0;
  std::string fed_siblings_viable_str, cpus_per_tres, mem_per_tres, tres_bind, tres_freq, tres_per_job, tres_per_node,
      tres_per_socket, tres_per_task;
  std::uint16_t mail_type = 0;
  std::string mail_user, selinux_context, container_type;
  bool details = true;          // false, from 24.11: the fields of the middle part are left out
  bool has_federation = false;  // from 24.11: whether the fed_ fields travel
  std::string licenses_allocated;
  std::uint16_t segment_size = 0;
  std::string submit_line;
  std::uint16_t exclusive = 0, oversubscribe = 0, mem_update_delay = 0, mem_update_margin = 0, oom_kill_step = 0;
  bool operator==(const JobInfo&) const = default;
};
void fields(codec::Archive& ar, JobInfo& m);

/// RESPONSE_JOB_INFO.
struct JobInfoArray {
  TimeS last_update, last_backfill;
  std::vector<JobInfo> job_array;
  bool operator==(const JobInfoArray&) const = default;
};
void fields(codec::Archive& ar, JobInfoArray& m);

/// One record's bytes, to keep and reuse while the job does not change.
std::string pack_job_info(const JobInfo& job, std::uint16_t version);
/// The body of RESPONSE_JOB_INFO from such bytes.
std::string pack_job_info_array(TimeS last_update, TimeS last_backfill, std::span<const std::string_view> records,
                                std::uint16_t version);

}  // namespace flurm::wire
