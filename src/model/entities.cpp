// model/entities.cpp — the field lists of the entities, for the log and snapshots, and their small derivations.
// Field order is the stored format: new fields go last, with since(<state format version>).
#include "codec/archive.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"

namespace flurm::model {
namespace {

/// A shared, immutable value stored in place.
template <class T>
void shared(codec::Archive& ar, const char* name, std::shared_ptr<const T>& value) {
  if (ar.fills()) {
    auto filled = std::make_shared<T>();
    ar(name, *filled);
    value = std::move(filled);
  } else if (value) {
    ar(name, const_cast<T&>(*value));  // an archive that does not fill only reads
  } else {
    T empty;
    ar(name, empty);
  }
}

/// The same, which may be absent.
template <class T>
void shared_optional(codec::Archive& ar, const char* name, std::shared_ptr<const T>& value) {
  bool present = value != nullptr;
  ar("present", present);
  if (present) {
    shared(ar, name, value);
  } else if (ar.fills()) {
    value.reset();
  }
}

}  // namespace

std::uint32_t Allocation::total_cpus() const {
  std::uint32_t total = 0;
  for (const NodeShare& share : shares) total += share.cpus;
  return total;
}

bool Job::misses_deadline(TimeS now) const {
  if (!request->deadline) return false;
  const bool could_start = priority != 0 && dependencies.empty() && request->begin_time <= now;
  std::int64_t minutes = 0;
  if (could_start && request->time_min != kNoVal32 && request->time_min != 0)
    minutes = request->time_min;
  else if (could_start && time_limit != kNoVal32 && time_limit != kInfinite32)
    minutes = time_limit;
  return request->deadline < std::max(now + minutes * 60, now + 1);
}

std::int64_t Job::run_time(TimeS now) const {
  if (!start_time || state.pending()) return 0;
  if (state.suspended()) return ran_before_suspend_s;
  const TimeS until = state.ended() || (end_time && end_time < now && !state.running()) ? end_time : now;
  if (suspend_time) return until - suspend_time + ran_before_suspend_s;
  return std::max<std::int64_t>(until - start_time, 0);
}

bool Node::usable() const {
  if (removed || base == NodeBase::down || base == NodeBase::unknown || base == NodeBase::future ||
      base == NodeBase::error)
    return false;
  return !has(node_flag::drain | node_flag::fail | node_flag::no_respond | node_flag::powered_down |
              node_flag::powering_down | node_flag::reboot_issued | node_flag::invalid_reg);
}

void fields(codec::Archive& ar, JobPayload& p) {
  ar("script", codec::bytes(p.script));
  ar("argv", p.argv);
  ar("environment", p.environment);
  ar("spank_environment", p.spank_environment);
  ar("x11_cookie", codec::secret(p.x11_cookie), codec::since(6));
  ar("x11_target", p.x11_target, codec::since(6));
  ar("x11_target_port", p.x11_target_port, codec::since(6));
}

void fields(codec::Archive& ar, JobRequest& r) {
  ar("user_id", r.user_id);
  ar("group_id", r.group_id);
  ar("user_name", r.user_name);
  ar("alloc_node", r.alloc_node);
  ar("alloc_sid", r.alloc_sid);
  ar("resp_host", r.resp_host);
  ar("alloc_resp_port", r.alloc_resp_port);
  ar("other_port", r.other_port);
  ar("name", r.name);
  ar("account", r.account);
  ar("qos", r.qos);
  ar("wckey", r.wckey);
  ar("partition", r.partition);
  ar("reservation", r.reservation);
  ar("comment", r.comment);
  ar("admin_comment", r.admin_comment);
  ar("system_comment", r.system_comment);
  ar("extra", r.extra);
  ar("mcs_label", r.mcs_label);
  ar("burst_buffer", r.burst_buffer);
  ar("container", r.container);
  ar("network", r.network);
  ar("acctg_freq", r.acctg_freq);
  ar("cluster_features", r.cluster_features);
  ar("submit_line", r.submit_line);
  ar("work_dir", r.work_dir);
  ar("std_in", r.std_in);
  ar("std_out", r.std_out);
  ar("std_err", r.std_err);
  ar("command", r.command);
  ar("open_mode", r.open_mode);
  ar("begin_time", r.begin_time);
  ar("deadline", r.deadline);
  ar("time_limit", r.time_limit);
  ar("time_min", r.time_min);
  ar("priority", r.priority);
  ar("nice", r.nice);
  ar("site_factor", r.site_factor);
  ar("delay_boot", r.delay_boot);
  ar("dependency", r.dependency);
  ar("num_tasks", r.num_tasks);
  ar("min_cpus", r.min_cpus);
  ar("max_cpus", r.max_cpus);
  ar("min_nodes", r.min_nodes);
  ar("max_nodes", r.max_nodes);
  ar("cpus_per_task", r.cpus_per_task);
  ar("ntasks_per_node", r.ntasks_per_node);
  ar("ntasks_per_board", r.ntasks_per_board);
  ar("ntasks_per_socket", r.ntasks_per_socket);
  ar("ntasks_per_core", r.ntasks_per_core);
  ar("ntasks_per_tres", r.ntasks_per_tres);
  ar("boards_per_node", r.boards_per_node);
  ar("sockets_per_board", r.sockets_per_board);
  ar("sockets_per_node", r.sockets_per_node);
  ar("cores_per_socket", r.cores_per_socket);
  ar("threads_per_core", r.threads_per_core);
  ar("pn_min_cpus", r.pn_min_cpus);
  ar("core_spec", r.core_spec);
  ar("plane_size", r.plane_size);
  ar("pn_min_memory", r.pn_min_memory);
  ar("pn_min_tmp_disk", r.pn_min_tmp_disk);
  ar("task_dist", r.task_dist);
  ar("req_nodes", r.req_nodes);
  ar("exc_nodes", r.exc_nodes);
  ar("features", r.features);
  ar("prefer", r.prefer);
  ar("batch_features", r.batch_features);
  ar("licenses", r.licenses);
  ar("contiguous", r.contiguous);
  ar("shared", r.shared);
  ar("req_switch", r.req_switch);
  ar("wait4switch", r.wait4switch);
  ar("batch", r.batch);
  ar("overcommit", r.overcommit);
  ar("requeue", r.requeue);
  ar("reboot", r.reboot);
  ar("kill_on_node_fail", r.kill_on_node_fail);
  ar("wait_all_nodes", r.wait_all_nodes);
  ar("profile", r.profile);
  ar("cpu_freq_min", r.cpu_freq_min);
  ar("cpu_freq_max", r.cpu_freq_max);
  ar("cpu_freq_gov", r.cpu_freq_gov);
  ar("cpu_bind", r.cpu_bind);
  ar("mem_bind", r.mem_bind);
  ar("cpu_bind_type", r.cpu_bind_type);
  ar("mem_bind_type", r.mem_bind_type);
  ar("warn_flags", r.warn_flags);
  ar("warn_signal", r.warn_signal);
  ar("warn_time", r.warn_time);
  ar("mail_type", r.mail_type);
  ar("mail_user", r.mail_user);
  ar("bitflags", r.bitflags);
  ar("x11", r.x11);
  ar("cpus_per_tres", r.cpus_per_tres);
  ar("mem_per_tres", r.mem_per_tres);
  ar("tres_bind", r.tres_bind);
  ar("tres_freq", r.tres_freq);
  ar("tres_per_job", r.tres_per_job);
  ar("tres_per_node", r.tres_per_node);
  ar("tres_per_socket", r.tres_per_socket);
  ar("tres_per_task", r.tres_per_task);
  ar("segment_size", r.segment_size);
  ar("client_version", r.client_version, codec::since(4));
}

void fields(codec::Archive& ar, Dependency& d) {
  ar("type", d.type);
  ar("job", d.job);
  ar("task", d.task);
  ar("after_minutes", d.after_minutes);
  ar("or_next", d.or_next);
  ar("state", d.state);
}

void fields(codec::Archive& ar, ArrayPart& a) {
  ar("array_job", a.array_job);
  ar("task", a.task);
  ar("pending", a.pending);
  ar("max_running", a.max_running);
  ar("task_count", a.task_count);
  ar("task_min", a.task_min);
  ar("task_max", a.task_max);
  ar("task_step", a.task_step);
  ar("tasks_ended", a.tasks_ended, codec::since(2));
  ar("least_status", a.least_status, codec::since(2));
  ar("worst_status", a.worst_status, codec::since(2));
  ar("task_begun", a.task_begun, codec::since(2));
  ar("task_requeued", a.task_requeued, codec::since(2));
}

void fields(codec::Archive& ar, HetPart& h) {
  ar("offset", h.offset);
  ar("components", h.components);
  if (ar.fills() && h.offset >= h.components.size()) ar.reject("a component beyond its heterogeneous job");
}

void fields(codec::Archive& ar, NodeShare& s) {
  ar("node", s.node);
  ar("cpus", s.cpus);
  ar("memory_mib", s.memory_mib);
  ar("cores", s.cores);
  ar("gres", s.gres, codec::since(4));
}

void fields(codec::Archive& ar, Allocation& a) {
  ar("shares", a.shares);
  ar("nodes", a.nodes);
  ar("whole_node", a.whole_node);
}

void fields(codec::Archive& ar, JobState& s) {
  ar("base", s.base);
  ar("flags", s.flags);
}

void fields(codec::Archive& ar, Job& j) {
  ar("id", j.id);
  shared(ar, "request", j.request);
  shared(ar, "payload", j.payload);
  ar("array", codec::present_bool(j.array));
  ar("state", j.state);
  ar("reason", j.reason);
  ar("state_desc", j.state_desc);
  ar("dependencies", j.dependencies);
  ar("priority", j.priority);
  ar("direct_set_priority", j.direct_set_priority);
  ar("time_limit", j.time_limit);
  ar("partition", j.partition);
  ar("submit_time", j.submit_time);
  ar("eligible_time", j.eligible_time);
  ar("accrue_time", j.accrue_time);
  ar("start_time", j.start_time);
  ar("end_time", j.end_time);
  ar("suspend_time", j.suspend_time);
  ar("resize_time", j.resize_time);
  ar("last_sched_eval", j.last_sched_eval);
  ar("preempt_time", j.preempt_time);
  ar("suspended_s", j.suspended_s);
  ar("ran_before_suspend_s", j.ran_before_suspend_s);
  ar("time_limit_signaled", j.time_limit_signaled);
  ar("restart_count", j.restart_count);
  ar("exit_code", j.exit_code);
  ar("derived_exit_code", j.derived_exit_code);
  ar("cancelled_by", j.cancelled_by);
  ar("batch_host", j.batch_host);
  ar("failed_node", j.failed_node);
  ar("sched_nodes", j.sched_nodes);
  ar("requeue_allowed", j.requeue_allowed);
  shared_optional(ar, "allocation", j.allocation);
  ar("completing_nodes", j.completing_nodes);
  ar("launched", j.launched);
  ar("launch_failures", j.launch_failures, codec::since(2));
  ar("preferred", j.preferred, codec::since(2));
  ar("reservation", j.reservation, codec::since(4));
  ar("next_step", j.next_step, codec::since(4));
  ar("start_awaited", j.start_awaited, codec::since(4));
  ar("het", codec::present_bool(j.het), codec::since(4));
  ar("controller_epilog", j.controller_epilog, codec::since(4));
  ar("assoc", j.assoc, codec::since(5));
  ar("qos", j.qos, codec::since(5));
  ar("waited_for", j.waited_for, codec::since(5));
  ar("batch_step", j.batch_step, codec::since(5));
  ar("extern_step", j.extern_step, codec::since(5));
  usage_field(ar, j.extern_usage);
  if (ar.version() >= 5) shared_optional(ar, "cron", j.cron);
  ar("waits_turn", j.waits_turn, codec::since(6));
  ar("turn", j.turn, codec::since(6));
  ar("started_by", j.started_by, codec::since(7));
}

void fields(codec::Archive& ar, NodeConfig& c) {
  ar("name", c.name);
  ar("hostname", c.hostname);
  ar("address", c.address);
  ar("bcast_address", c.bcast_address);
  ar("port", c.port);
  ar("cpus", c.cpus);
  ar("boards", c.boards);
  ar("sockets", c.sockets);
  ar("cores", c.cores);
  ar("threads", c.threads);
  ar("real_memory", c.real_memory);
  ar("tmp_disk", c.tmp_disk);
  ar("weight", c.weight);
  ar("core_spec_count", c.core_spec_count);
  ar("cpu_spec_list", c.cpu_spec_list);
  ar("mem_spec_limit", c.mem_spec_limit);
  ar("cpu_bind", c.cpu_bind);
  ar("features", c.features);
  ar("gres", c.gres);
  ar("tres_weights", c.tres_weights);
  ar("reason", c.reason);
  ar("comment", c.comment);
  ar("extra", c.extra);
  ar("initial_state", c.initial_state);
}

void fields(codec::Archive& ar, Node& n) {
  ar("id", n.id);
  ar("config", n.config);
  ar("removed", n.removed);
  ar("base", n.base);
  ar("flags", n.flags);
  ar("reason", n.reason);
  ar("reason_uid", n.reason_uid);
  ar("reason_time", n.reason_time);
  ar("protocol_version", n.protocol_version);
  ar("version", n.version);
  ar("arch", n.arch);
  ar("os", n.os);
  ar("reported_cpus", n.reported_cpus);
  ar("reported_boards", n.reported_boards);
  ar("reported_sockets", n.reported_sockets);
  ar("reported_cores", n.reported_cores);
  ar("reported_threads", n.reported_threads);
  ar("reported_memory", n.reported_memory);
  ar("reported_tmp_disk", n.reported_tmp_disk);
  ar("cpu_load", n.cpu_load);
  ar("free_memory", n.free_memory);
  ar("boot_time", n.boot_time);
  ar("daemon_start_time", n.daemon_start_time);
  ar("last_response", n.last_response);
  ar("last_busy", n.last_busy);
  ar("features_active", n.features_active);
  ar("comment", n.comment);
  ar("extra", n.extra);
  ar("owner", n.owner);
  ar("mcs_label", n.mcs_label);
  ar("jobs", n.jobs);
  ar("completing_jobs", n.completing_jobs);
  ar("cores_used", n.cores_used);
  ar("cpus_used", n.cpus_used);
  ar("memory_used", n.memory_used);
  ar("exclusive", n.exclusive);
  ar("gres_reported", n.gres_reported, codec::since(4));
  ar("reboot_asked", n.reboot_asked, codec::since(4));
  ar("next_state", n.next_state, codec::since(4));
}

void fields(codec::Archive& ar, Partition& p) {
  ar("name", p.name);
  ar("nodes_text", p.nodes_text);
  ar("nodesets", p.nodesets);
  ar("nodes", p.nodes);
  ar("flags", p.flags);
  ar("state_up", p.state_up);
  ar("max_time", p.max_time);
  ar("default_time", p.default_time);
  ar("max_nodes", p.max_nodes);
  ar("min_nodes", p.min_nodes);
  ar("max_cpus_per_node", p.max_cpus_per_node);
  ar("max_cpus_per_socket", p.max_cpus_per_socket);
  ar("def_mem_per_cpu", p.def_mem_per_cpu);
  ar("max_mem_per_cpu", p.max_mem_per_cpu);
  ar("max_share", p.max_share);
  ar("over_time_limit", p.over_time_limit);
  ar("preempt_mode", p.preempt_mode);
  ar("priority_job_factor", p.priority_job_factor);
  ar("priority_tier", p.priority_tier);
  ar("cr_type", p.cr_type);
  ar("grace_time", p.grace_time);
  ar("resume_timeout", p.resume_timeout);
  ar("suspend_timeout", p.suspend_timeout);
  ar("suspend_time", p.suspend_time);
  ar("cpu_bind", p.cpu_bind);
  ar("allow_accounts", p.allow_accounts);
  ar("allow_groups", p.allow_groups);
  ar("allow_alloc_nodes", p.allow_alloc_nodes);
  ar("allow_qos", p.allow_qos);
  ar("qos", p.qos);
  ar("alternate", p.alternate);
  ar("deny_accounts", p.deny_accounts);
  ar("deny_qos", p.deny_qos);
  ar("billing_weights", p.billing_weights);
  ar("job_defaults", p.job_defaults);
  ar("total_nodes", p.total_nodes);
  ar("total_cpus", p.total_cpus);
}

void fields(codec::Archive& ar, PriorityRule& r) {
  ar("age", r.age);
  ar("job_size", r.job_size);
  ar("partition", r.partition);
  ar("tres", r.tres);
  ar("max_age_s", r.max_age_s);
  ar("calc_period_s", r.calc_period_s);
  ar("flags", r.flags);
  ar("favor_small", r.favor_small);
  ar("half_life_s", r.half_life_s, codec::since(5));
  ar("usage_reset", r.usage_reset, codec::since(5));
  ar("fair_share", r.fair_share, codec::since(5));
  ar("association", r.association, codec::since(5));
  ar("qos", r.qos, codec::since(5));
  ar("damping", r.damping, codec::since(5));
}

void fields(codec::Archive& ar, PreemptRule& r) {
  ar("by", r.by);
  ar("mode", r.mode);
  ar("exempt_s", r.exempt_s);
  ar("youngest_first", r.youngest_first);
  ar("strict_order", r.strict_order);
  ar("reorder_count", r.reorder_count);
  ar("send_user_signal", r.send_user_signal);
  ar("time_slice_s", r.time_slice_s);
}

void fields(codec::Archive& ar, Switch& s) {
  ar("name", s.name);
  ar("level", s.level);
  ar("link_speed", s.link_speed);
  ar("nodes", s.nodes);
  ar("switches", s.switches);
}

void fields(codec::Archive& ar, Settings& s) {
  ar("cluster_name", s.cluster_name);
  ar("slurm_user", s.slurm_user);
  ar("first_job_id", s.first_job_id);
  ar("max_job_id", s.max_job_id);
  ar("max_job_count", s.max_job_count);
  ar("max_array_size", s.max_array_size);
  ar("min_job_age_s", s.min_job_age_s);
  ar("kill_wait_s", s.kill_wait_s);
  ar("over_time_limit", s.over_time_limit);
  ar("batch_start_timeout_s", s.batch_start_timeout_s);
  ar("return_to_service", s.return_to_service);
  ar("job_requeue", s.job_requeue);
  ar("kill_on_bad_exit", s.kill_on_bad_exit);
  ar("enforce_part_limits", s.enforce_part_limits);
  ar("def_mem_per_cpu", s.def_mem_per_cpu);
  ar("max_mem_per_cpu", s.max_mem_per_cpu);
  ar("max_tasks_per_node", s.max_tasks_per_node);
  ar("licenses", s.licenses);
  ar("select_linear", s.select_linear);
  ar("cr_type", s.cr_type);
  ar("multifactor", s.multifactor);
  ar("max_batch_requeue", s.max_batch_requeue);
  ar("backfill", s.backfill);
  ar("requeue_exit", s.requeue_exit, codec::since(2));
  ar("requeue_exit_hold", s.requeue_exit_hold, codec::since(2));
  ar("kill_invalid_dependency", s.kill_invalid_dependency, codec::since(2));
  ar("ignore_prefer_validation", s.ignore_prefer_validation, codec::since(2));
  ar("priority", s.priority, codec::since(4));
  ar("prolog_at_start", s.prolog_at_start, codec::since(4));
  ar("extern_step", s.extern_step, codec::since(4));
  ar("gres_types", s.gres_types, codec::since(4));
  ar("counted_gres", s.counted_gres, codec::since(4));
  ar("requeue_wait_s", s.requeue_wait_s, codec::since(4));
  ar("controller_prolog", s.controller_prolog, codec::since(4));
  ar("controller_epilog", s.controller_epilog, codec::since(4));
  ar("reboot_timeout_s", s.reboot_timeout_s, codec::since(4));
  ar("switches", s.switches, codec::since(4));
  ar("topology_optional", s.topology_optional, codec::since(4));
  ar("switch_wait_max_s", s.switch_wait_max_s, codec::since(4));
  ar("enforce", s.enforce, codec::since(5));
  ar("track_wckey", s.track_wckey, codec::since(5));
  ar("accounting", s.accounting, codec::since(5));
  ar("store_script", s.store_script, codec::since(5));
  ar("store_environment", s.store_environment, codec::since(5));
  ar("reports_max", s.reports_max, codec::since(5));
  ar("mcs_select", s.mcs_select, codec::since(5));
  ar("preempt", s.preempt, codec::since(6));
  ar("step_port_min", s.step_port_min, codec::since(6));
  ar("step_port_max", s.step_port_max, codec::since(6));
  ar("step_ports_by_default", s.step_ports_by_default, codec::since(6));
}

}  // namespace flurm::model
