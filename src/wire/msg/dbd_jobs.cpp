// wire/msg/dbd_jobs.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/dbd_jobs.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::present_u8, codec::since, codec::until;

void fields(Archive& ar, DbdJobStart& m) {
  ar("account", m.account);
  ar("alloc_nodes", m.alloc_nodes);
  ar("array_job_id", m.array_job_id);
  ar("array_max_tasks", m.array_max_tasks);
  ar("array_task_id", m.array_task_id);
  ar("array_task_str", m.array_task_str);
  ar("array_task_pending", m.array_task_pending);
  ar("assoc_id", m.assoc_id);
  ar("constraints", m.constraints);
  ar("container", m.container);
  ar("db_flags", m.db_flags);
  ar("db_index", m.db_index);
  ar("eligible_time", m.eligible_time);
  ar("exclusive", m.exclusive, since(v26_05));
  ar("gid", m.gid);
  ar("gres_used", m.gres_used);
  ar("job_id", m.job_id);
  ar("job_state", m.job_state);
  ar("state_reason_prev", m.state_reason_prev);
  ar("licenses", m.licenses, since(v23_02));
  ar("mcs_label", m.mcs_label);
  ar("name", m.name);
  ar("nodes", m.nodes);
  ar("node_inx", m.node_inx);
  ar("het_job_id", m.het_job_id);
  ar("het_job_offset", m.het_job_offset);
  ar("oversubscribe", m.oversubscribe, since(v26_05));
  ar("partition", m.partition);
  ar("priority", m.priority);
  ar("qos_id", m.qos_id);
  ar("qos_req", m.qos_req, since(v24_11));
  ar("req_cpus", m.req_cpus);
  ar("req_mem", m.req_mem);
  ar("restart_cnt", m.restart_cnt, since(v24_11));
  ar("resv_id", m.resv_id);
  ar("resv_req", m.resv_req, since(v25_05));
  ar("segment_size", m.segment_size, since(v25_05));
  ar("sluid", m.sluid, since(v26_05));
  ar("start_time", m.start_time);
  ar("std_err", m.std_err, since(v24_05));
  ar("std_in", m.std_in, since(v24_05));
  ar("std_out", m.std_out, since(v24_05));
  ar("submit_line", m.submit_line);
  ar("submit_time", m.submit_time);
  ar("timelimit", m.timelimit);
  ar("tres_alloc_str", m.tres_alloc_str);
  ar("tres_req_str", m.tres_req_str);
  ar("uid", m.uid);
  ar("wckey", m.wckey);
  ar("work_dir", m.work_dir);
  ar("env_hash", m.env_hash);
  ar("script_hash", m.script_hash);
}

void fields(Archive& ar, DbdJobComplete& m) {
  ar("admin_comment", m.admin_comment);
  ar("assoc_id", m.assoc_id);
  ar("comment", m.comment);
  ar("db_index", m.db_index);
  ar("derived_ec", m.derived_ec);
  ar("end_time", m.end_time);
  ar("exit_code", m.exit_code);
  ar("extra", m.extra, since(v23_02));
  ar("failed_node", m.failed_node, since(v23_02));
  ar("job_id", m.job_id);
  ar("job_state", m.job_state);
  ar("nodes", m.nodes);
  ar("req_uid", m.req_uid);
  ar("start_time", m.start_time);
  ar("submit_time", m.submit_time);
  ar("system_comment", m.system_comment);
  ar("tres_alloc_str", m.tres_alloc_str);
}

void fields(Archive& ar, DbdJobSuspend& m) {
  ar("assoc_id", m.assoc_id);
  ar("db_index", m.db_index);
  ar("job_id", m.job_id);
  ar("job_state", m.job_state);
  ar("submit_time", m.submit_time);
  ar("suspend_time", m.suspend_time);
}

void fields(Archive& ar, DbdJobHeavy& m) {
  ar("env", m.env);
  ar("env_hash", m.env_hash);
  ar("script", m.script);
  ar("script_hash", m.script_hash);
}

void fields(Archive& ar, DbdStepStart& m) {
  ar("assoc_id", m.assoc_id);
  ar("db_index", m.db_index);
  ar("container", m.container);
  ar("name", m.name);
  ar("nodes", m.nodes);
  ar("node_inx", m.node_inx);
  ar("node_cnt", m.node_cnt);
  ar("start_time", m.start_time);
  ar("job_submit_time", m.job_submit_time);
  ar("req_cpufreq_min", m.req_cpufreq_min);
  ar("req_cpufreq_max", m.req_cpufreq_max);
  ar("req_cpufreq_gov", m.req_cpufreq_gov);
  ar("step_id", m.step_id);
  ar("cwd", m.cwd, since(v25_05));
  ar("state", m.state, since(v26_05));
  ar("std_err", m.std_err, since(v25_05));
  ar("std_in", m.std_in, since(v25_05));
  ar("std_out", m.std_out, since(v25_05));
  ar("submit_line", m.submit_line);
  ar("task_dist", m.task_dist);
  ar("time_limit", m.time_limit, since(v25_05));
  ar("total_tasks", m.total_tasks);
  ar("tres_alloc_str", m.tres_alloc_str);
}

