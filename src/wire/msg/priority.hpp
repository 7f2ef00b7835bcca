// wire/msg/priority.hpp — why jobs have the priority they have, and fair shares.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/archive.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {

/// REQUEST_PRIORITY_FACTORS: empty from 23.02.
struct PriorityFactorsRequest {
  std::optional<std::vector<std::uint32_t>> job_id_list, uid_list;
  std::string partitions;
  bool operator==(const PriorityFactorsRequest&) const = default;
};
void fields(codec::Archive& ar, PriorityFactorsRequest& m);

/// The names and weights of the TRES run parallel to priority_tres.
struct PriorityFactors {
  double priority_age = 0, priority_assoc = 0, priority_fs = 0, priority_js = 0, priority_part = 0, priority_qos = 0;
  std::uint32_t priority_site = 0;
  std::vector<double> priority_tres;
  std::vector<std::string> assoc_mgr_tres_name_array;
  std::vector<double> tres_weights;
  std::uint32_t nice = 0;  // + 0x80000000
  bool operator==(const PriorityFactors&) const = default;
};
void fields(codec::Archive& ar, PriorityFactors& m);

/// direct_prio is not 0 when an administrator set the priority; then there are no factors (from 23.02).
struct PriorityFactorsObject {
  std::string account;
  StepId step_id;
  std::string partition;
  double direct_prio = 0;
  PriorityFactors prio_factors;
  std::string qos;
  std::uint32_t user_id = 0;
  bool operator==(const PriorityFactorsObject&) const = default;
};
void fields(codec::Archive& ar, PriorityFactorsObject& m);

/// RESPONSE_PRIORITY_FACTORS.
struct PriorityFactorsResponse {
  std::optional<std::vector<PriorityFactorsObject>> priority_factors_list;
  bool operator==(const PriorityFactorsResponse&) const = default;
};
void fields(codec::Archive& ar, PriorityFactorsResponse& m);

/// REQUEST_SHARE_INFO.
struct SharesRequest {
  std::optional<std::vector<std::string>> acct_list, user_list;
  bool operator==(const SharesRequest&) const = default;
};
void fields(codec::Archive& ar, SharesRequest& m);

/// An association in RESPONSE_SHARE_INFO; user: 1 for a user, 0 for an account.
struct AssocSharesObject {
  std::uint32_t assoc_id = 0;
  std::string cluster, name, parent, partition;
  double shares_norm = 0;
  std::uint32_t shares_raw = 0;
  std::vector<std::uint64_t> tres_run_secs, tres_grp_mins;
  double usage_efctv = 0, usage_norm = 0;
  std::uint64_t usage_raw = 0;
  std::vector<double> usage_tres_raw;
  double fs_factor = 0, level_fs = 0;
  std::uint16_t user = 0;
  bool operator==(const AssocSharesObject&) const = default;
};
void fields(codec::Archive& ar, AssocSharesObject& m);

/// RESPONSE_SHARE_INFO.
struct SharesResponse {
  std::vector<std::string> tres_names;
  std::vector<AssocSharesObject> assoc_shares_list;
  std::uint64_t tot_shares = 0;
  bool operator==(const SharesResponse&) const = default;
};
void fields(codec::Archive& ar, SharesResponse& m);

}  // namespace flurm::wire
