// wire/versions.hpp — the protocol numbers of Slurm's releases.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace flurm::wire {

/// One number per release, in the header of every message (slurm 26.05 src/common/slurm_protocol_common.h).
inline constexpr std::uint16_t v22_05 = 0x2600, v23_02 = 0x2700, v23_11 = 0x2800, v24_05 = 0x2900, v24_11 = 0x2a00,
                               v25_05 = 0x2b00, v25_11 = 0x2c00, v26_05 = 0x2d00;

/// A slurmctld of 22.05 or 23.02 that has no registration of a node speaks to it in the oldest protocol it knows. Of
/// these releases the header is described, and what such a controller begins with; see spoken() in header.hpp.
inline constexpr std::uint16_t v20_11 = 0x2400, v21_08 = 0x2500;

inline constexpr std::array<std::uint16_t, 8> kVersions = {v22_05, v23_02, v23_11, v24_05,
                                                           v24_11, v25_05, v25_11, v26_05};
inline constexpr std::uint16_t kOldestVersion = kVersions.front(), kNewestVersion = kVersions.back();

constexpr bool supported(std::uint16_t version) {
  for (std::uint16_t known : kVersions) {
    if (known == version) return true;
  }
  return false;
}

/// "22.05" … "26.05"; "?" for a number not spoken here.
constexpr std::string_view release_name(std::uint16_t version) {
  constexpr std::string_view kNames[] = {"22.05", "23.02", "23.11", "24.05", "24.11", "25.05", "25.11", "26.05"};
  return supported(version) ? kNames[(version - kOldestVersion) >> 8] : "?";
}

}  // namespace flurm::wire
