// acct/job.hpp — what controllers reported about jobs, their steps, and nodes.
//
// A job has one record per run: a requeue or a change of size ends one and begins the next. Times in seconds, 0: not
// yet.
#pragma once
#include <cstdint>
#include <string>

#include "acct/tres.hpp"
#include "base/types.hpp"

namespace flurm::acct {

/// Numbers of job states (slurm 22.05 slurm/slurm.h enum job_states and JOB_* flags).
enum JobStateNumber : std::uint32_t {
  job_pending = 0,
  job_running = 1,
  job_suspended = 2,
  job_complete = 3,
  job_cancelled = 4,
  job_failed = 5,
  job_timeout = 6,
  job_node_fail = 7,
  job_preempted = 8,
  job_boot_fail = 9,
  job_deadline = 10,
  job_oom = 11,
  job_base_mask = 0xff,
  job_requeue_flag = 0x400,
  job_resizing_flag = 0x2000,
  job_revoked_flag = 0x10000,
};

struct Job {
  std::uint64_t db_index = 0;
  std::string cluster;
  std::uint32_t job_id = 0, uid = 0, gid = 0, assoc_id = 0, qos_id = 0, wckey_id = 0, resv_id = 0;
  std::string account, user, partition, wckey, name, work_dir, submit_line, container, mcs_label, constraints,
      gres_used;
  std::uint32_t array_job_id = 0, array_task_id = kNoVal32, array_max_tasks = 0, array_task_pending = 0;
  std::string array_task_str;
  std::uint32_t het_job_id = 0, het_job_offset = kNoVal32;
  std::uint32_t state = 0, state_reason_prev = 0, flags = 0, priority = 0, timelimit = 0;
  std::uint32_t req_cpus = 0, alloc_nodes = 0;
  std::uint64_t req_mem = 0;  ///< MiB; the top bit: per CPU
  std::string nodes, node_inx, tres_alloc, tres_req, licenses;
  TimeS submit, eligible, start, end, modified;
  /// Seconds while it is not suspended; the moment of suspending minus them while it is.
  std::int64_t suspended = 0;
  std::int32_t exit_code = 0;
  std::uint32_t derived_ec = 0, kill_uid = kInfinite32;  ///< kInfinite32: it is not known that anybody ended it
  std::string derived_es, admin_comment, system_comment, extra, failed_node;
  std::string script_hash, env_hash;
  std::string std_in, std_out, std_err, qos_req, resv_req;
  std::uint32_t restart_count = 0, segment_size = 0;
  bool operator==(const Job&) const = default;
};

struct Step {
  std::uint64_t db_index = 0;  ///< of its job
  std::uint32_t step_id = 0, het_comp = kNoVal32;
  std::string name, nodes, node_inx, submit_line, container, tres_alloc;
  std::uint32_t state = 0, node_count = 0, tasks = 0, task_dist = 0;
  std::uint32_t cpufreq_min = 0, cpufreq_max = 0, cpufreq_gov = 0;
  TimeS start, end;
  std::int64_t suspended = 0;  ///< as the job's
  std::int32_t exit_code = 0;
  std::uint32_t kill_uid = kInfinite32;  ///< as the job's
  std::uint64_t user_sec = 0, user_usec = 0, sys_sec = 0, sys_usec = 0, act_cpufreq = 0, consumed_energy = 0;
  /// "id=amount,…" per TRES; nodes by their index within the step.
  std::string in_ave, in_max, in_max_node, in_max_task, in_min, in_min_node, in_min_task, in_tot;
  std::string out_ave, out_max, out_max_node, out_max_task, out_min, out_min_node, out_min_task, out_tot;
  std::string cwd, std_in, std_out, std_err;
  std::uint32_t timelimit = kNoVal32;
  bool operator==(const Step&) const = default;
};

struct Suspension {
  std::uint64_t db_index = 0;
  TimeS start, end;  ///< end 0: it lasts
};

/// A node was not to be used, or (node empty) a cluster had these resources.
struct Event {
  std::string cluster, node;
  TimeS start, end;  ///< end 0: it lasts
  std::uint32_t state = 0, reason_uid = kNoVal32;
  std::string reason, cluster_nodes, tres;
  std::string extra, instance_id, instance_type;
  bool operator==(const Event&) const = default;
};

struct Reservation {
  std::string cluster, name, assocs, nodes, node_inx, tres, comment;
  std::uint32_t id = 0;
  std::uint64_t flags = 0;
  TimeS start, end;
  double unused_wall = 0;  ///< s
  bool deleted = false;
};

}  // namespace flurm::acct
