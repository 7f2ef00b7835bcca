// wire/msg/dbd_jobs.hpp — jobs, steps and nodes as controllers report them to slurmdbd, and as it answers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/msg/jobacct.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// DBD_JOB_START: a job was submitted, became eligible, was changed, started or was resized. db_index 0: not told yet.
/// timelimit: minutes; req_mem: MiB, with the top bit per CPU.
struct DbdJobStart {
  std::string account;
  std::uint32_t alloc_nodes = 0, array_job_id = 0, array_max_tasks = 0, array_task_id = kNoVal32;
  std::string array_task_str;
  std::uint32_t array_task_pending = 0, assoc_id = 0;
  std::string constraints, container;
  std::uint32_t db_flags = 0;
  std::uint64_t db_index = 0;
  TimeS eligible_time;
  std::uint8_t exclusive = 0;
  std::uint32_t gid = 0;
  std::string gres_used;
  std::uint32_t job_id = 0, job_state = 0, state_reason_prev = 0;
  std::string licenses, mcs_label, name, nodes, node_inx;
  std::uint32_t het_job_id = 0, het_job_offset = 0;
  std::uint8_t oversubscribe = 0;
  std::string partition;
  std::uint32_t priority = 0, qos_id = 0;
  std::string qos_req;
  std::uint32_t req_cpus = 0;
  std::uint64_t req_mem = 0;
  std::uint16_t restart_cnt = 0;
  std::uint32_t resv_id = 0;
  std::string resv_req;
  std::uint16_t segment_size = 0;
  std::uint64_t sluid = 0;
  TimeS start_time;
  std::string std_err, std_in, std_out, submit_line;
  TimeS submit_time;
  std::uint32_t timelimit = 0;
  std::string tres_alloc_str, tres_req_str;
  std::uint32_t uid = kNoVal32;
  std::string wckey, work_dir, env_hash, script_hash;
  bool operator==(const DbdJobStart&) const = default;
};
void fields(codec::Archive& ar, DbdJobStart& m);

/// DBD_JOB_COMPLETE.
struct DbdJobComplete {
  std::string admin_comment;
  std::uint32_t assoc_id = 0;
  std::string comment;
  std::uint64_t db_index = 0;
  std::uint32_t derived_ec = 0;
  TimeS end_time;
  std::uint32_t exit_code = 0;
  std::string extra, failed_node;
  std::uint32_t job_id = 0, job_state = 0;
  std::string nodes;
  std::uint32_t req_uid = 0;
  TimeS start_time, submit_time;
  std::string system_comment, tres_alloc_str;
  bool operator==(const DbdJobComplete&) const = default;
};
void fields(codec::Archive& ar, DbdJobComplete& m);

/// DBD_JOB_SUSPEND: suspended or resumed, as job_state says.
struct DbdJobSuspend {
  std::uint32_t assoc_id = 0;
  std::uint64_t db_index = 0;
  std::uint32_t job_id = 0, job_state = 0;
  TimeS submit_time, suspend_time;
  bool operator==(const DbdJobSuspend&) const = default;
};
void fields(codec::Archive& ar, DbdJobSuspend& m);

/// DBD_JOB_HEAVY: what DBD_ID_RC asked for; stored once for each hash.
struct DbdJobHeavy {
  std::string env, env_hash, script, script_hash;
  bool operator==(const DbdJobHeavy&) const = default;
};
void fields(codec::Archive& ar, DbdJobHeavy& m);

/// DBD_STEP_START.
struct DbdStepStart {
  std::uint32_t assoc_id = 0;
  std::uint64_t db_index = 0;
  std::string container, name, nodes, node_inx;
  std::uint32_t node_cnt = 0;
  TimeS start_time, job_submit_time;
  std::uint32_t req_cpufreq_min = 0, req_cpufreq_max = 0, req_cpufreq_gov = 0;
  StepId step_id;
  std::string cwd;
  std::uint32_t state = 0;
  std::string std_err, std_in, std_out, submit_line;
  std::uint32_t task_dist = 0, time_limit = 0, total_tasks = 0;
  std::string tres_alloc_str;
  bool operator==(const DbdStepStart&) const = default;
};
void fields(codec::Archive& ar, DbdStepStart& m);

/// DBD_STEP_COMPLETE.
struct DbdStepComplete {
  std::uint32_t assoc_id = 0;
  std::uint64_t db_index = 0;
  TimeS end_time;
  std::uint32_t exit_code = 0;
  std::optional<JobAcctInfo> jobacct;
  TimeS job_submit_time;
  std::string job_tres_alloc_str;
  std::uint32_t req_uid = 0;
  TimeS start_time;
  std::uint16_t state = 0;
  StepId step_id;
  std::uint32_t total_tasks = 0;
  bool operator==(const DbdStepComplete&) const = default;
};
void fields(codec::Archive& ar, DbdStepComplete& m);

/// DBD_NODE_STATE. new_state: 1 down, 2 up.
struct DbdNodeState {
  std::string hostlist, extra, instance_id, instance_type, reason;
  std::uint32_t reason_uid = 0;
  std::uint16_t new_state = 0;
  TimeS event_time;
  std::uint32_t state = 0;
  std::string tres_str;
  bool operator==(const DbdNodeState&) const = default;
};
void fields(codec::Archive& ar, DbdNodeState& m);

/// DBD_REGISTER_CTLD: the sender listens there.
struct DbdRegisterCtld {
  std::uint16_t dimensions = 0;
  std::uint32_t flags = 0, plugin_id_select = 0;
  std::uint16_t port = 0;
  std::uint32_t cluster_id = 0;
  bool operator==(const DbdRegisterCtld&) const = default;
};
void fields(codec::Archive& ar, DbdRegisterCtld& m);

