// wire/msg/dbd_records.hpp — what accounting keeps, as slurmdbd and its clients exchange it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/bits.hpp"
#include "wire/msg/cluster.hpp"

namespace flurm::wire {

/// An account that a user coordinates, or a user that coordinates an account. direct: 1, or 0 when it comes from an
/// account above.
struct CoordRec {
  std::string name;
  std::uint16_t direct = 0;
  bool operator==(const CoordRec&) const = default;
};
void fields(codec::Archive& ar, CoordRec& m);

/// A workload key of a user on a cluster.
struct WckeyRec {
  std::vector<AccountingRec> accounting_list;
  std::string cluster;
  std::uint32_t flags = 0, id = 0;
  std::uint16_t is_def = 0;
  std::string name;
  std::uint32_t uid = kNoVal32;
  std::string user;
  bool operator==(const WckeyRec&) const = default;
};
void fields(codec::Archive& ar, WckeyRec& m);

/// An account. flags: 1 deleted.
struct AccountRec {
  std::vector<AssocRec> assoc_list;
  std::vector<CoordRec> coordinators;
  std::string description;
  std::uint32_t flags = 0;
  std::string name, organization;
  bool operator==(const AccountRec&) const = default;
};
void fields(codec::Archive& ar, AccountRec& m);

/// A quality of service. grace_time, preempt_exempt_time: s; max_wall_pj, grp_wall: minutes; TRES limits are
/// "id=count,…".
struct QosRec {
  std::string description;
  std::uint32_t id = 0, flags = 0, grace_time = kNoVal32;
  std::string grp_tres_mins, grp_tres_run_mins, grp_tres;
  std::uint32_t grp_jobs = kNoVal32, grp_jobs_accrue = kNoVal32, grp_submit_jobs = kNoVal32, grp_wall = kNoVal32;
  std::string max_tres_mins_pj, max_tres_run_mins_pa, max_tres_run_mins_pu, max_tres_pa, max_tres_pj, max_tres_pn,
      max_tres_pu;
  std::uint32_t max_jobs_pa = kNoVal32, max_jobs_pu = kNoVal32, max_jobs_accrue_pa = kNoVal32,
                max_jobs_accrue_pu = kNoVal32, min_prio_thresh = kNoVal32, max_submit_jobs_pa = kNoVal32,
                max_submit_jobs_pu = kNoVal32, max_wall_pj = kNoVal32;
  std::string min_tres_pj, name;
  Bits preempt_bitstr;
  std::optional<std::vector<std::string>> preempt_list;
  std::uint16_t preempt_mode = kNoVal16;
  std::uint32_t preempt_exempt_time = kNoVal32, priority = kNoVal32;
  double usage_factor = 4294967294.0, usage_thres = 4294967294.0, limit_factor = 4294967294.0;
  bool operator==(const QosRec&) const = default;
};
void fields(codec::Archive& ar, QosRec& m);

/// A time in which a node was down or draining (event_type 2), or a cluster had other resources than before (1).
struct EventRec {
  std::string cluster, cluster_nodes;
  std::uint16_t event_type = 0;
  std::string node_name;
  TimeS period_start, period_end;
  std::string reason;
  std::uint32_t reason_uid = kNoVal32, state = 0;
  std::string tres_str;
  bool operator==(const EventRec&) const = default;
};
void fields(codec::Archive& ar, EventRec& m);

/// A change that was made. action: the number of the request.
struct TxnRec {
  std::string accts;
  std::uint16_t action = 0;
  std::string actor_name, clusters;
  std::uint32_t id = 0;
  std::string set_info;
  TimeS timestamp;
  std::string users, where_query;
  bool operator==(const TxnRec&) const = default;
};
void fields(codec::Archive& ar, TxnRec& m);

/// The part of a resource that a cluster may use.
struct ClusResRec {
  std::string cluster;
  std::uint16_t percent_allowed = kNoVal16;  // until 22.05
  std::uint32_t allowed = kNoVal32;          // since 23.02
  bool operator==(const ClusResRec&) const = default;
};
void fields(codec::Archive& ar, ClusResRec& m);

/// A reservation as accounting sees it. unused_wall: s.
struct ReservationRec {
  std::string assocs, cluster, comment;
  std::uint64_t flags = 0;
  std::uint32_t id = 0;
  std::string name, nodes, node_inx;
  TimeS time_end, time_force, time_start, time_start_prev;
  std::string tres_str;
  std::vector<TresRec> tres_list;
  double unused_wall = 0;
  bool operator==(const ReservationRec&) const = default;
};
void fields(codec::Archive& ar, ReservationRec& m);

/// A node of a cloud and the instance that it was.
struct InstanceRec {
  std::string cluster, extra, instance_id, instance_type, node_name;
  TimeS time_end, time_start;
  bool operator==(const InstanceRec&) const = default;
};
void fields(codec::Archive& ar, InstanceRec& m);

/// How often a request was served, and how long that took. id: its number, or a user; time: µs.
struct RpcObj {
  std::uint32_t cnt = 0, id = 0;
  std::uint64_t time = 0;
  bool operator==(const RpcObj&) const = default;
};
void fields(codec::Archive& ar, RpcObj& m);

/// A user. admin_level: 1 none, 2 operator, 3 administrator; 0 not set. flags: 1 deleted.
struct UserRec {
  std::uint16_t admin_level = 0;
  std::vector<AssocRec> assoc_list;
  std::vector<CoordRec> coord_accts;
  std::uint32_t def_qos_id = kNoVal32;
  std::string default_acct, default_wckey;
  std::uint32_t flags = 0;
  std::string name, old_name;
  std::uint32_t uid = kNoVal32;
  std::vector<WckeyRec> wckey_list;
  bool operator==(const UserRec&) const = default;
};
void fields(codec::Archive& ar, UserRec& m);

/// Something counted outside the cluster, licences above all. percent_used until 22.05; allocated and last_consumed
/// since.
struct ResRec {
  std::vector<ClusResRec> clus_res_list;
  std::optional<ClusResRec> clus_res_rec;
  std::uint32_t count = 0;
  std::string description;
  std::uint32_t flags = 0, id = 0;
  std::string manager, name;
  std::uint16_t percent_used = kNoVal16;
  std::uint32_t allocated = kNoVal32, last_consumed = kNoVal32;
  std::string server;
  std::uint32_t type = 0;
  TimeS last_update;
  bool operator==(const ResRec&) const = default;
};
void fields(codec::Archive& ar, ResRec& m);

struct RollupKind {
  std::uint16_t count = 0;
  TimeS timestamp;
  std::uint64_t time_last = 0, time_max = 0, time_total = 0;  // µs
  bool operator==(const RollupKind&) const = default;
};
void fields(codec::Archive& ar, RollupKind& m);

/// Hourly, daily and monthly roll-ups of a cluster; without a name: of all.
struct RollupStats {
  std::string cluster_name;
  std::vector<RollupKind> kinds;
  bool operator==(const RollupStats&) const = default;
};
void fields(codec::Archive& ar, RollupStats& m);

/// DBD_GOT_STATS.
struct DbdStats {
  RollupStats dbd_rollup_stats;
  std::vector<RollupStats> rollup_stats;
  std::vector<RpcObj> rpc_list;
  TimeS time_start;
  std::vector<RpcObj> user_list;
  bool operator==(const DbdStats&) const = default;
};
void fields(codec::Archive& ar, DbdStats& m);

}  // namespace flurm::wire
