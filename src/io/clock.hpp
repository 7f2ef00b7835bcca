// io/clock.hpp — what time it is. Pure rooms get the time as an argument; only the world asks here.
#pragma once
#include <cstdint>

#include "base/types.hpp"

namespace flurm::io {

/// Unix seconds of the wall clock.
TimeS now();
/// Unix microseconds of the wall clock.
std::int64_t now_us();
/// Time since an arbitrary point; never runs backwards.
std::uint64_t monotonic_ms();
std::uint64_t monotonic_us();

/// The moment at which a wait gives up, in monotonic milliseconds. One deadline may cover several waits.
struct Deadline {
  std::uint64_t at_ms = 0;
  static Deadline in_ms(std::uint64_t ms) { return {monotonic_ms() + ms}; }
  static Deadline never() { return {~std::uint64_t{0}}; }
  bool is_never() const { return at_ms == ~std::uint64_t{0}; }
  /// Milliseconds left, 0 when it has passed.
  std::uint64_t left_ms() const {
    std::uint64_t t = monotonic_ms();
    return at_ms > t ? at_ms - t : 0;
  }
};

}  // namespace flurm::io
