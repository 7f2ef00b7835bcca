// wire/msg/cluster.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/cluster.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::as, codec::Kind, codec::present_u8, codec::since, codec::until;

void fields(Archive& ar, AccountingRec& m) {
  ar("alloc_secs", m.alloc_secs);
  ar("tres_rec", m.tres_rec);
  ar("id", m.id);
  ar("id_alt", m.id_alt, since(v24_11));
  ar("period_start", m.period_start);
}

void fields(Archive& ar, ClusterAccountingRec& m) {
  ar("alloc_secs", m.alloc_secs);
  ar("tres_rec", m.tres_rec);
  ar("down_secs", m.down_secs);
  ar("idle_secs", m.idle_secs);
  ar("over_secs", m.over_secs);
  ar("pdown_secs", m.pdown_secs);
  ar("period_start", m.period_start);
  ar("plan_secs", m.plan_secs);
}

void fields(Archive& ar, AssocRec& m) {
  ar("accounting_list", m.accounting_list);
  ar("acct", m.acct);
  ar("cluster", m.cluster);
  ar("comment", m.comment, since(v23_02));
  ar("def_qos_id", m.def_qos_id);
  ar("flags", as<std::uint16_t>(m.flags), until(v24_05));
  ar("flags", m.flags, since(v24_05));
  ar("shares_raw", m.shares_raw);
  ar("grp_tres_mins", m.grp_tres_mins);
  ar("grp_tres_run_mins", m.grp_tres_run_mins);
  ar("grp_tres", m.grp_tres);
  ar("grp_jobs", m.grp_jobs);
  ar("grp_jobs_accrue", m.grp_jobs_accrue);
  ar("grp_submit_jobs", m.grp_submit_jobs);
  ar("grp_wall", m.grp_wall);
  ar("id", m.id);
  ar("is_def", m.is_def);
  ar("lft", m.lft, until(v23_11));
  ar("lineage", m.lineage, since(v23_11));
  ar("max_tres_mins_pj", m.max_tres_mins_pj);
  ar("max_tres_run_mins", m.max_tres_run_mins);
  ar("max_tres_pj", m.max_tres_pj);
  ar("max_tres_pn", m.max_tres_pn);
  ar("max_jobs", m.max_jobs);
  ar("max_jobs_accrue", m.max_jobs_accrue);
  ar("min_prio_thresh", m.min_prio_thresh);
  ar("max_submit_jobs", m.max_submit_jobs);
  ar("max_wall_pj", m.max_wall_pj);
  ar("parent_acct", m.parent_acct);
  ar("parent_id", m.parent_id);
  ar("partition", m.partition);
  ar("priority", m.priority);
  ar("qos_list", m.qos_list);
  ar("rgt", m.rgt, until(v23_11));
  ar("uid", m.uid);
  ar("user", m.user);
}

void fields(Archive& ar, ClusterRec& m) {
  bool present = true;
  if (ar.version() >= v24_11 && ar.kind() != Kind::fuzz && ar.kind() != Kind::dump) ar("present", present);
  if (!present) return;
  ar("accounting_list", m.accounting_list);
  ar("classification", m.classification);
  ar("control_host", m.control_host);
  ar("control_port", m.control_port);
  ar("dimensions", m.dimensions);
  ar("fed_feature_list", m.fed_feature_list);
  ar("fed_name", m.fed_name);
  ar("fed_id", m.fed_id);
  ar("fed_state", m.fed_state);
  ar("fed_sync_recvd", m.fed_sync_recvd);
  ar("fed_sync_sent", m.fed_sync_sent);
  ar("flags", m.flags);
  ar("id", m.id, since(v24_11));
  ar("name", m.name);
  ar("nodes", m.nodes);
  ar("plugin_id_select", m.plugin_id_select, until(v24_05));
  ar("root_assoc", m.root_assoc);
  ar("rpc_version", m.rpc_version);
  ar("fed_recv_open", m.fed_recv_open);
  ar("fed_send_open", m.fed_send_open);
  ar("tres_str", m.tres_str);
}

void fields(Archive& ar, FederationRec& m) {
  ar("name", m.name);
  ar("flags", m.flags);
  ar("cluster_list", m.cluster_list);
}

void fields(Archive& ar, FederationInfo& m) { ar("federation", present_u8(m.federation)); }

void fields(Archive& ar, OptionalFederation& m) { ar("federation", present_u8(m.federation)); }

void fields(Archive& ar, Reroute& m) {
  ar("working_cluster_rec", present_u8(m.working_cluster_rec));
  ar("stepmgr", m.stepmgr, since(v24_05));
}

}  // namespace flurm::wire
