// io/clock.cpp — the kernel's clocks.
#include "io/clock.hpp"

#include <ctime>

namespace flurm::io {
namespace {

std::int64_t read_us(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000;
}

}  // namespace

TimeS now() { return {read_us(CLOCK_REALTIME) / 1'000'000}; }
std::int64_t now_us() { return read_us(CLOCK_REALTIME); }
std::uint64_t monotonic_us() { return static_cast<std::uint64_t>(read_us(CLOCK_MONOTONIC)); }
std::uint64_t monotonic_ms() { return monotonic_us() / 1000; }

}  // namespace flurm::io
