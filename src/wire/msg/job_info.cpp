// wire/msg/job_info.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/job_info.hpp"

#include "codec/pack.hpp"
#include "wire/msg/records.hpp"
#include "wire/plugin_data.hpp"
#include "wire/tres_text.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::as, codec::count, codec::items, codec::Kind, codec::present_u8, codec::since, codec::until,
    codec::unused;

namespace {

/// From 24.11 the record is sorted anew: what all jobs have, then details.
void details(Archive& ar, JobInfo& m) {
  ar("accrue_time", m.accrue_time);
  ar("eligible_time", m.eligible_time);
  ar("cluster_features", m.cluster_features);
  ar("cpu_freq_gov", m.cpu_freq_gov);
  ar("cpu_freq_max", m.cpu_freq_max);
  ar("cpu_freq_min", m.cpu_freq_min);
  ar("dependency", m.dependency);
  ar("job_size_str", m.job_size_str);
  ar("nice", m.nice);
  ar("ntasks_per_node", m.ntasks_per_node);
  ar("ntasks_per_tres", m.ntasks_per_tres);
  ar("requeue", m.requeue);
  ar("segment_size", m.segment_size, since(v25_05));
  ar("submit_time", m.submit_time);
  ar("work_dir", m.work_dir);
  ar("features", m.features);
  ar("prefer", m.prefer);
  ar("command", m.command);
  ar("submit_line", m.submit_line, since(v25_11));
  ar("num_cpus", m.num_cpus);
  ar("max_cpus", m.max_cpus);
  ar("num_nodes", m.num_nodes);
  ar("max_nodes", m.max_nodes);
  ar("num_tasks", m.num_tasks);
  ar("exclusive", m.exclusive, since(v26_05));
  ar("shared", m.shared);
  ar("oversubscribe", m.oversubscribe, since(v26_05));
  ar("cronspec", m.cronspec);
  ar("mem_update_delay", m.mem_update_delay, since(v26_05));
  ar("mem_update_margin", m.mem_update_margin, since(v26_05));
}

void fields_until_24_05(Archive& ar, JobInfo& m) {
  ar("array_job_id", m.array_job_id);
  ar("array_task_id", m.array_task_id);
  ar("array_task_str", m.array_task_str);
  ar("array_max_tasks", m.array_max_tasks);
  ar("assoc_id", m.assoc_id);
  ar("container", m.container);
  ar("container_id", m.container_id, since(v23_02));
  ar("delay_boot", m.delay_boot);
  ar("failed_node", m.failed_node, since(v23_02));
  ar("job_id", m.step_id.job_id);
  ar("user_id", m.user_id);
  ar("group_id", m.group_id);
  ar("het_job_id", m.het_job_id);
  ar("het_job_id_set", m.het_job_id_set);
  ar("het_job_offset", m.het_job_offset);
  ar("profile", m.profile);
  ar("job_state", m.job_state);
  ar("batch_flag", m.batch_flag);
  ar("state_reason", as<std::uint16_t>(m.state_reason), until(v23_02));
  ar("state_reason", m.state_reason, since(v23_02));
  ar("unused", unused<std::uint8_t>());
  ar("reboot", m.reboot);
  ar("restart_cnt", m.restart_cnt);
  ar("show_flags", m.show_flags);
  ar("deadline", m.deadline);
  ar("alloc_sid", m.alloc_sid);
  ar("time_limit", m.time_limit);
  ar("time_min", m.time_min);
  ar("nice", m.nice);
  ar("submit_time", m.submit_time);
  ar("eligible_time", m.eligible_time);
  ar("accrue_time", m.accrue_time);
  ar("start_time", m.start_time);
  ar("end_time", m.end_time);
  ar("suspend_time", m.suspend_time);
  ar("pre_sus_time", m.pre_sus_time);
  ar("resize_time", m.resize_time);
  ar("last_sched_eval", m.last_sched_eval);
  ar("preempt_time", m.preempt_time);
  ar("priority", m.priority);
  ar("priority_array", m.priority_array, since(v24_05));
  ar("priority_array_names", m.priority_array_names, since(v24_05));
  ar("billable_tres", m.billable_tres);
  ar("cluster", m.cluster);
  ar("nodes", m.nodes);
  ar("sched_nodes", m.sched_nodes);
  ar("partition", m.partition);
  ar("account", m.account);
  ar("admin_comment", m.admin_comment);
  ar("site_factor", m.site_factor);
  ar("network", m.network);
  ar("comment", m.comment);
  ar("extra", m.extra, since(v23_02));
  ar("container", m.container);
  ar("batch_features", m.batch_features);
  ar("batch_host", m.batch_host);
  ar("burst_buffer", m.burst_buffer);
  ar("burst_buffer_state", m.burst_buffer_state);
  ar("system_comment", m.system_comment);
  ar("qos", m.qos);
  ar("preemptable_time", m.preemptable_time);
  ar("licenses", m.licenses);
  ar("state_desc", m.state_desc);
  ar("resv_name", m.resv_name);
  ar("resv_ports", m.resv_ports, since(v24_05));
  ar("mcs_label", m.mcs_label);
  ar("exit_code", m.exit_code);
  ar("derived_ec", m.derived_ec);
  ar("gres_total", m.gres_total);
  job_resources(ar, m.job_resrcs);
  ar("gres_detail_str", m.gres_detail_str);
  ar("name", m.name);
  ar("user_name", m.user_name);
  ar("wckey", m.wckey);
  ar("req_switch", m.req_switch);
  ar("wait4switch", m.wait4switch);
  ar("alloc_node", m.alloc_node);
  ar("node_inx", m.node_inx);
  select_jobinfo(ar);
  ar("features", m.features);
  ar("prefer", m.prefer);
  ar("cluster_features", m.cluster_features);
  ar("work_dir", m.work_dir);
  ar("dependency", m.dependency);
  ar("command", m.command);
  ar("num_cpus", m.num_cpus);
  ar("max_cpus", m.max_cpus);
  ar("num_nodes", m.num_nodes);
  ar("max_nodes", m.max_nodes);
  ar("job_size_str", m.job_size_str, since(v23_02));
  ar("requeue", m.requeue);
  ar("ntasks_per_node", m.ntasks_per_node);
  ar("ntasks_per_tres", m.ntasks_per_tres);
  ar("num_tasks", m.num_tasks);
  ar("shared", m.shared);
  ar("cpu_freq_min", m.cpu_freq_min);
  ar("cpu_freq_max", m.cpu_freq_max);
  ar("cpu_freq_gov", m.cpu_freq_gov);
  ar("cronspec", m.cronspec);
  ar("contiguous", m.contiguous);
  ar("core_spec", m.core_spec);
  ar("cpus_per_task", m.cpus_per_task);
  ar("pn_min_cpus", m.pn_min_cpus);
  ar("pn_min_memory", m.pn_min_memory);
  ar("pn_min_tmp_disk", m.pn_min_tmp_disk);
  ar("req_nodes", m.req_nodes);
  ar("req_node_inx", m.req_node_inx);
  ar("exc_nodes", m.exc_nodes);
  ar("exc_node_inx", m.exc_node_inx);
  ar("std_err", m.std_err);
  ar("std_in", m.std_in);
  ar("std_out", m.std_out);
  ar("mc_ptr", present_u8(m.mc_ptr, 0xff));
  ar("bitflags", m.bitflags);
  ar("tres_alloc_str", m.tres_alloc_str);
  ar("tres_req_str", m.tres_req_str);
  ar("start_protocol_ver", m.start_protocol_ver);
  ar("fed_origin_str", m.fed_origin_str);
  ar("fed_siblings_active", m.fed_siblings_active);
  ar("fed_siblings_active_str", m.fed_siblings_active_str);
  ar("fed_siblings_viable", m.fed_siblings_viable);
  ar("fed_siblings_viable_str", m.fed_siblings_viable_str);
  ar("cpus_per_tres", tres_text(m.cpus_per_tres));
  ar("mem_per_tres", tres_text(m.mem_per_tres));
  ar("tres_bind", tres_text(m.tres_bind, TresForm::binding));
  ar("tres_freq", m.tres_freq);
  ar("tres_per_job", tres_text(m.tres_per_job));
  ar("tres_per_node", tres_text(m.tres_per_node));
  ar("tres_per_socket", tres_text(m.tres_per_socket));
  ar("tres_per_task", tres_text(m.tres_per_task, TresForm::per_task));
  ar("mail_type", m.mail_type);
  ar("mail_user", m.mail_user);
  ar("selinux_context", m.selinux_context);
}

void fields_since_24_11(Archive& ar, JobInfo& m) {
  ar("step_id", m.step_id, since(v25_11));
  ar("account", m.account);
  ar("admin_comment", m.admin_comment);
  ar("alloc_node", m.alloc_node);
  ar("alloc_sid", m.alloc_sid);
  ar("array_job_id", m.array_job_id);
  ar("array_task_id", m.array_task_id);
  ar("assoc_id", m.assoc_id);
  ar("batch_features", m.batch_features);
  ar("batch_flag", m.batch_flag);
  ar("batch_host", m.batch_host);
  ar("bitflags", m.bitflags);
  ar("burst_buffer", m.burst_buffer);
  ar("burst_buffer_state", m.burst_buffer_state);
  ar("billable_tres", m.billable_tres);
  ar("comment", m.comment);
  ar("container", m.container);
  ar("container_id", m.container_id);
  ar("container_type", m.container_type, since(v26_05));
  ar("cpus_per_tres", tres_text(m.cpus_per_tres));
  ar("deadline", m.deadline);
  ar("delay_boot", m.delay_boot);
  ar("derived_ec", m.derived_ec);
  ar("exit_code", m.exit_code);
  ar("extra", m.extra);
  ar("failed_node", m.failed_node);
  ar("has_federation", m.has_federation);
  if (m.has_federation || ar.kind() == Kind::layout) {
    ar("fed_origin_str", m.fed_origin_str);
    ar("fed_siblings_active", m.fed_siblings_active);
    ar("fed_siblings_active_str", m.fed_siblings_active_str);
    ar("fed_siblings_viable", m.fed_siblings_viable);
    ar("fed_siblings_viable_str", m.fed_siblings_viable_str);
  }
  ar("gres_total", m.gres_total);
  ar("group_id", m.group_id);
  ar("het_job_id", m.het_job_id);
  ar("het_job_id_set", m.het_job_id_set);
  ar("het_job_offset", m.het_job_offset);
  ar("job_id", m.step_id.job_id, until(v25_11));
  ar("job_state", m.job_state);
  ar("last_sched_eval", m.last_sched_eval);
  ar("licenses", m.licenses);
  ar("licenses_allocated", m.licenses_allocated, since(v25_05));
  ar("mail_type", m.mail_type);
  ar("mail_user", m.mail_user);
  ar("mcs_label", m.mcs_label);
  ar("mem_per_tres", tres_text(m.mem_per_tres));
  ar("name", m.name);
  ar("network", m.network);
  ar("preempt_time", m.preempt_time);
  ar("pre_sus_time", m.pre_sus_time);
  ar("priority", m.priority);
  ar("profile", m.profile);
  ar("reboot", m.reboot);
  ar("req_switch", m.req_switch);
  ar("resize_time", m.resize_time);
  ar("restart_cnt", m.restart_cnt);
  ar("resv_name", m.resv_name);
  ar("resv_ports", m.resv_ports);
  ar("selinux_context", m.selinux_context);
  ar("site_factor", m.site_factor);
  ar("start_protocol_ver", m.start_protocol_ver);
  ar("state_desc", m.state_desc);
  ar("state_reason", m.state_reason);
  ar("suspend_time", m.suspend_time);
  ar("system_comment", m.system_comment);
  ar("time_min", m.time_min);
  ar("tres_bind", tres_text(m.tres_bind, TresForm::binding));
  ar("tres_alloc_str", m.tres_alloc_str);
  ar("tres_req_str", m.tres_req_str);
  ar("tres_freq", m.tres_freq);
  ar("tres_per_job", tres_text(m.tres_per_job));
  ar("tres_per_node", tres_text(m.tres_per_node));
  ar("tres_per_socket", tres_text(m.tres_per_socket));
  ar("tres_per_task", tres_text(m.tres_per_task, TresForm::per_task));
  ar("user_id", m.user_id);
  ar("user_name", m.user_name);
  ar("wait4switch", m.wait4switch);
  ar("wckey", m.wckey);
  ar("array_task_str", m.array_task_str);
  ar("array_max_tasks", m.array_max_tasks);
  ar("time_limit", m.time_limit);
  ar("start_time", m.start_time);
  ar("end_time", m.end_time);
  ar("priority_array", m.priority_array);
  ar("priority_array_names", m.priority_array_names);
  ar("cluster", m.cluster);
  ar("nodes", m.nodes);
  ar("sched_nodes", m.sched_nodes);
  ar("partition", m.partition);
  ar("qos", m.qos);
  ar("preemptable_time", m.preemptable_time);
  job_resources(ar, m.job_resrcs);
  ar("gres_detail_str", m.gres_detail_str);
  ar("node_inx", m.node_inx);
  ar("details", m.details);
  if (!m.details && ar.kind() != Kind::layout) {
    ar("num_cpus", m.num_cpus);
    ar("num_nodes", m.num_nodes);
    ar("nice", m.nice);
  } else {
    details(ar, m);
  }
  ar("contiguous", m.contiguous);
  ar("core_spec", m.core_spec);
  ar("cpus_per_task", m.cpus_per_task);
  ar("pn_min_cpus", m.pn_min_cpus);
  ar("pn_min_memory", m.pn_min_memory);
  ar("pn_min_tmp_disk", m.pn_min_tmp_disk);
  ar("oom_kill_step", m.oom_kill_step);
  ar("req_nodes", m.req_nodes);
  ar("req_node_inx", m.req_node_inx);
  ar("exc_nodes", m.exc_nodes);
  ar("exc_node_inx", m.exc_node_inx);
  ar("std_err", m.std_err);
  ar("std_in", m.std_in);
  ar("std_out", m.std_out);
  ar("mc_ptr", present_u8(m.mc_ptr, 0xff));
}

}  // namespace

void fields(Archive& ar, JobInfo& m) {
  if (ar.version() < v24_11) {
    fields_until_24_05(ar, m);
  } else {
    fields_since_24_11(ar, m);
  }
}

void fields(Archive& ar, JobInfoArray& m) {
  auto n = static_cast<std::uint32_t>(m.job_array.size());
  ar("record_count", count(n));
  ar("last_update", m.last_update);
  ar("last_backfill", m.last_backfill);
  ar("job_array", items(m.job_array, n));
}

std::string pack_job_info(const JobInfo& job, std::uint16_t version) { return pack_record(job, version); }

std::string pack_job_info_array(TimeS last_update, TimeS last_backfill, std::span<const std::string_view> records,
                                std::uint16_t version) {
  JobInfoArray empty;
  empty.last_update = last_update;
  empty.last_backfill = last_backfill;
  return pack_with_records(empty, records, version);
}

}  // namespace flurm::wire