void fields(Archive& ar, DbdStepComplete& m) {
  ar("assoc_id", m.assoc_id);
  ar("db_index", m.db_index);
  ar("end_time", m.end_time);
  ar("exit_code", m.exit_code);
  ar("jobacct", present_u8(m.jobacct));
  ar("job_submit_time", m.job_submit_time);
  ar("job_tres_alloc_str", m.job_tres_alloc_str);
  ar("req_uid", m.req_uid);
  ar("start_time", m.start_time);
  ar("state", m.state);
  ar("step_id", m.step_id);
  ar("total_tasks", m.total_tasks);
}

void fields(Archive& ar, DbdNodeState& m) {
  ar("hostlist", m.hostlist);
  ar("extra", m.extra, since(v23_11));
  ar("instance_id", m.instance_id, since(v23_11));
  ar("instance_type", m.instance_type, since(v23_11));
  ar("reason", m.reason);
  ar("reason_uid", m.reason_uid);
  ar("new_state", m.new_state);
  ar("event_time", m.event_time);
  ar("state", m.state);
  ar("tres_str", m.tres_str);
}

void fields(Archive& ar, DbdRegisterCtld& m) {
  ar("dimensions", m.dimensions);
  ar("flags", m.flags);
  ar("plugin_id_select", m.plugin_id_select, until(v24_05));
  ar("port", m.port);
  ar("cluster_id", m.cluster_id, since(v25_11));
}

void fields(Archive& ar, DbdClusterTres& m) {
  ar("cluster_nodes", m.cluster_nodes);
  ar("event_time", m.event_time);
  ar("tres_str", m.tres_str);
}

void fields(Archive& ar, DbdRollUsage& m) {
  ar("archive_data", m.archive_data);
  ar("end", m.end);
  ar("start", m.start);
}

void fields(Archive& ar, DbdFini& m) {
  ar("close_conn", m.close_conn);
  ar("commit", m.commit);
}

void fields(Archive& ar, DbdIdRc& m) {
  ar("job_id", m.job_id);
  ar("db_index", m.db_index);
  ar("flags", m.flags);
  ar("return_code", m.return_code);
}

void fields(Archive& ar, StepStats& m) {
  ar("act_cpufreq", m.act_cpufreq);
  ar("consumed_energy", m.consumed_energy);
  ar("tres_usage_in_ave", m.tres_usage_in_ave);
  ar("tres_usage_in_max", m.tres_usage_in_max);
  ar("tres_usage_in_max_nodeid", m.tres_usage_in_max_nodeid);
  ar("tres_usage_in_max_taskid", m.tres_usage_in_max_taskid);
  ar("tres_usage_in_min", m.tres_usage_in_min);
  ar("tres_usage_in_min_nodeid", m.tres_usage_in_min_nodeid);
  ar("tres_usage_in_min_taskid", m.tres_usage_in_min_taskid);
  ar("tres_usage_in_tot", m.tres_usage_in_tot);
  ar("tres_usage_out_ave", m.tres_usage_out_ave);
  ar("tres_usage_out_max", m.tres_usage_out_max);
  ar("tres_usage_out_max_nodeid", m.tres_usage_out_max_nodeid);
  ar("tres_usage_out_max_taskid", m.tres_usage_out_max_taskid);
  ar("tres_usage_out_min", m.tres_usage_out_min);
  ar("tres_usage_out_min_nodeid", m.tres_usage_out_min_nodeid);
  ar("tres_usage_out_min_taskid", m.tres_usage_out_min_taskid);
  ar("tres_usage_out_tot", m.tres_usage_out_tot);
}

