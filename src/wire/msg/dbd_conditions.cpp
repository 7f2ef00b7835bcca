// wire/msg/dbd_conditions.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/dbd_conditions.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::absent_if_empty, codec::Archive, codec::as, codec::Kind, codec::since, codec::until;

namespace {

/// Bits of one number, each a bool of ours.
template <class W>
struct Flags {
  std::initializer_list<std::pair<bool*, W>> bits;
  void code(Archive& ar) {
    W flags = 0;
    for (auto [value, bit] : bits)
      if (*value) flags = static_cast<W>(flags | bit);
    ar.item(flags);
    if (ar.fills())
      for (auto [value, bit] : bits) *value = (flags & bit) != 0;
  }
};

bool present_since_24_11(Archive& ar) {
  bool present = true;
  if (ar.version() >= v24_11 && ar.kind() != Kind::fuzz && ar.kind() != Kind::dump) ar("present", present);
  return present;
}

}  // namespace

void fields(Archive& ar, AssocCond& m) {
  if (!present_since_24_11(ar)) return;
  ar("acct_list", absent_if_empty(m.acct_list));
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("def_qos_id_list", absent_if_empty(m.def_qos_id_list));
  ar("flags",
     Flags<std::uint32_t>{{{&m.with_deleted, 1},
                           {&m.with_usage, 2},
                           {&m.only_defs, 4},
                           {&m.with_raw_qos, 8},
                           {&m.with_sub_accts, 16},
                           {&m.without_parent_info, 32},
                           {&m.without_parent_limits, 64},
                           {&m.with_qos_usage, 128}}},
     since(v24_11));
  ar("format_list", absent_if_empty(m.format_list));
  ar("id_list", absent_if_empty(m.id_list));
  ar("only_defs", as<std::uint16_t>(m.only_defs), until(v24_11));
  ar("partition_list", absent_if_empty(m.partition_list));
  ar("parent_acct_list", absent_if_empty(m.parent_acct_list));
  ar("qos_list", absent_if_empty(m.qos_list));
  ar("usage_end", m.usage_end);
  ar("usage_start", m.usage_start);
  ar("user_list", m.user_list);
  ar("with_usage", as<std::uint16_t>(m.with_usage), until(v24_11));
  ar("with_deleted", as<std::uint16_t>(m.with_deleted), until(v24_11));
  ar("with_raw_qos", as<std::uint16_t>(m.with_raw_qos), until(v24_11));
  ar("with_sub_accts", as<std::uint16_t>(m.with_sub_accts), until(v24_11));
  ar("without_parent_info", as<std::uint16_t>(m.without_parent_info), until(v24_11));
  ar("without_parent_limits", as<std::uint16_t>(m.without_parent_limits), until(v24_11));
}

void fields(Archive& ar, QosCond& m) {
  if (!present_since_24_11(ar)) return;
  ar("description_list", absent_if_empty(m.description_list));
  ar("flags", Flags<std::uint16_t>{{{&m.with_deleted, std::uint16_t{1}}}}, since(v24_11));
  ar("format_list", absent_if_empty(m.format_list));
  ar("id_list", absent_if_empty(m.id_list));
  ar("name_list", absent_if_empty(m.name_list));
  ar("preempt_mode", m.preempt_mode);
  ar("with_deleted", as<std::uint16_t>(m.with_deleted), until(v24_11));
}

void fields(Archive& ar, AccountCond& m) {
  ar("assoc_cond", m.assoc_cond);
  ar("description_list", absent_if_empty(m.description_list));
  ar("flags", Flags<std::uint32_t>{{{&m.with_deleted, 1}, {&m.with_assocs, 2}, {&m.with_coords, 4}}}, since(v24_05));
  ar("organization_list", absent_if_empty(m.organization_list));
  ar("with_assocs", as<std::uint16_t>(m.with_assocs), until(v24_05));
  ar("with_coords", as<std::uint16_t>(m.with_coords), until(v24_05));
  ar("with_deleted", as<std::uint16_t>(m.with_deleted), until(v24_05));
}

