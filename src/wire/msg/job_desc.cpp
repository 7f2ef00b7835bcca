// wire/msg/job_desc.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/job_desc.hpp"

#include "wire/plugin_data.hpp"
#include "wire/tres_text.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::counted, codec::present_u8, codec::secret, codec::since,
    codec::until;

void fields(Archive& ar, CronEntry& m) {
  ar("flags", m.flags);
  ar("minute", m.minute);
  ar("hour", m.hour);
  ar("day_of_month", m.day_of_month);
  ar("month", m.month);
  ar("day_of_week", m.day_of_week);
  ar("cronspec", m.cronspec);
  ar("line_start", m.line_start);
  ar("line_end", m.line_end);
}

void fields(Archive& ar, JobDesc& m) {
  ar("step_id", m.step_id, since(v25_11));
  ar("site_factor", m.site_factor);
  ar("batch_features", m.batch_features);
  ar("cluster_features", m.cluster_features);
  ar("clusters", m.clusters);
  ar("contiguous", m.contiguous);
  ar("container", m.container);
  ar("container_id", m.container_id, since(v23_02));
  ar("container_type", m.container_type, since(v26_05));
  ar("core_spec", m.core_spec);
  ar("task_dist", m.task_dist);
  ar("kill_on_node_fail", m.kill_on_node_fail);
  ar("features", m.features);
  ar("fed_siblings_active", m.fed_siblings_active);
  ar("fed_siblings_viable", m.fed_siblings_viable);
  ar("job_id", m.step_id.job_id, until(v25_11));
  ar("job_id_str", m.job_id_str);
  ar("name", m.name);
  ar("alloc_node", m.alloc_node);
  ar("alloc_sid", m.alloc_sid);
  ar("array_inx", m.array_inx);
  ar("burst_buffer", m.burst_buffer);
  ar("pn_min_cpus", m.pn_min_cpus);
  ar("pn_min_memory", m.pn_min_memory);
  ar("mem_update_delay", m.mem_update_delay, since(v26_05));
  ar("mem_update_margin", m.mem_update_margin, since(v26_05));
  ar("oom_kill_step", m.oom_kill_step, since(v24_11));
  ar("pn_min_tmp_disk", m.pn_min_tmp_disk);
  ar("power_flags", m.power_flags, until(v24_11));
  ar("prefer", m.prefer);
  ar("cpu_freq_min", m.cpu_freq_min);
  ar("cpu_freq_max", m.cpu_freq_max);
  ar("cpu_freq_gov", m.cpu_freq_gov);
  ar("partition", m.partition);
  ar("priority", m.priority);
  ar("dependency", m.dependency);
  ar("account", m.account);
  ar("admin_comment", m.admin_comment);
  ar("comment", m.comment);
  ar("nice", m.nice);
  ar("profile", m.profile);
  ar("qos", m.qos);
  ar("mcs_label", m.mcs_label);
  ar("origin_cluster", m.origin_cluster);
  ar("open_mode", m.open_mode);
  ar("overcommit", m.overcommit);
  ar("acctg_freq", m.acctg_freq);
  ar("num_tasks", m.num_tasks);
  ar("req_context", m.req_context);
  ar("req_nodes", m.req_nodes);
  ar("exc_nodes", m.exc_nodes);
  ar("environment", m.environment);
  ar("spank_job_env", m.spank_job_env);
  ar("script", m.script);
  ar("argv", m.argv);
  ar("std_err", m.std_err);
  ar("std_in", m.std_in);
  ar("std_out", m.std_out);
  ar("submit_line", m.submit_line);
  ar("work_dir", m.work_dir);
  ar("immediate", m.immediate);
  ar("reboot", m.reboot);
  ar("requeue", m.requeue);
  ar("shared", m.shared);
  ar("cpus_per_task", m.cpus_per_task);
  ar("ntasks_per_node", m.ntasks_per_node);
  ar("ntasks_per_board", m.ntasks_per_board);
  ar("ntasks_per_socket", m.ntasks_per_socket);
  ar("ntasks_per_core", m.ntasks_per_core);
  ar("ntasks_per_tres", m.ntasks_per_tres);
  ar("plane_size", m.plane_size);
  ar("cpu_bind_type", m.cpu_bind_type);
  ar("mem_bind_type", m.mem_bind_type);
  ar("cpu_bind", m.cpu_bind);
  ar("mem_bind", m.mem_bind);
  ar("time_limit", m.time_limit);
  ar("time_min", m.time_min);
  ar("min_cpus", m.min_cpus);
  ar("max_cpus", m.max_cpus);
  ar("min_nodes", m.min_nodes);
  ar("max_nodes", m.max_nodes);
  ar("job_size_str", m.job_size_str, since(v23_02));
  ar("boards_per_node", m.boards_per_node);
  ar("sockets_per_board", m.sockets_per_board);
  ar("sockets_per_node", m.sockets_per_node);
  ar("cores_per_socket", m.cores_per_socket);
  ar("threads_per_core", m.threads_per_core);
  ar("user_id", m.user_id);
  ar("group_id", m.group_id);
  ar("alloc_resp_port", m.alloc_resp_port);
  ar("alloc_tls_cert", m.alloc_tls_cert, since(v25_05));
  ar("resp_host", m.resp_host);
  ar("other_port", m.other_port);
  ar("resv_port_cnt", m.resv_port_cnt, since(v24_05));
  ar("network", m.network);
  ar("begin_time", m.begin_time);
  ar("end_time", m.end_time);
  ar("deadline", m.deadline);
  ar("licenses", m.licenses);
  ar("mail_type", m.mail_type);
  ar("mail_user", m.mail_user);
  ar("reservation", m.reservation);
  ar("restart_cnt", m.restart_cnt);
  ar("warn_flags", m.warn_flags);
  ar("warn_signal", m.warn_signal);
  ar("warn_time", m.warn_time);
  ar("wckey", m.wckey);
  ar("req_switch", m.req_switch);
  ar("wait4switch", m.wait4switch);
  select_jobinfo(ar);
  ar("wait_all_nodes", m.wait_all_nodes);
  ar("bitflags", m.bitflags);
  ar("delay_boot", m.delay_boot);
  ar("extra", m.extra);
  ar("x11", m.x11);
  ar("x11_magic_cookie", secret(m.x11_magic_cookie));
  ar("x11_target", m.x11_target);
  ar("x11_target_port", m.x11_target_port);
  ar("cpus_per_tres", tres_text(m.cpus_per_tres));
  ar("mem_per_tres", tres_text(m.mem_per_tres));
  ar("tres_bind", tres_text(m.tres_bind, TresForm::binding));
  ar("tres_freq", m.tres_freq);
  ar("tres_per_job", tres_text(m.tres_per_job));
  ar("tres_per_node", tres_text(m.tres_per_node));
  ar("tres_per_socket", tres_text(m.tres_per_socket));
  ar("tres_per_task", tres_text(m.tres_per_task, TresForm::per_task));
  ar("crontab_entry", present_u8(m.crontab_entry));
  ar("segment_size", m.segment_size, since(v24_05));
}

void fields(Archive& ar, JobDescList& m) { ar("jobs", counted<std::uint16_t>(m.jobs)); }

void fields(Archive& ar, SubmitResponse& m) {
  ar("job_id", m.step_id.job_id, until(v25_11));
  ar("step_id", m.step_id.step_id, until(v25_11));
  ar("step_id", m.step_id, since(v25_11));
  ar("error_code", m.error_code);
  ar("job_submit_user_msg", m.job_submit_user_msg);
}

void fields(Archive& ar, WillRunResponse& m) {
  job_or_step_id(ar, m.step_id);
  ar("job_submit_user_msg", m.job_submit_user_msg);
  ar("node_list", m.node_list);
  ar("part_name", m.part_name);
  ar("preemptee_job_id", absent_if_empty(m.preemptee_job_id));
  ar("proc_cnt", m.proc_cnt);
  ar("start_time", m.start_time);
  ar("sys_usage_per", m.sys_usage_per);
}

}  // namespace flurm::wire
