// store/columns.cpp — which column holds which member.
#include "store/columns.hpp"

#include <charconv>
#include <cstdlib>

namespace flurm::store {

namespace {

/// Items of a list in one column, with commas between.
template <class List>
std::string joined(const List& list) {
  std::string text;
  for (const auto& each : list) {
    if (!text.empty()) text += ',';
    if constexpr (std::is_same_v<std::decay_t<decltype(each)>, std::string>)
      text += each;
    else
      text += std::to_string(each);
  }
  return text;
}

template <class Each>
void split(const std::string& text, Each&& each) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    each(text.substr(at, comma - at));
    at = comma + 1;
  }
}

std::string text_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return {};
}

std::uint32_t number_of(const std::string& text) {
  return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
}

}  // namespace

Value Columns::text_or_number(const std::vector<std::uint32_t>& v) { return joined(v); }
Value Columns::text_or_number(const std::set<std::uint32_t>& v) { return joined(v); }
Value Columns::text_or_number(const std::vector<std::string>& v) { return joined(v); }
Value Columns::text_or_number(const std::set<std::string>& v) { return joined(v); }

Value Columns::text_or_number(const std::map<std::string, std::uint32_t>& v) {
  std::vector<std::string> items;
  for (const auto& [name, number] : v) items.push_back(name + "=" + std::to_string(number));
  return joined(items);
}

void Columns::assign(const Value& value, std::string& v) { v = text_of(value); }
void Columns::assign(const Value& value, double& v) {
  if (const auto* real = std::get_if<double>(&value))
    v = *real;
  else
    v = static_cast<double>(whole(value));
}
void Columns::assign(const Value& value, acct::TresCounts& v) { v = acct::parse_tres(text_of(value)); }
void Columns::assign(const Value& value, std::vector<std::uint32_t>& v) {
  v.clear();
  split(text_of(value), [&](const std::string& item) { v.push_back(number_of(item)); });
}
void Columns::assign(const Value& value, std::set<std::uint32_t>& v) {
  v.clear();
  split(text_of(value), [&](const std::string& item) { v.insert(number_of(item)); });
}
void Columns::assign(const Value& value, std::vector<std::string>& v) {
  v.clear();
  split(text_of(value), [&](const std::string& item) { v.push_back(item); });
}
void Columns::assign(const Value& value, std::set<std::string>& v) {
  v.clear();
  split(text_of(value), [&](const std::string& item) { v.insert(item); });
}

void Columns::assign(const Value& value, std::map<std::string, std::uint32_t>& v) {
  v.clear();
  split(text_of(value), [&](const std::string& item) {
    const std::size_t mark = std::min(item.rfind('='), item.size());
    v[item.substr(0, mark)] = mark < item.size() ? number_of(item.substr(mark + 1)) : 0;
  });
}

void columns(Columns& c, acct::Cluster& r) {
  c("name", r.name);
  c("control_host", r.control_host);
  c("control_port", r.control_port);
  c("last_port", r.last_port);
  c("rpc_version", r.rpc_version);
  c("dimensions", r.dimensions);
  c("classification", r.classification);
  c("flags", r.flags);
  c("plugin_id_select", r.plugin_id_select);
  c("nodes", r.nodes);
  c("tres", r.tres);
  c("deleted", r.deleted);
  c("created", r.created);
  c("modified", r.modified);
  c("federation", r.federation);
  c("fed_id", r.fed_id);
  c("fed_state", r.fed_state);
  c("fed_features", r.fed_features);
}

void columns(Columns& c, acct::Account& r) {
  c("name", r.name);
  c("description", r.description);
  c("organization", r.organization);
  c("coordinators", r.coordinators);
  c("deleted", r.deleted);
  c("created", r.created);
  c("modified", r.modified);
}

void columns(Columns& c, acct::User& r) {
  c("name", r.name);
  c("admin_level", r.admin_level);
  c("deleted", r.deleted);
  c("created", r.created);
  c("modified", r.modified);
}

void columns(Columns& c, acct::Assoc& r) {
  c("id", r.id);
  c("cluster", r.cluster);
  c("account", r.account);
  c("user_name", r.user);
  c("part", r.partition);
  c("parent_id", r.parent_id);
  c("tree_rank", r.rank);
  c("is_default", r.is_default);
  c("shares", r.shares);
  c("grp_jobs", r.limits.grp_jobs);
  c("grp_jobs_accrue", r.limits.grp_jobs_accrue);
  c("grp_submit_jobs", r.limits.grp_submit_jobs);
  c("grp_wall", r.limits.grp_wall);
  c("grp_tres", r.limits.grp_tres);
  c("grp_tres_mins", r.limits.grp_tres_mins);
  c("grp_tres_run_mins", r.limits.grp_tres_run_mins);
  c("max_jobs", r.limits.max_jobs);
  c("max_jobs_accrue", r.limits.max_jobs_accrue);
  c("min_prio_thresh", r.limits.min_prio_thresh);
  c("max_submit_jobs", r.limits.max_submit_jobs);
  c("max_wall_pj", r.limits.max_wall_pj);
  c("priority", r.limits.priority);
  c("def_qos_id", r.limits.def_qos_id);
  c("max_tres_pj", r.limits.max_tres_pj);
  c("max_tres_pn", r.limits.max_tres_pn);
  c("max_tres_mins_pj", r.limits.max_tres_mins_pj);
  c("max_tres_run_mins", r.limits.max_tres_run_mins);
  c("qos", r.qos);
  c("delta_qos", r.delta_qos);
  c("deleted", r.deleted);
  c("created", r.created);
  c("modified", r.modified);
}

