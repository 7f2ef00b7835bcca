// acct/records.hpp — what accounting knows besides jobs: clusters, accounts, users, associations, QOS, TRES, wckeys.
//
// In records kInfinite32 says "no limit here". In a record that is a wish for a change kNoVal32 leaves a value as it is
// and kInfinite32 takes it away; empty texts and TRES amounts leave theirs as they are. Deleted records stay, marked,
// when jobs may refer to them.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "acct/tres.hpp"
#include "base/types.hpp"

namespace flurm::acct {

enum class AdminLevel : std::uint16_t { not_set = 0, none = 1, op = 2, admin = 3 };

struct Cluster {
  std::string name;
  std::string control_host;        ///< of the controller that registered; empty: none does
  std::uint32_t control_port = 0;  ///< 0: not registered now
  std::uint32_t last_port = 0;     ///< where it listened when it was registered last
  std::uint16_t rpc_version = 0, dimensions = 1, classification = 0;
  std::uint32_t flags = 0;
  std::uint32_t plugin_id_select = 0;
  std::string nodes;  ///< of its last registration
  TresCounts tres;
  std::string federation;                   ///< empty: in none
  std::uint32_t fed_id = 0, fed_state = 0;  ///< 0: none; state: 1 active, 2 inactive, 16 and 32 draining and leaving
  std::vector<std::string> fed_features;
  bool deleted = false;
  TimeS created, modified;
  bool operator==(const Cluster&) const = default;
};

struct Account {
  std::string name, description, organization;
  std::set<std::string> coordinators;  ///< users
  bool deleted = false;
  TimeS created, modified;
  bool operator==(const Account&) const = default;
};

struct User {
  std::string name;
  AdminLevel admin_level = AdminLevel::none;
  bool deleted = false;
  TimeS created, modified;
  bool operator==(const User&) const = default;
};

/// Limits of an association. max_wall_pj, grp_wall: minutes; the *_mins: TRES-minutes.
struct AssocLimits {
  std::uint32_t grp_jobs = kInfinite32, grp_jobs_accrue = kInfinite32, grp_submit_jobs = kInfinite32,
                grp_wall = kInfinite32;
  TresCounts grp_tres, grp_tres_mins, grp_tres_run_mins;
  // The following come from the account above where an association has none of its own.
  std::uint32_t max_jobs = kInfinite32, max_jobs_accrue = kInfinite32, min_prio_thresh = kInfinite32,
                max_submit_jobs = kInfinite32, max_wall_pj = kInfinite32, priority = kInfinite32,
                def_qos_id = kInfinite32;
  TresCounts max_tres_pj, max_tres_pn, max_tres_mins_pj, max_tres_run_mins;
  bool operator==(const AssocLimits&) const = default;

  /// All numbers left as they are: what a wish for a change begins with.
  static AssocLimits unchanged();
};

/// An account on a cluster, or a user in it. The tree: `parent_id` is the account's association above; 0 for the root.
struct Assoc {
  std::uint32_t id = 0;
  std::string cluster, account;
  std::string user;       ///< empty: the account itself
  std::string partition;  ///< empty: all
  std::uint32_t parent_id = 0;
  /// Among those with one parent: higher ones first, equal ones by id. One number for those that a request made one
  /// after the other.
  std::uint32_t rank = 0;
  bool is_default = false;  ///< the user's default account on the cluster
  std::uint32_t shares = 1;
  AssocLimits limits;
  std::vector<std::uint32_t> qos;      ///< ids; empty: as above, changed by delta_qos
  std::vector<std::string> delta_qos;  ///< "+5", "-3"
  bool deleted = false;
  TimeS created, modified;
  bool operator==(const Assoc&) const = default;
};

struct Qos {
  std::uint32_t id = 0;
  std::string name, description;
  std::uint32_t flags = 0;
  std::uint32_t grace_time = 0;  ///< s
  std::uint32_t grp_jobs = kInfinite32, grp_jobs_accrue = kInfinite32, grp_submit_jobs = kInfinite32,
                grp_wall = kInfinite32;
  TresCounts grp_tres, grp_tres_mins, grp_tres_run_mins;
  TresCounts max_tres_mins_pj, max_tres_run_mins_pa, max_tres_run_mins_pu, max_tres_pa, max_tres_pj, max_tres_pn,
      max_tres_pu, min_tres_pj;
  std::uint32_t max_jobs_pa = kInfinite32, max_jobs_pu = kInfinite32, max_jobs_accrue_pa = kInfinite32,
                max_jobs_accrue_pu = kInfinite32, min_prio_thresh = kInfinite32, max_submit_jobs_pa = kInfinite32,
                max_submit_jobs_pu = kInfinite32, max_wall_pj = kInfinite32;
  std::set<std::uint32_t> preempt;                  ///< ids of those that jobs of this one may preempt
  std::uint16_t preempt_mode = 0;                   ///< 0: the cluster's
  std::uint32_t preempt_exempt_time = kInfinite32;  ///< s
  std::uint32_t priority = 0;
  double usage_factor = 1, usage_thres = kNoFactor, limit_factor = kNoFactor;
  bool deleted = false;
  TimeS created, modified;
  bool operator==(const Qos&) const = default;

  static constexpr double kNoFactor = 4294967295.0;  ///< as Slurm's INFINITE in a double
};

struct Tres {
  std::uint32_t id = 0;
  std::string type, name;  ///< "gres", "gpu:tesla"
  bool operator==(const Tres&) const = default;
};

struct Wckey {
  std::uint32_t id = 0;
  std::string cluster, user, name;
  bool is_default = false, deleted = false;
  TimeS created, modified;
  bool operator==(const Wckey&) const = default;
};

/// Something that is counted and shared by clusters, licenses of a server above all: "name@server".
struct Resource {
  static constexpr std::uint32_t kLicense = 1;   ///< the only type there is
  static constexpr std::uint32_t kAbsolute = 1;  ///< flag: shares are numbers, not percent (since 23.02)
  std::uint32_t id = 0;
  std::string name, server, description, manager;
  std::uint32_t count = 0, flags = 0, type = kLicense;
  std::map<std::string, std::uint32_t> shares;  ///< percent of `count` by cluster
  bool deleted = false;
  TimeS created, modified;
  bool operator==(const Resource&) const = default;

  /// What the cluster may use at most.
  std::uint32_t share(const std::string& cluster) const;
  /// What all clusters' shares add up to, and what they may add up to.
  std::uint64_t shared() const;
  std::uint64_t shared_max() const { return flags & kAbsolute ? count : 100; }
};

/// Clusters that work together; which, they say themselves.
struct Federation {
  std::string name;
  std::uint32_t flags = 0;
  bool deleted = false;
  TimeS created, modified;
  bool operator==(const Federation&) const = default;
};

/// A change that was made, for people to read.
struct Transaction {
  std::uint32_t id = 0;
  TimeS time;
  std::uint16_t action = 0;  ///< number of the request
  std::string actor, where, info, cluster;
  bool operator==(const Transaction&) const = default;
};

}  // namespace flurm::acct
