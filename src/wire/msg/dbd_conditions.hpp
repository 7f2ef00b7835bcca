// wire/msg/dbd_conditions.hpp — what slurmdbd is asked for. Lists hold names or numbers as text; an empty one asks for
// all.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/msg/dbd_records.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// Which associations; an empty list asks for all. only_defs … without_parent_limits: flags of one field since 24.11.
struct AssocCond {
  std::vector<std::string> acct_list, cluster_list, def_qos_id_list, format_list, id_list;
  bool only_defs = false;
  std::vector<std::string> partition_list, parent_acct_list, qos_list;
  TimeS usage_end, usage_start;
  std::optional<std::vector<std::string>> user_list;  // empty: all associations of users, none of accounts
  bool with_usage = false, with_deleted = false, with_raw_qos = false, with_sub_accts = false,
       without_parent_info = false, without_parent_limits = false, with_qos_usage = false;
  bool operator==(const AssocCond&) const = default;
};
void fields(codec::Archive& ar, AssocCond& m);

struct QosCond {
  std::vector<std::string> description_list, format_list, id_list, name_list;
  std::uint16_t preempt_mode = 0;
  bool with_deleted = false;
  bool operator==(const QosCond&) const = default;
};
void fields(codec::Archive& ar, QosCond& m);

struct AccountCond {
  AssocCond assoc_cond;
  std::vector<std::string> description_list, organization_list;
  bool with_assocs = false, with_coords = false, with_deleted = false;
  bool operator==(const AccountCond&) const = default;
};
void fields(codec::Archive& ar, AccountCond& m);

/// DBD_GET_USERS, DBD_REMOVE_USERS: names stand in assoc_cond.user_list.
struct UserCond {
  std::uint16_t admin_level = 0;
  AssocCond assoc_cond;
  std::vector<std::string> def_acct_list, def_wckey_list;
  bool with_assocs = false, with_coords = false, with_deleted = false, with_wckeys = false;
  bool operator==(const UserCond&) const = default;
};
void fields(codec::Archive& ar, UserCond& m);

/// DBD_GET_WCKEYS, DBD_REMOVE_WCKEYS.
struct WckeyCond {
  std::vector<std::string> cluster_list, format_list, id_list, name_list;
  bool only_defs = false;
  TimeS usage_end, usage_start;
  std::vector<std::string> user_list;
  bool with_usage = false, with_deleted = false;
  bool operator==(const WckeyCond&) const = default;
};
void fields(codec::Archive& ar, WckeyCond& m);

/// DBD_GET_CLUSTERS, DBD_REMOVE_CLUSTERS.
struct ClusterCond {
  std::uint16_t classification = 0;
  std::vector<std::string> cluster_list, federation_list;
  std::uint32_t flags = 0;
  std::vector<std::string> format_list, plugin_id_select_list, rpc_version_list;
  TimeS usage_end, usage_start;
  bool with_usage = false, with_deleted = false;
  bool operator==(const ClusterCond&) const = default;
};
void fields(codec::Archive& ar, ClusterCond& m);

/// DBD_GET_TRES.
struct TresCond {
  std::uint64_t count = 0;
  std::vector<std::string> format_list, id_list, name_list, type_list;
  bool with_deleted = false;
  bool operator==(const TresCond&) const = default;
};
void fields(codec::Archive& ar, TresCond& m);

/// DBD_GET_TXN.
struct TxnCond {
  std::vector<std::string> acct_list, action_list, actor_list, cluster_list, format_list, id_list, info_list, name_list;
  TimeS time_end, time_start;
  std::vector<std::string> user_list;
  bool with_assoc_info = false;
  bool operator==(const TxnCond&) const = default;
};
void fields(codec::Archive& ar, TxnCond& m);

/// DBD_GET_EVENTS. cond_flags: 1 open ones only; event_type: 1 of clusters, 2 of nodes, 0 both.
struct EventCond {
  std::vector<std::string> cluster_list;
  std::uint32_t cond_flags = 0, cpus_max = 0, cpus_min = 0;
  std::uint16_t event_type = 0;
  std::vector<std::string> format_list;
  std::string node_list;
  TimeS period_end, period_start;
  std::vector<std::string> reason_list, reason_uid_list, state_list;
  bool operator==(const EventCond&) const = default;
};
void fields(codec::Archive& ar, EventCond& m);