void columns(Columns& c, acct::Qos& r) {
  c("id", r.id);
  c("name", r.name);
  c("description", r.description);
  c("flags", r.flags);
  c("grace_time", r.grace_time);
  c("grp_jobs", r.grp_jobs);
  c("grp_jobs_accrue", r.grp_jobs_accrue);
  c("grp_submit_jobs", r.grp_submit_jobs);
  c("grp_wall", r.grp_wall);
  c("grp_tres", r.grp_tres);
  c("grp_tres_mins", r.grp_tres_mins);
  c("grp_tres_run_mins", r.grp_tres_run_mins);
  c("max_tres_mins_pj", r.max_tres_mins_pj);
  c("max_tres_run_mins_pa", r.max_tres_run_mins_pa);
  c("max_tres_run_mins_pu", r.max_tres_run_mins_pu);
  c("max_tres_pa", r.max_tres_pa);
  c("max_tres_pj", r.max_tres_pj);
  c("max_tres_pn", r.max_tres_pn);
  c("max_tres_pu", r.max_tres_pu);
  c("min_tres_pj", r.min_tres_pj);
  c("max_jobs_pa", r.max_jobs_pa);
  c("max_jobs_pu", r.max_jobs_pu);
  c("max_jobs_accrue_pa", r.max_jobs_accrue_pa);
  c("max_jobs_accrue_pu", r.max_jobs_accrue_pu);
  c("min_prio_thresh", r.min_prio_thresh);
  c("max_submit_jobs_pa", r.max_submit_jobs_pa);
  c("max_submit_jobs_pu", r.max_submit_jobs_pu);
  c("max_wall_pj", r.max_wall_pj);
  c("preempt", r.preempt);
  c("preempt_mode", r.preempt_mode);
  c("preempt_exempt_time", r.preempt_exempt_time);
  c("priority", r.priority);
  c("usage_factor", r.usage_factor);
  c("usage_thres", r.usage_thres);
  c("limit_factor", r.limit_factor);
  c("deleted", r.deleted);
  c("created", r.created);
  c("modified", r.modified);
}

void columns(Columns& c, acct::Tres& r) {
  c("id", r.id);
  c("kind", r.type);
  c("name", r.name);
}

void columns(Columns& c, acct::Wckey& r) {
  c("id", r.id);
  c("cluster", r.cluster);
  c("user_name", r.user);
  c("name", r.name);
  c("is_default", r.is_default);
  c("deleted", r.deleted);
  c("created", r.created);
  c("modified", r.modified);
}

void columns(Columns& c, acct::Resource& r) {
  c("id", r.id);
  c("name", r.name);
  c("server", r.server);
  c("description", r.description);
  c("manager", r.manager);
  c("amount", r.count);
  c("flags", r.flags);
  c("kind", r.type);
  c("shares", r.shares);
  c("deleted", r.deleted);
  c("created", r.created);
  c("modified", r.modified);
}

void columns(Columns& c, acct::Federation& r) {
  c("name", r.name);
  c("flags", r.flags);
  c("deleted", r.deleted);
  c("created", r.created);
  c("modified", r.modified);
}

void columns(Columns& c, acct::Transaction& r) {
  c("id", r.id);
  c("time", r.time);
  c("action", r.action);
  c("actor", r.actor);
  c("place", r.where);
  c("info", r.info);
  c("cluster", r.cluster);
}

