// wire/msg/hostlist.hpp — hostlist functions as a service (25.05+).
#pragma once
#include <string>

#include "codec/archive.hpp"

namespace flurm::wire {

/// REQUEST_HOSTLIST_EXPANSION.
struct HostlistExpansionRequest {
  std::string hostlist;
  bool operator==(const HostlistExpansionRequest&) const = default;
};
void fields(codec::Archive& ar, HostlistExpansionRequest& m);

/// RESPONSE_HOSTLIST_EXPANSION.
struct HostlistExpansionResponse {
  std::string hosts;
  bool operator==(const HostlistExpansionResponse&) const = default;
};
void fields(codec::Archive& ar, HostlistExpansionResponse& m);

}  // namespace flurm::wire