void fields(Archive& ar, UserCond& m) {
  ar("admin_level", m.admin_level);
  ar("assoc_cond", m.assoc_cond);
  ar("def_acct_list", absent_if_empty(m.def_acct_list));
  ar("def_wckey_list", absent_if_empty(m.def_wckey_list));
  ar("with_assocs", as<std::uint16_t>(m.with_assocs));
  ar("with_coords", as<std::uint16_t>(m.with_coords));
  ar("with_deleted", as<std::uint16_t>(m.with_deleted));
  ar("with_wckeys", as<std::uint16_t>(m.with_wckeys));
}

void fields(Archive& ar, WckeyCond& m) {
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("format_list", absent_if_empty(m.format_list));
  ar("id_list", absent_if_empty(m.id_list));
  ar("name_list", absent_if_empty(m.name_list));
  ar("only_defs", as<std::uint16_t>(m.only_defs));
  ar("usage_end", m.usage_end);
  ar("usage_start", m.usage_start);
  ar("user_list", absent_if_empty(m.user_list));
  ar("with_usage", as<std::uint16_t>(m.with_usage));
  ar("with_deleted", as<std::uint16_t>(m.with_deleted));
}

void fields(Archive& ar, ClusterCond& m) {
  ar("classification", m.classification);
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("federation_list", absent_if_empty(m.federation_list));
  ar("flags", m.flags);
  ar("format_list", absent_if_empty(m.format_list));
  ar("plugin_id_select_list", absent_if_empty(m.plugin_id_select_list), until(v23_11));
  ar("rpc_version_list", absent_if_empty(m.rpc_version_list));
  ar("usage_end", m.usage_end);
  ar("usage_start", m.usage_start);
  ar("with_usage", as<std::uint16_t>(m.with_usage));
  ar("with_deleted", as<std::uint16_t>(m.with_deleted));
}

void fields(Archive& ar, TresCond& m) {
  ar("count", m.count);
  ar("format_list", absent_if_empty(m.format_list));
  ar("id_list", absent_if_empty(m.id_list));
  ar("name_list", absent_if_empty(m.name_list));
  ar("type_list", absent_if_empty(m.type_list));
  ar("with_deleted", as<std::uint16_t>(m.with_deleted));
}

void fields(Archive& ar, TxnCond& m) {
  ar("acct_list", absent_if_empty(m.acct_list));
  ar("action_list", absent_if_empty(m.action_list));
  ar("actor_list", absent_if_empty(m.actor_list));
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("format_list", absent_if_empty(m.format_list));
  ar("id_list", absent_if_empty(m.id_list));
  ar("info_list", absent_if_empty(m.info_list));
  ar("name_list", absent_if_empty(m.name_list));
  ar("time_end", m.time_end);
  ar("time_start", m.time_start);
  ar("user_list", absent_if_empty(m.user_list));
  ar("with_assoc_info", as<std::uint16_t>(m.with_assoc_info));
}

void fields(Archive& ar, EventCond& m) {
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("cond_flags", m.cond_flags);
  ar("cpus_max", m.cpus_max);
  ar("cpus_min", m.cpus_min);
  ar("event_type", m.event_type);
  ar("format_list", absent_if_empty(m.format_list));
  ar("node_list", m.node_list);
  ar("period_end", m.period_end);
  ar("period_start", m.period_start);
  ar("reason_list", absent_if_empty(m.reason_list));
  ar("reason_uid_list", absent_if_empty(m.reason_uid_list));
  ar("state_list", absent_if_empty(m.state_list));
}

void fields(Archive& ar, ResCond& m) {
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("description_list", absent_if_empty(m.description_list));
  ar("flags", m.flags);
  ar("format_list", absent_if_empty(m.format_list));
  ar("id_list", absent_if_empty(m.id_list));
  ar("manager_list", absent_if_empty(m.manager_list));
  ar("name_list", absent_if_empty(m.name_list));
  ar("allowed_list", absent_if_empty(m.allowed_list));
  ar("server_list", absent_if_empty(m.server_list));
  ar("type_list", absent_if_empty(m.type_list));
  ar("with_deleted", as<std::uint16_t>(m.with_deleted));
  ar("with_clusters", m.with_clusters);
}

