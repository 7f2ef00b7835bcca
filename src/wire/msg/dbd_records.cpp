// wire/msg/dbd_records.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/dbd_records.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::as, codec::counted, codec::Kind, codec::since, codec::until;

void fields(Archive& ar, CoordRec& m) {
  ar("name", m.name);
  ar("direct", m.direct);
}

void fields(Archive& ar, WckeyRec& m) {
  ar("accounting_list", absent_if_empty(m.accounting_list));
  ar("cluster", m.cluster);
  ar("flags", m.flags);
  ar("id", m.id);
  ar("is_def", m.is_def);
  ar("name", m.name);
  ar("uid", m.uid);
  ar("user", m.user);
}

void fields(Archive& ar, AccountRec& m) {
  ar("assoc_list", absent_if_empty(m.assoc_list));
  ar("coordinators", absent_if_empty(m.coordinators));
  ar("description", m.description);
  ar("flags", m.flags);
  ar("name", m.name);
  ar("organization", m.organization);
}

void fields(Archive& ar, QosRec& m) {
  ar("description", m.description);
  ar("id", m.id);
  ar("flags", m.flags);
  ar("grace_time", m.grace_time);
  ar("grp_tres_mins", m.grp_tres_mins);
  ar("grp_tres_run_mins", m.grp_tres_run_mins);
  ar("grp_tres", m.grp_tres);
  ar("grp_jobs", m.grp_jobs);
  ar("grp_jobs_accrue", m.grp_jobs_accrue);
  ar("grp_submit_jobs", m.grp_submit_jobs);
  ar("grp_wall", m.grp_wall);
  ar("max_tres_mins_pj", m.max_tres_mins_pj);
  ar("max_tres_run_mins_pa", m.max_tres_run_mins_pa);
  ar("max_tres_run_mins_pu", m.max_tres_run_mins_pu);
  ar("max_tres_pa", m.max_tres_pa);
  ar("max_tres_pj", m.max_tres_pj);
  ar("max_tres_pn", m.max_tres_pn);
  ar("max_tres_pu", m.max_tres_pu);
  ar("max_jobs_pa", m.max_jobs_pa);
  ar("max_jobs_pu", m.max_jobs_pu);
  ar("max_jobs_accrue_pa", m.max_jobs_accrue_pa);
  ar("max_jobs_accrue_pu", m.max_jobs_accrue_pu);
  ar("min_prio_thresh", m.min_prio_thresh);
  ar("max_submit_jobs_pa", m.max_submit_jobs_pa);
  ar("max_submit_jobs_pu", m.max_submit_jobs_pu);
  ar("max_wall_pj", m.max_wall_pj);
  ar("min_tres_pj", m.min_tres_pj);
  ar("name", m.name);
  ar("preempt_bitstr", m.preempt_bitstr);
  ar("preempt_list", m.preempt_list);
  ar("preempt_mode", m.preempt_mode);
  ar("preempt_exempt_time", m.preempt_exempt_time);
  ar("priority", m.priority);
  ar("usage_factor", m.usage_factor);
  ar("usage_thres", m.usage_thres);
  ar("limit_factor", m.limit_factor);
}

void fields(Archive& ar, EventRec& m) {
  ar("cluster", m.cluster);
  ar("cluster_nodes", m.cluster_nodes);
  ar("event_type", m.event_type);
  ar("node_name", m.node_name);
  ar("period_start", m.period_start);
  ar("period_end", m.period_end);
  ar("reason", m.reason);
  ar("reason_uid", m.reason_uid);
  ar("state", m.state);
  ar("tres_str", m.tres_str);
}

void fields(Archive& ar, TxnRec& m) {
  ar("accts", m.accts);
  ar("action", m.action);
  ar("actor_name", m.actor_name);
  ar("clusters", m.clusters);
  ar("id", m.id);
  ar("set_info", m.set_info);
  ar("timestamp", m.timestamp);
  ar("users", m.users);
  ar("where_query", m.where_query);
}

void fields(Archive& ar, ClusResRec& m) {
  ar("cluster", m.cluster);
  ar("percent_allowed", m.percent_allowed, until(v23_02));
  ar("allowed", m.allowed, since(v23_02));
}