void fields(Archive& ar, StepRec& m) {
  ar("container", m.container);
  ar("elapsed", m.elapsed);
  ar("end", m.end);
  ar("exitcode", m.exitcode);
  ar("nnodes", m.nnodes);
  ar("nodes", m.nodes);
  ar("ntasks", m.ntasks);
  ar("req_cpufreq_min", m.req_cpufreq_min);
  ar("req_cpufreq_max", m.req_cpufreq_max);
  ar("req_cpufreq_gov", m.req_cpufreq_gov);
  ar("requid", m.requid);
  ar("stats", m.stats);
  ar("start", m.start);
  ar("state", m.state);
  ar("step_id", m.step_id);
  ar("stepname", m.stepname);
  ar("cwd", m.cwd, since(v25_05));
  ar("std_err", m.std_err, since(v25_05));
  ar("std_in", m.std_in, since(v25_05));
  ar("std_out", m.std_out, since(v25_05));
  ar("submit_line", m.submit_line);
  ar("suspended", m.suspended);
  ar("sys_cpu_sec", m.sys_cpu_sec);
  ar("sys_cpu_usec", m.sys_cpu_usec);
  ar("task_dist", m.task_dist);
  ar("timelimit", m.timelimit, since(v25_05));
  ar("tot_cpu_sec", m.tot_cpu_sec);
  ar("tot_cpu_usec", m.tot_cpu_usec);
  ar("tres_alloc_str", m.tres_alloc_str);
  ar("user_cpu_sec", m.user_cpu_sec);
  ar("user_cpu_usec", m.user_cpu_usec);
}

void fields(Archive& ar, JobRec& m) {
  ar("account", m.account);
  ar("admin_comment", m.admin_comment);
  ar("alloc_nodes", m.alloc_nodes);
  ar("array_job_id", m.array_job_id);
  ar("array_max_tasks", m.array_max_tasks);
  ar("array_task_id", m.array_task_id);
  ar("array_task_str", m.array_task_str);
  ar("associd", m.associd);
  ar("blockid", m.blockid);
  ar("cluster", m.cluster);
  ar("constraints", m.constraints);
  ar("container", m.container);
  ar("db_index", m.db_index);
  ar("derived_ec", m.derived_ec);
  ar("derived_es", m.derived_es);
  ar("elapsed", m.elapsed);
  ar("eligible", m.eligible);
  ar("end", m.end);
  ar("env", m.env);
  ar("exclusive", m.exclusive, since(v26_05));
  ar("exitcode", m.exitcode);
  ar("extra", m.extra, since(v23_02));
  ar("failed_node", m.failed_node, since(v23_02));
  ar("flags", m.flags);
  ar("gid", m.gid);
  ar("jobid", m.jobid);
  ar("jobname", m.jobname);
  ar("lft", m.lft, until(v23_11));
  ar("licenses", m.licenses, since(v23_02));
  ar("lineage", m.lineage, since(v23_11));
  ar("mcs_label", m.mcs_label);
  ar("nodes", m.nodes);
  ar("het_job_id", m.het_job_id);
  ar("het_job_offset", m.het_job_offset);
  ar("oversubscribe", m.oversubscribe, since(v26_05));
  ar("partition", m.partition);
  ar("priority", m.priority);
  ar("qosid", m.qosid);
  ar("qos_req", m.qos_req, since(v24_11));
  ar("req_cpus", m.req_cpus);
  ar("req_mem", m.req_mem);
  ar("requid", m.requid);
  ar("restart_cnt", m.restart_cnt, since(v24_11));
  ar("resv_name", m.resv_name);
  ar("resvid", m.resvid);
  ar("resv_req", m.resv_req, since(v25_05));
  ar("script", m.script);
  ar("sluid", m.sluid, since(v26_05));
  ar("show_full", m.show_full);
  ar("start", m.start);
  ar("state", m.state);
  ar("state_reason_prev", m.state_reason_prev);
  ar("steps", m.steps);
  ar("segment_size", m.segment_size, since(v25_05));
  ar("std_err", m.std_err, since(v24_05));
  ar("std_in", m.std_in, since(v24_05));
  ar("std_out", m.std_out, since(v24_05));
  ar("submit", m.submit);
  ar("submit_line", m.submit_line);
  ar("suspended", m.suspended);
  ar("system_comment", m.system_comment);
  ar("sys_cpu_sec", m.sys_cpu_sec);
  ar("sys_cpu_usec", m.sys_cpu_usec);
  ar("timelimit", m.timelimit);
  ar("tot_cpu_sec", m.tot_cpu_sec);
  ar("tot_cpu_usec", m.tot_cpu_usec);
  ar("tres_alloc_str", m.tres_alloc_str);
  ar("tres_req_str", m.tres_req_str);
  ar("uid", m.uid);
  ar("user", m.user);
  ar("user_cpu_sec", m.user_cpu_sec);
  ar("user_cpu_usec", m.user_cpu_usec);
  ar("wckey", m.wckey);
  ar("wckeyid", m.wckeyid);
  ar("work_dir", m.work_dir);
}

}  // namespace flurm::wire
