// wire/msg/licenses.hpp — licenses and their use.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

/// REQUEST_LICENSE_INFO.
struct LicenseInfoRequest {
  TimeS last_update;
  std::uint16_t show_flags = 0;
  bool operator==(const LicenseInfoRequest&) const = default;
};
void fields(codec::Archive& ar, LicenseInfoRequest& m);

struct LicenseInfo {
  std::string name;
  std::uint32_t total = 0, in_use = 0, reserved = 0;
  std::uint8_t remote = 0;
  std::uint32_t last_consumed = 0, last_deficit = 0;
  TimeS last_update;
  std::uint8_t mode = 0;
  std::string nodes;
  bool operator==(const LicenseInfo&) const = default;
};
void fields(codec::Archive& ar, LicenseInfo& m);

/// RESPONSE_LICENSE_INFO.
struct LicenseInfoMsg {
  TimeS last_update;
  std::vector<LicenseInfo> lic_array;
  bool operator==(const LicenseInfoMsg&) const = default;
};
void fields(codec::Archive& ar, LicenseInfoMsg& m);

}  // namespace flurm::wire
