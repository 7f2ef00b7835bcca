// conf/values.cpp — see values.hpp. Forms follow parse_value.c, parse_time.c and log.c of Slurm 22.05, except that
// what Slurm cuts, wraps or ignores is refused here.
#include "conf/values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/types.hpp"
#include "conf/lines.hpp"

namespace flurm::conf {
namespace {

std::string names(std::span<const Word> words) {
  std::string out;
  for (const Word& word : words) {
    if (!out.empty()) out += ", ";
    out += word.name;
  }
  return out;
}

bool infinite_word(std::string_view text) { return same_word(text, "INFINITE") || same_word(text, "UNLIMITED"); }

}  // namespace

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t low, std::uint64_t high, std::uint64_t infinite,
                                   bool kilo) {
  auto bad = [&] {
    return fail(Errc::einval, "'{}' is not allowed; allowed: {} to {}{}", text, low, high,
                infinite != 0 ? ", INFINITE" : "");
  };
  if (infinite != 0 && infinite_word(text)) return infinite;
  int base = 10;
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
  }
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  auto [after, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc{}) return bad();
  if (kilo && after + 1 == end && (*after == 'k' || *after == 'K')) {
    if (value > UINT64_MAX / 1024) return bad();
    value *= 1024;
    ++after;
  }
  if (after != end) return bad();
  if (infinite != 0 && value == infinite) return infinite;
  if (value < low || value > high) return bad();
  return value;
}

Result<bool> parse_bool(std::string_view text) {
  for (auto word : {"yes", "up", "true", "1"})
    if (same_word(text, word)) return true;
  for (auto word : {"no", "down", "false", "0"})
    if (same_word(text, word)) return false;
  return fail(Errc::einval, "'{}' is not allowed; allowed: YES, NO", text);
}

Result<std::uint32_t> parse_time_s(std::string_view text) {
  if (text == "-1" || infinite_word(text)) return kInfinite32;
  auto bad = [&] {
    return fail(Errc::einval,
                "'{}' is not a time; allowed: minutes, minutes:seconds, hours:minutes:seconds, days-hours, "
                "days-hours:minutes, days-hours:minutes:seconds, INFINITE",
                text);
  };
  std::uint64_t part[3] = {}, days = 0;
  std::size_t parts = 0;
  const char *at = text.data(), *end = at + text.size();
  const auto dash = text.find('-');
  if (dash != text.npos) {
    auto [after, error] = std::from_chars(at, end, days);
    if (error != std::errc{} || after != text.data() + dash || days > 40000) return bad();
    at = after + 1;
    if (at == end) return static_cast<std::uint32_t>(days * 86400);  // "2-"
  }
  for (;;) {
    auto [after, error] = std::from_chars(at, end, part[parts]);
    if (error != std::errc{} || part[parts++] > 100000000) return bad();
    at = after;
    if (at == end) break;
    if (*at++ != ':' || parts == 3) return bad();
  }
  std::uint64_t seconds = days * 86400;
  if (dash != text.npos || parts == 3)
    seconds += part[0] * 3600 + part[1] * 60 + part[2];
  else
    seconds += part[0] * 60 + part[1];
  if (seconds >= kNoVal32) return bad();
  return static_cast<std::uint32_t>(seconds);
}

Result<std::uint32_t> parse_time_min(std::string_view text) {
  FLURM_TRY(const std::uint32_t seconds, parse_time_s(text));
  return seconds == kInfinite32 ? seconds : seconds / 60 + (seconds % 60 != 0);
}

Result<std::uint64_t> parse_word(std::string_view text, std::span<const Word> words) {
  for (const Word& word : words)
    if (same_word(word.name, text)) return word.value;
  return fail(Errc::einval, "'{}' is not allowed; allowed: {}", text, names(words));
}

Result<std::uint64_t> parse_flags(std::string_view text, std::span<const Word> words) {
  std::uint64_t flags = 0;
  for (std::string_view part : split_list(text)) {
    FLURM_TRY(const std::uint64_t flag, parse_word(part, words));
    flags |= flag;
  }
  return flags;
}

namespace {
constexpr Word kLogLevels[] = {{"quiet", 0}, {"fatal", 1},  {"error", 2},  {"info", 3},   {"verbose", 4},
                               {"debug", 5}, {"debug2", 6}, {"debug3", 7}, {"debug4", 8}, {"debug5", 9}};
}  // namespace

std::string_view log_level_word(std::size_t level) {
  return kLogLevels[std::min(level, std::size(kLogLevels) - 1)].name;
}

Result<std::uint16_t> parse_log_level(std::string_view text) {
  if (text.size() == 1 && text[0] >= '0' && text[0] <= '9') return static_cast<std::uint16_t>(text[0] - '0');
  FLURM_TRY(const std::uint64_t level, parse_word(text, kLogLevels));
  return static_cast<std::uint16_t>(level);
}

Result<double> parse_decimal(std::string_view text) {
  double value = 0;
  auto [after, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || after != text.data() + text.size() || !std::isfinite(value) || value < 0)
    return fail(Errc::einval, "'{}' is not allowed; allowed: a number of 0 or more", text);
  return value;
}

}  // namespace flurm::conf
