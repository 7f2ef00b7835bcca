// wire/msg/cluster.hpp — clusters of a federation, and the accounting records inside them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/msg/jobacct.hpp"

namespace flurm::wire {

struct AccountingRec {
  std::uint64_t alloc_secs = 0;
  TresRec tres_rec;
  std::uint32_t id = 0, id_alt = 0;
  TimeS period_start;
  bool operator==(const AccountingRec&) const = default;
};
void fields(codec::Archive& ar, AccountingRec& m);

struct ClusterAccountingRec {
  std::uint64_t alloc_secs = 0;
  TresRec tres_rec;
  std::uint64_t down_secs = 0;  // s
  std::uint64_t idle_secs = 0, over_secs = 0, pdown_secs = 0;
  TimeS period_start;
  std::uint64_t plan_secs = 0;
  bool operator==(const ClusterAccountingRec&) const = default;
};
void fields(codec::Archive& ar, ClusterAccountingRec& m);

struct AssocRec {
  std::optional<std::vector<AccountingRec>> accounting_list;
  std::string acct, cluster, comment;
  std::uint32_t def_qos_id = kNoVal32, flags = 0, shares_raw = kNoVal32;
  std::string grp_tres_mins, grp_tres_run_mins, grp_tres;
  std::uint32_t grp_jobs = kNoVal32, grp_jobs_accrue = kNoVal32, grp_submit_jobs = kNoVal32, grp_wall = kNoVal32,
                id = 0;
  std::uint16_t is_def = kNoVal16;
  std::uint32_t lft = kNoVal32;
  std::string lineage, max_tres_mins_pj, max_tres_run_mins, max_tres_pj, max_tres_pn;
  std::uint32_t max_jobs = kNoVal32, max_jobs_accrue = kNoVal32, min_prio_thresh = kNoVal32, max_submit_jobs = kNoVal32,
                max_wall_pj = kNoVal32;
  std::string parent_acct;
  std::uint32_t parent_id = 0;
  std::string partition;
  std::uint32_t priority = kNoVal32;
  std::optional<std::vector<std::string>> qos_list;
  std::uint32_t rgt = kNoVal32, uid = kNoVal32;
  std::string user;
  bool operator==(const AssocRec&) const = default;
};
void fields(codec::Archive& ar, AssocRec& m);

/// A cluster; fed_ members are its part in a federation.
struct ClusterRec {
  std::optional<std::vector<ClusterAccountingRec>> accounting_list;
  std::uint16_t classification = 0;
  std::string control_host;
  std::uint32_t control_port = 0;
  std::uint16_t dimensions = 0;
  std::optional<std::vector<std::string>> fed_feature_list;
  std::optional<std::string> fed_name;  // none: left as it is
  std::uint32_t fed_id = 0, fed_state = 0;
  bool fed_sync_recvd = false, fed_sync_sent = false;
  std::uint32_t flags = 0;
  std::uint16_t id = 0;
  std::string name, nodes;
  std::uint32_t plugin_id_select = kNoVal32;
  AssocRec root_assoc;
  std::uint16_t rpc_version = 0;
  bool fed_recv_open = false, fed_send_open = false;  // the connections from and to it
  std::string tres_str;
  bool operator==(const ClusterRec&) const = default;
};
void fields(codec::Archive& ar, ClusterRec& m);

struct FederationRec {
  std::string name;
  std::uint32_t flags = 0;
  std::optional<std::vector<ClusterRec>> cluster_list;
  bool operator==(const FederationRec&) const = default;
};
void fields(codec::Archive& ar, FederationRec& m);

/// RESPONSE_FED_INFO.
struct FederationInfo {
  std::optional<FederationRec> federation;
  bool operator==(const FederationInfo&) const = default;
};
void fields(codec::Archive& ar, FederationInfo& m);

/// The same as an item of a list.
struct OptionalFederation {
  std::optional<FederationRec> federation;
  bool operator==(const OptionalFederation&) const = default;
};
void fields(codec::Archive& ar, OptionalFederation& m);

/// RESPONSE_SLURM_REROUTE_MSG: ask there.
struct Reroute {
  std::optional<ClusterRec> working_cluster_rec;
  std::string stepmgr;
  bool operator==(const Reroute&) const = default;
};
void fields(codec::Archive& ar, Reroute& m);

}  // namespace flurm::wire
