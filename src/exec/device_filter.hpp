// exec/device_filter.hpp — keeps the processes of a control group from device files (cgroup.conf ConstrainDevices).
#pragma once
#include <compare>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"

namespace flurm::exec {

/// A device file, as the kernel tells it from others.
struct DeviceNumber {
  bool is_block = false;
  std::uint32_t major = 0, minor = 0;
  auto operator<=>(const DeviceNumber&) const = default;
};

/// Processes in the v2 group `directory`, and in those below it, cannot open or make these any more; all others as
/// before. Holds until the group is removed; what groups above it deny stays denied. Needs CAP_BPF or root. Errors: io.
Result<void> deny_devices_v2(const std::string& directory, std::span<const DeviceNumber> devices);
/// The same for a group of v1's devices controller. Errors: io.
Result<void> deny_devices_v1(const std::string& directory, std::span<const DeviceNumber> devices);

}  // namespace flurm::exec
