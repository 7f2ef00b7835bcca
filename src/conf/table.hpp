// conf/table.hpp — one row per key: its name, the member it fills, how its value is read, what is allowed.
// A row is data; apply() is the only code that knows the kinds. T is the struct that the file becomes.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/types.hpp"
#include "conf/lines.hpp"
#include "conf/slurm_conf.hpp"
#include "conf/values.hpp"

namespace flurm::conf {

template <class T>
using Field = std::variant<std::monostate, std::string T::*, bool T::*, std::uint16_t T::*, std::uint32_t T::*,
                           std::uint64_t T::*, double T::*>;

/// How the text of a number becomes its value.
enum class Kind { plain, word, flags, seconds, minutes, minutes_as_seconds, log_level };

template <class T>
struct Key {
  std::string_view name;
  Support support;
  Field<T> field = {};
  Kind kind = Kind::plain;
  std::uint64_t low = 0, high = std::numeric_limits<std::uint64_t>::max();
  std::span<const Word> words = {};
  /// For a string that is one of few, or a comma list of them: the list. Empty: anything.
  std::span<const Word> choices = {};
  /// For a value with a grammar of its own.
  Result<void> (*custom)(std::string_view value, T& out) = nullptr;
  /// For a key that Slurm itself has given up: what to do instead.
  std::string_view removed = {};
};

namespace detail {

template <class T, class N>
Result<void> apply_number(const Key<T>& key, std::string_view value, N& out) {
  constexpr std::uint64_t kTop = std::numeric_limits<N>::max();
  Result<std::uint64_t> number = 0;
  switch (key.kind) {
    case Kind::plain:
      // The two highest numbers mean "not set" and "infinite"; a key with its own bound has no infinite.
      number = parse_number(value, key.low, key.high < kTop ? key.high : kTop - 2, key.high < kTop ? 0 : kTop,
                            sizeof(N) > 2);
      break;
    case Kind::word:
      number = parse_word(value, key.words);
      break;
    case Kind::flags:
      number = parse_flags(value, key.words);
      break;
    case Kind::seconds:
      number = parse_time_s(value);
      break;
    case Kind::minutes:
      number = parse_time_min(value);
      break;
    case Kind::minutes_as_seconds:
      // A time whose seconds are rounded up to minutes, kept as seconds.
      number = parse_time_min(value);
      if (number && *number != kInfinite32) number = *number * 60;
      break;
    case Kind::log_level:
      number = parse_log_level(value);
      break;
  }
  if (!number) return fail(number.error());
  if (*number > kTop) return fail(Errc::einval, "'{}' is too large", value);
  out = static_cast<N>(*number);
  return {};
}

}  // namespace detail

/// Puts `value` into the member that `key` names. The error says what is allowed.
template <class T>
Result<void> apply(const Key<T>& key, std::string_view value, T& out) {
  if (!key.removed.empty()) return fail(Errc::einval, "{}", key.removed);
  if (key.custom != nullptr) return key.custom(value, out);
  struct Visitor {
    const Key<T>& key;
    std::string_view value;
    T& out;
    Result<void> operator()(std::monostate) const { return {}; }
    Result<void> operator()(std::string T::*member) const {
      if (!key.choices.empty())
        for (std::string_view part : split_list(value)) {
          auto known = parse_word(part, key.choices);
          if (!known) return fail(known.error());
        }
      out.*member = value;
      return {};
    }
    Result<void> operator()(bool T::*member) const {
      FLURM_TRY(out.*member, parse_bool(value));
      return {};
    }
    Result<void> operator()(double T::*member) const {
      FLURM_TRY(out.*member, parse_decimal(value));
      return {};
    }
    Result<void> operator()(std::uint16_t T::*member) const { return detail::apply_number(key, value, out.*member); }
    Result<void> operator()(std::uint32_t T::*member) const { return detail::apply_number(key, value, out.*member); }
    Result<void> operator()(std::uint64_t T::*member) const { return detail::apply_number(key, value, out.*member); }
  };
  return std::visit(Visitor{key, value, out}, key.field);
}

/// The row named `name`, without regard to case.
template <class T>
const Key<T>* find_key(std::span<const Key<T>> keys, std::string_view name) {
  for (const Key<T>& key : keys)
    if (same_word(key.name, name)) return &key;
  return nullptr;
}

}  // namespace flurm::conf