/// DBD_CLUSTER_TRES, DBD_FLUSH_JOBS. tres_str: "1=8,2=16000,…".
struct DbdClusterTres {
  std::string cluster_nodes;
  TimeS event_time;
  std::string tres_str;
  bool operator==(const DbdClusterTres&) const = default;
};
void fields(codec::Archive& ar, DbdClusterTres& m);

/// DBD_ROLL_USAGE.
struct DbdRollUsage {
  std::uint16_t archive_data = 0;
  TimeS end, start;
  bool operator==(const DbdRollUsage&) const = default;
};
void fields(codec::Archive& ar, DbdRollUsage& m);

/// DBD_FINI: commit or roll back, and perhaps goodbye.
struct DbdFini {
  std::uint16_t close_conn = 0, commit = 0;
  bool operator==(const DbdFini&) const = default;
};
void fields(codec::Archive& ar, DbdFini& m);

/// DBD_ID_RC: under which number the job stands. flags: 64 send the environment, 2^35 send the script.
struct DbdIdRc {
  std::uint32_t job_id = 0;
  std::uint64_t db_index = 0, flags = 0;
  std::uint32_t return_code = 0;
  bool operator==(const DbdIdRc&) const = default;
};
void fields(codec::Archive& ar, DbdIdRc& m);

/// What a step used: "id=value,…" per TRES; nodeid is the index of the node within the step.
struct StepStats {
  double act_cpufreq = 0;
  std::uint64_t consumed_energy = 0;
  std::string tres_usage_in_ave, tres_usage_in_max, tres_usage_in_max_nodeid, tres_usage_in_max_taskid,
      tres_usage_in_min, tres_usage_in_min_nodeid, tres_usage_in_min_taskid, tres_usage_in_tot, tres_usage_out_ave,
      tres_usage_out_max, tres_usage_out_max_nodeid, tres_usage_out_max_taskid, tres_usage_out_min,
      tres_usage_out_min_nodeid, tres_usage_out_min_taskid, tres_usage_out_tot;
  bool operator==(const StepStats&) const = default;
};
void fields(codec::Archive& ar, StepStats& m);

/// A step in answers.
struct StepRec {
  std::string container;
  std::uint32_t elapsed = 0;
  TimeS end;
  std::uint32_t exitcode = 0, nnodes = 0;
  std::string nodes;
  std::uint32_t ntasks = 0, req_cpufreq_min = 0, req_cpufreq_max = 0, req_cpufreq_gov = 0, requid = 0;
  StepStats stats;
  TimeS start;
  std::uint16_t state = 0;
  StepId step_id;
  std::string stepname, cwd, std_err, std_in, std_out, submit_line;
  std::uint32_t suspended = 0;
  std::uint64_t sys_cpu_sec = 0;
  std::uint32_t sys_cpu_usec = 0, task_dist = 0, timelimit = 0;
  std::uint64_t tot_cpu_sec = 0;
  std::uint32_t tot_cpu_usec = 0;
  std::string tres_alloc_str;
  std::uint64_t user_cpu_sec = 0;
  std::uint32_t user_cpu_usec = 0;
  bool operator==(const StepRec&) const = default;
};
void fields(codec::Archive& ar, StepRec& m);

/// A job in answers, and the changes of DBD_MODIFY_JOB.
struct JobRec {
  std::string account, admin_comment;
  std::uint32_t alloc_nodes = 0, array_job_id = 0, array_max_tasks = 0, array_task_id = 0;
  std::string array_task_str;
  std::uint32_t associd = 0;
  std::string blockid, cluster, constraints, container;
  std::uint64_t db_index = 0;
  std::uint32_t derived_ec = 0;
  std::string derived_es;
  std::uint32_t elapsed = 0;
  TimeS eligible, end;
  std::string env, exclusive;
  std::uint32_t exitcode = 0;
  std::string extra, failed_node;
  std::uint32_t flags = 0, gid = 0, jobid = 0;
  std::string jobname;
  std::uint32_t lft = 0;
  std::string licenses, lineage, mcs_label, nodes;
  std::uint32_t het_job_id = 0, het_job_offset = 0;
  std::string oversubscribe, partition;
  std::uint32_t priority = 0, qosid = 0;
  std::string qos_req;
  std::uint32_t req_cpus = 0;
  std::uint64_t req_mem = 0;
  std::uint32_t requid = 0;
  std::uint16_t restart_cnt = 0;
  std::string resv_name;
  std::uint32_t resvid = 0;
  std::string resv_req, script;
  std::uint64_t sluid = 0;
  std::uint32_t show_full = 0;
  TimeS start;
  std::uint32_t state = 0, state_reason_prev = 0;
  std::vector<StepRec> steps;
  std::uint16_t segment_size = 0;
  std::string std_err, std_in, std_out;
  TimeS submit;
  std::string submit_line;
  std::uint32_t suspended = 0;
  std::string system_comment;
  std::uint64_t sys_cpu_sec = 0, sys_cpu_usec = 0;
  std::uint32_t timelimit = 0;
  std::uint64_t tot_cpu_sec = 0, tot_cpu_usec = 0;
  std::string tres_alloc_str, tres_req_str;
  std::uint32_t uid = 0;
  std::string user;
  std::uint64_t user_cpu_sec = 0, user_cpu_usec = 0;
  std::string wckey;
  std::uint32_t wckeyid = 0;
  std::string work_dir;
  bool operator==(const JobRec&) const = default;
};
void fields(codec::Archive& ar, JobRec& m);

}  // namespace flurm::wire
