// wire/msg/assoc_mgr.hpp — the controller's view of accounting.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

/// REQUEST_ASSOC_MGR_INFO.
struct AssocMgrInfoRequest {
  std::vector<std::string> acct_list;
  std::uint32_t flags = 0;
  std::vector<std::string> qos_list, user_list;
  bool operator==(const AssocMgrInfoRequest&) const = default;
};
void fields(codec::Archive& ar, AssocMgrInfoRequest& m);

/// RESPONSE_ASSOC_MGR_INFO without associations, QOS and users: their lists are sent empty, and others are refused.
struct AssocMgrInfo {
  std::vector<std::string> tres_names;
  bool operator==(const AssocMgrInfo&) const = default;
};
void fields(codec::Archive& ar, AssocMgrInfo& m);

}  // namespace flurm::wire