/// DBD_GET_RES, DBD_REMOVE_RES.
struct ResCond {
  std::vector<std::string> cluster_list, description_list;
  std::uint32_t flags = 0;
  std::vector<std::string> format_list, id_list, manager_list, name_list, allowed_list, server_list, type_list;
  bool with_deleted = false;
  std::uint16_t with_clusters = 0;  ///< 1: only those that clusters share, with these; 2: all, with these
  bool operator==(const ResCond&) const = default;
};
void fields(codec::Archive& ar, ResCond& m);

/// DBD_GET_FEDERATIONS, DBD_REMOVE_FEDERATIONS.
struct FederationCond {
  std::vector<std::string> cluster_list, federation_list, format_list;
  bool with_deleted = false;
  bool operator==(const FederationCond&) const = default;
};
void fields(codec::Archive& ar, FederationCond& m);

/// DBD_GET_RESVS.
struct ReservationCond {
  std::vector<std::string> cluster_list;
  std::uint64_t flags = 0;
  std::vector<std::string> format_list, id_list, name_list;
  std::string nodes;
  TimeS time_end, time_start;
  bool with_usage = false;
  bool operator==(const ReservationCond&) const = default;
};
void fields(codec::Archive& ar, ReservationCond& m);

/// DBD_GET_JOBS_COND. flags: 1 all runs of a job id, 2 no steps, 4 times not cut to the period, 8 runaway jobs, 16 and
/// 32 whole and single parts of heterogeneous jobs, 128 usage_start is the submit time, 256 scripts only, 512
/// environments only.
struct JobCond {
  std::vector<std::string> acct_list, associd_list, cluster_list, constraint_list;
  std::uint32_t cpus_max = 0, cpus_min = 0, db_flags = 0, exitcode = 0, flags = 0;
  std::vector<std::string> format_list, groupid_list, jobname_list;
  std::uint32_t nodes_max = 0, nodes_min = 0;
  std::vector<std::string> partition_list, qos_list, reason_list, resv_list, resvid_list;
  std::vector<SelectedStep> step_list;
  std::vector<std::string> state_list;
  std::uint32_t timelimit_max = 0, timelimit_min = 0;
  TimeS usage_end, usage_start;
  std::string used_nodes;
  std::vector<std::string> userid_list, wckey_list;
  bool operator==(const JobCond&) const = default;
};
void fields(codec::Archive& ar, JobCond& m);

/// DBD_ARCHIVE_DUMP. purge_: a number of units, with flags for the unit and for archiving first.
struct ArchiveCond {
  std::string archive_dir, archive_script;
  JobCond job_cond;
  std::uint32_t purge_event = 0, purge_job = 0, purge_resv = 0, purge_step = 0, purge_suspend = 0, purge_txn = 0,
                purge_usage = 0, purge_jobscript = 0, purge_jobenv = 0;
  bool operator==(const ArchiveCond&) const = default;
};
void fields(codec::Archive& ar, ArchiveCond& m);

/// DBD_ARCHIVE_LOAD.
struct ArchiveRec {
  std::string archive_file, insert;
  bool operator==(const ArchiveRec&) const = default;
};
void fields(codec::Archive& ar, ArchiveRec& m);

/// The associations that DBD_ADD_ACCOUNTS_COND and DBD_ADD_USERS_COND shall make.
struct AddAssocCond {
  std::vector<std::string> acct_list;
  AssocRec assoc;
  std::vector<std::string> cluster_list, partition_list, user_list, wckey_list;
  bool operator==(const AddAssocCond&) const = default;
};
void fields(codec::Archive& ar, AddAssocCond& m);

/// DBD_GET_INSTANCES.
struct InstanceCond {
  std::vector<std::string> cluster_list, extra_list, format_list, instance_id_list, instance_type_list;
  std::string node_list;
  TimeS time_end, time_start;
  bool operator==(const InstanceCond&) const = default;
};
void fields(codec::Archive& ar, InstanceCond& m);

}  // namespace flurm::wire
