// wire/msg/front_end.hpp — front-end nodes, which Slurm had on Cray and Blue Gene until 24.11. FLURM has none.
#pragma once
#include <cstdint>
#include <string>

#include "codec/archive.hpp"

namespace flurm::wire {

/// RESPONSE_FRONT_END_INFO: no record.
struct FrontEndInfo {
  TimeS last_update;
  bool operator==(const FrontEndInfo&) const = default;
};
void fields(codec::Archive& ar, FrontEndInfo& m);

/// REQUEST_UPDATE_FRONT_END.
struct UpdateFrontEnd {
  std::string name;
  std::uint32_t node_state = kNoVal32;
  std::string reason;
  std::uint32_t reason_uid = kNoVal32;
  bool operator==(const UpdateFrontEnd&) const = default;
};
void fields(codec::Archive& ar, UpdateFrontEnd& m);

}  // namespace flurm::wire