void fields(Archive& ar, ReservationRec& m) {
  ar("assocs", m.assocs);
  ar("cluster", m.cluster);
  ar("comment", m.comment, since(v23_02));
  ar("flags", m.flags);
  ar("id", m.id);
  ar("name", m.name);
  ar("nodes", m.nodes);
  ar("node_inx", m.node_inx);
  ar("time_end", m.time_end);
  ar("time_force", m.time_force, since(v25_05));
  ar("time_start", m.time_start);
  ar("time_start_prev", m.time_start_prev);
  ar("tres_str", m.tres_str);
  ar("tres_list", absent_if_empty(m.tres_list));
  ar("unused_wall", m.unused_wall);
}

void fields(Archive& ar, InstanceRec& m) {
  ar("cluster", m.cluster);
  ar("extra", m.extra);
  ar("instance_id", m.instance_id);
  ar("instance_type", m.instance_type);
  ar("node_name", m.node_name);
  ar("time_end", m.time_end);
  ar("time_start", m.time_start);
}

void fields(Archive& ar, RpcObj& m) {
  ar("cnt", m.cnt);
  ar("id", m.id);
  ar("time", m.time);
}

namespace {

/// Some structures have a byte before them since a release: 0 for none. They are always there with us.
bool present_since(Archive& ar, std::uint16_t version) {
  bool present = true;
  if (ar.version() >= version && ar.kind() != Kind::fuzz && ar.kind() != Kind::dump) ar("present", present);
  return present;
}

}  // namespace

void fields(Archive& ar, UserRec& m) {
  if (!present_since(ar, v25_11)) return;
  ar("admin_level", m.admin_level);
  ar("assoc_list", absent_if_empty(m.assoc_list));
  ar("coord_accts", absent_if_empty(m.coord_accts));
  ar("def_qos_id", m.def_qos_id, since(v25_11));
  ar("default_acct", m.default_acct);
  ar("default_wckey", m.default_wckey);
  ar("flags", m.flags);
  ar("name", m.name);
  ar("old_name", m.old_name);
  ar("uid", m.uid);
  ar("wckey_list", absent_if_empty(m.wckey_list));
}

void fields(Archive& ar, ResRec& m) {
  ar("clus_res_list", absent_if_empty(m.clus_res_list));
  std::uint32_t has = m.clus_res_rec ? 0 : kNoVal32;
  if (ar.kind() == Kind::fuzz) has = ar.choose(2) ? 0 : kNoVal32;
  if (ar.kind() != Kind::fuzz && ar.kind() != Kind::dump) ar("has_clus_res", has);
  if (ar.fills()) m.clus_res_rec.reset();
  if (has != kNoVal32 || ar.kind() == Kind::layout) {
    ClusResRec shown = m.clus_res_rec.value_or(ClusResRec{});
    ar("clus_res_rec", shown);
    if (ar.fills()) m.clus_res_rec = std::move(shown);
  }
  ar("count", m.count);
  ar("description", m.description);
  ar("flags", m.flags);
  ar("id", m.id);
  ar("manager", m.manager);
  ar("name", m.name);
  ar("percent_used", m.percent_used, until(v23_02));
  ar("allocated", m.allocated, since(v23_02));
  ar("last_consumed", m.last_consumed, since(v23_02));
  ar("server", m.server);
  ar("type", m.type);
  ar("last_update", m.last_update, since(v23_02));
}

void fields(Archive& ar, RollupKind& m) {
  ar("count", m.count);
  ar("timestamp", m.timestamp);
  ar("time_last", m.time_last);
  ar("time_max", m.time_max);
  ar("time_total", m.time_total);
}

void fields(Archive& ar, RollupStats& m) {
  ar("cluster_name", m.cluster_name);
  ar("kinds", counted<std::uint16_t>(m.kinds));
}

void fields(Archive& ar, DbdStats& m) {
  ar("dbd_rollup_stats", m.dbd_rollup_stats);
  ar("rollup_stats", absent_if_empty(m.rollup_stats));
  ar("rpc_list", absent_if_empty(m.rpc_list));
  ar("time_start", m.time_start);
  ar("user_list", absent_if_empty(m.user_list));
}

}  // namespace flurm::wire