void fields(Archive& ar, FederationCond& m) {
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("federation_list", absent_if_empty(m.federation_list));
  ar("format_list", absent_if_empty(m.format_list));
  ar("with_deleted", as<std::uint16_t>(m.with_deleted));
}

void fields(Archive& ar, ReservationCond& m) {
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("flags", m.flags);
  ar("format_list", absent_if_empty(m.format_list));
  ar("id_list", absent_if_empty(m.id_list));
  ar("name_list", absent_if_empty(m.name_list));
  ar("nodes", m.nodes);
  ar("time_end", m.time_end);
  ar("time_start", m.time_start);
  ar("with_usage", as<std::uint16_t>(m.with_usage));
}

void fields(Archive& ar, JobCond& m) {
  ar("acct_list", absent_if_empty(m.acct_list));
  ar("associd_list", absent_if_empty(m.associd_list));
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("constraint_list", absent_if_empty(m.constraint_list));
  ar("cpus_max", m.cpus_max);
  ar("cpus_min", m.cpus_min);
  ar("db_flags", m.db_flags);
  ar("exitcode", m.exitcode);
  ar("flags", m.flags);
  ar("format_list", absent_if_empty(m.format_list));
  ar("groupid_list", absent_if_empty(m.groupid_list));
  ar("jobname_list", absent_if_empty(m.jobname_list));
  ar("nodes_max", m.nodes_max);
  ar("nodes_min", m.nodes_min);
  ar("partition_list", absent_if_empty(m.partition_list));
  ar("qos_list", absent_if_empty(m.qos_list));
  ar("reason_list", absent_if_empty(m.reason_list));
  ar("resv_list", absent_if_empty(m.resv_list));
  ar("resvid_list", absent_if_empty(m.resvid_list));
  ar("step_list", absent_if_empty(m.step_list));
  ar("state_list", absent_if_empty(m.state_list));
  ar("timelimit_max", m.timelimit_max);
  ar("timelimit_min", m.timelimit_min);
  ar("usage_end", m.usage_end);
  ar("usage_start", m.usage_start);
  ar("used_nodes", m.used_nodes);
  ar("userid_list", absent_if_empty(m.userid_list));
  ar("wckey_list", absent_if_empty(m.wckey_list));
}

void fields(Archive& ar, ArchiveCond& m) {
  ar("archive_dir", m.archive_dir);
  ar("archive_script", m.archive_script);
  ar("job_cond", m.job_cond);
  ar("purge_event", m.purge_event);
  ar("purge_job", m.purge_job);
  ar("purge_resv", m.purge_resv);
  ar("purge_step", m.purge_step);
  ar("purge_suspend", m.purge_suspend);
  ar("purge_txn", m.purge_txn);
  ar("purge_usage", m.purge_usage);
  ar("purge_jobscript", m.purge_jobscript, since(v26_05));
  ar("purge_jobenv", m.purge_jobenv, since(v26_05));
}

void fields(Archive& ar, ArchiveRec& m) {
  ar("archive_file", m.archive_file);
  ar("insert", m.insert);
}

void fields(Archive& ar, AddAssocCond& m) {
  ar("acct_list", absent_if_empty(m.acct_list));
  ar("assoc", m.assoc);
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("partition_list", absent_if_empty(m.partition_list));
  ar("user_list", absent_if_empty(m.user_list));
  ar("wckey_list", absent_if_empty(m.wckey_list));
}

void fields(Archive& ar, InstanceCond& m) {
  ar("cluster_list", absent_if_empty(m.cluster_list));
  ar("extra_list", absent_if_empty(m.extra_list));
  ar("format_list", absent_if_empty(m.format_list));
  ar("instance_id_list", absent_if_empty(m.instance_id_list));
  ar("instance_type_list", absent_if_empty(m.instance_type_list));
  ar("node_list", m.node_list);
  ar("time_end", m.time_end);
  ar("time_start", m.time_start);
}

}  // namespace flurm::wire
