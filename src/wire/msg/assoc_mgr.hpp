// wire/msg/assoc_mgr.hpp — the controller's view of accounting: associations, QOS and users with what is in use of
// them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/bits.hpp"
#include "wire/msg/dbd_records.hpp"

namespace flurm::wire {

/// REQUEST_ASSOC_MGR_INFO. flags: which lists are wanted.
struct AssocMgrInfoRequest {
  std::vector<std::string> acct_list;
  std::uint32_t flags = 0;
  std::vector<std::string> qos_list, user_list;
  bool operator==(const AssocMgrInfoRequest&) const = default;
};
void fields(codec::Archive& ar, AssocMgrInfoRequest& m);

/// NO_VAL64: nobody has computed it.
inline constexpr double kUnset = 18446744073709551614.0;

/// What an association has in use and has used. Lists are by position of AssocMgrInfo::tres_names; usage in s.
struct AssocUsageRec {
  std::uint32_t accrue_cnt = 0;
  std::vector<std::uint64_t> grp_used_tres, grp_used_tres_run_secs;
  double grp_used_wall = 0;
  double fs_factor = 0;
  std::uint32_t level_shares = kNoVal32;
  double shares_norm = kUnset, usage_efctv = 0, usage_norm = 1, usage_raw = 0;
  std::vector<double> usage_tres_raw;
  std::uint32_t used_jobs = 0, used_submit_jobs = 0;
  double level_fs = 0;
  Bits valid_qos;
  bool operator==(const AssocUsageRec&) const = default;
};
void fields(codec::Archive& ar, AssocUsageRec& m);

/// Limits by position; INFINITE64 where there is none.
struct AssocWithUsage {
  AssocRec object;
  AssocUsageRec usage;
  std::vector<std::uint64_t> grp_tres_mins_ctld, grp_tres_run_mins_ctld, grp_tres_ctld, max_tres_mins_ctld,
      max_tres_run_mins_ctld, max_tres_ctld, max_tres_pn_ctld;
  bool operator==(const AssocWithUsage&) const = default;
};
void fields(codec::Archive& ar, AssocWithUsage& m);

/// What a user or an account has in use of a QOS.
struct UsedLimits {
  std::uint32_t accrue_cnt = 0;
  std::string acct;
  std::uint32_t jobs = 0, submit_jobs = 0;
  std::vector<std::uint64_t> tres, tres_run_secs;
  std::uint32_t uid = 0;
  bool operator==(const UsedLimits&) const = default;
};
void fields(codec::Archive& ar, UsedLimits& m);

struct QosUsageRec {
  std::uint32_t accrue_cnt = 0, grp_used_jobs = 0, grp_used_submit_jobs = 0;
  std::vector<std::uint64_t> grp_used_tres, grp_used_tres_run_secs;
  double grp_used_wall = 0, norm_priority = 0, usage_raw = 0;
  std::vector<double> usage_tres_raw;
  std::vector<UsedLimits> user_limit_list, acct_limit_list;
  bool operator==(const QosUsageRec&) const = default;
};
void fields(codec::Archive& ar, QosUsageRec& m);

struct QosWithUsage {
  QosRec object;
  std::vector<std::uint64_t> grp_tres_mins_ctld, grp_tres_run_mins_ctld, grp_tres_ctld, max_tres_mins_pj_ctld,
      max_tres_run_mins_pa_ctld, max_tres_run_mins_pu_ctld, max_tres_pa_ctld, max_tres_pj_ctld, max_tres_pn_ctld,
      max_tres_pu_ctld, min_tres_pj_ctld;
  QosUsageRec usage;
  bool operator==(const QosWithUsage&) const = default;
};
void fields(codec::Archive& ar, QosWithUsage& m);

/// RESPONSE_ASSOC_MGR_INFO.
struct AssocMgrInfo {
  std::vector<std::string> tres_names;
  std::vector<AssocWithUsage> assoc_list;
  std::vector<QosWithUsage> qos_list;
  std::vector<UserRec> user_list;
  bool operator==(const AssocMgrInfo&) const = default;
};
void fields(codec::Archive& ar, AssocMgrInfo& m);

}  // namespace flurm::wire
