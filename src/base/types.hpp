// base/types.hpp — identifiers, times and the "no value" numbers that all rooms share.
#pragma once
#include <compare>
#include <cstdint>

namespace flurm {

/// "Not set" and "without limit" at each width, as Slurm's messages and configuration carry them
/// (slurm 22.05 slurm/slurm.h NO_VAL*, INFINITE*).
inline constexpr std::uint8_t kNoVal8 = 0xfe, kInfinite8 = 0xff;
inline constexpr std::uint16_t kNoVal16 = 0xfffe, kInfinite16 = 0xffff;
inline constexpr std::uint32_t kNoVal32 = 0xfffffffe, kInfinite32 = 0xffffffff;
inline constexpr std::uint64_t kNoVal64 = 0xfffffffffffffffe, kInfinite64 = 0xffffffffffffffff;

/// Unix seconds. 0 means "not set" wherever a field may be unset.
struct TimeS {
  std::int64_t v = 0;
  auto operator<=>(const TimeS&) const = default;
  explicit operator bool() const { return v != 0; }
  TimeS operator+(std::int64_t seconds) const { return {v + seconds}; }
  TimeS operator-(std::int64_t seconds) const { return {v - seconds}; }
  std::int64_t operator-(TimeS other) const { return v - other.v; }
};

struct JobId {
  std::uint32_t v = 0;
  auto operator<=>(const JobId&) const = default;
};

/// Step numbers with a meaning of their own (slurm 22.05 slurm/slurm.h SLURM_*_STEP).
inline constexpr std::uint32_t kBatchStep = 0xfffffffb, kExternStep = 0xfffffffc, kInteractiveStep = 0xfffffffa,
                               kPendingStep = 0xfffffffd;

}  // namespace flurm