void columns(Columns& c, acct::Job& r) {
  c("db_index", r.db_index);
  c("cluster", r.cluster);
  c("job_id", r.job_id);
  c("uid", r.uid);
  c("gid", r.gid);
  c("assoc_id", r.assoc_id);
  c("qos_id", r.qos_id);
  c("wckey_id", r.wckey_id);
  c("resv_id", r.resv_id);
  c("account", r.account);
  c("user_name", r.user);
  c("part", r.partition);
  c("wckey", r.wckey);
  c("name", r.name);
  c("work_dir", r.work_dir);
  c("submit_line", r.submit_line);
  c("container", r.container);
  c("mcs_label", r.mcs_label);
  c("constraints", r.constraints);
  c("gres_used", r.gres_used);
  c("array_job_id", r.array_job_id);
  c("array_task_id", r.array_task_id);
  c("array_max_tasks", r.array_max_tasks);
  c("array_task_pending", r.array_task_pending);
  c("array_task_str", r.array_task_str);
  c("het_job_id", r.het_job_id);
  c("het_job_offset", r.het_job_offset);
  c("state", r.state);
  c("state_reason_prev", r.state_reason_prev);
  c("flags", r.flags);
  c("priority", r.priority);
  c("timelimit", r.timelimit);
  c("req_cpus", r.req_cpus);
  c("alloc_nodes", r.alloc_nodes);
  c("req_mem", r.req_mem);
  c("nodes", r.nodes);
  c("node_inx", r.node_inx);
  c("tres_alloc", r.tres_alloc);
  c("tres_req", r.tres_req);
  c("licenses", r.licenses);
  c("time_submit", r.submit);
  c("time_eligible", r.eligible);
  c("time_start", r.start);
  c("time_end", r.end);
  c("modified", r.modified);
  c("suspended", r.suspended);
  c("exit_code", r.exit_code);
  c("derived_ec", r.derived_ec);
  c("kill_uid", r.kill_uid);
  c("derived_es", r.derived_es);
  c("admin_comment", r.admin_comment);
  c("system_comment", r.system_comment);
  c("extra", r.extra);
  c("failed_node", r.failed_node);
  c("script_hash", r.script_hash);
  c("env_hash", r.env_hash);
  c("std_in", r.std_in);
  c("std_out", r.std_out);
  c("std_err", r.std_err);
  c("qos_req", r.qos_req);
  c("resv_req", r.resv_req);
  c("restart_count", r.restart_count);
  c("segment_size", r.segment_size);
}

void columns(Columns& c, acct::Step& r) {
  c("db_index", r.db_index);
  c("step_id", r.step_id);
  c("het_comp", r.het_comp);
  c("name", r.name);
  c("nodes", r.nodes);
  c("node_inx", r.node_inx);
  c("submit_line", r.submit_line);
  c("container", r.container);
  c("tres_alloc", r.tres_alloc);
  c("state", r.state);
  c("node_count", r.node_count);
  c("tasks", r.tasks);
  c("task_dist", r.task_dist);
  c("cpufreq_min", r.cpufreq_min);
  c("cpufreq_max", r.cpufreq_max);
  c("cpufreq_gov", r.cpufreq_gov);
  c("time_start", r.start);
  c("time_end", r.end);
  c("suspended", r.suspended);
  c("exit_code", r.exit_code);
  c("kill_uid", r.kill_uid);
  c("user_sec", r.user_sec);
  c("user_usec", r.user_usec);
  c("sys_sec", r.sys_sec);
  c("sys_usec", r.sys_usec);
  c("act_cpufreq", r.act_cpufreq);
  c("consumed_energy", r.consumed_energy);
  c("in_ave", r.in_ave);
  c("in_max", r.in_max);
  c("in_max_node", r.in_max_node);
  c("in_max_task", r.in_max_task);
  c("in_min", r.in_min);
  c("in_min_node", r.in_min_node);
  c("in_min_task", r.in_min_task);
  c("in_tot", r.in_tot);
  c("out_ave", r.out_ave);
  c("out_max", r.out_max);
  c("out_max_node", r.out_max_node);
  c("out_max_task", r.out_max_task);
  c("out_min", r.out_min);
  c("out_min_node", r.out_min_node);
  c("out_min_task", r.out_min_task);
  c("out_tot", r.out_tot);
  c("cwd", r.cwd);
  c("std_in", r.std_in);
  c("std_out", r.std_out);
  c("std_err", r.std_err);
  c("timelimit", r.timelimit);
}

void columns(Columns& c, acct::Suspension& r) {
  c("db_index", r.db_index);
  c("time_start", r.start);
  c("time_end", r.end);
}

void columns(Columns& c, acct::Event& r) {
  c("cluster", r.cluster);
  c("node", r.node);
  c("time_start", r.start);
  c("time_end", r.end);
  c("state", r.state);
  c("reason_uid", r.reason_uid);
  c("reason", r.reason);
  c("cluster_nodes", r.cluster_nodes);
  c("tres", r.tres);
  c("extra", r.extra);
  c("instance_id", r.instance_id);
  c("instance_type", r.instance_type);
}

void columns(Columns& c, acct::Reservation& r) {
  c("cluster", r.cluster);
  c("name", r.name);
  c("assocs", r.assocs);
  c("nodes", r.nodes);
  c("node_inx", r.node_inx);
  c("tres", r.tres);
  c("comment", r.comment);
  c("id", r.id);
  c("flags", r.flags);
  c("time_start", r.start);
  c("time_end", r.end);
  c("unused_wall", r.unused_wall);
  c("deleted", r.deleted);
}

}  // namespace flurm::store
