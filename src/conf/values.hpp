// conf/values.hpp — numbers, switches, times and word lists as configuration files write them. A failure's text says
// what is allowed; it is meant to stand behind "Key: ".
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.hpp"

namespace flurm::conf {

/// A word and the number it stands for.
struct Word {
  std::string_view name;
  std::uint64_t value;
};

/// Decimal, 0x… or 0…, from `low` to `high`; with `infinite` not 0 also INFINITE and UNLIMITED, which give it.
/// With `kilo`, a trailing K multiplies by 1024.
Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t low, std::uint64_t high,
                                   std::uint64_t infinite = 0, bool kilo = false);
/// YES, UP, TRUE, 1 or NO, DOWN, FALSE, 0.
Result<bool> parse_bool(std::string_view text);
/// Minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]], or INFINITE (kInfinite32).
/// Returns seconds.
Result<std::uint32_t> parse_time_s(std::string_view text);
/// The same in minutes, rounded up.
Result<std::uint32_t> parse_time_min(std::string_view text);
/// One of `words`.
Result<std::uint64_t> parse_word(std::string_view text, std::span<const Word> words);
/// A comma list of `words`, their values or-ed.
Result<std::uint64_t> parse_flags(std::string_view text, std::span<const Word> words);
/// quiet, fatal, error, info, verbose, debug … debug5, or 0 to 9.
Result<std::uint16_t> parse_log_level(std::string_view text);
/// The way back; above 9 as 9.
std::string_view log_level_word(std::size_t level);
/// A finite number ≥ 0.
Result<double> parse_decimal(std::string_view text);

}  // namespace flurm::conf
