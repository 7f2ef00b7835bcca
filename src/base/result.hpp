// base/result.hpp — expected failures as values: Result<T>, Error, fail(), and CHECK for our own mistakes.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "fmt/core.h"

namespace flurm {

/// What went wrong. The numbers below 100000 are Slurm's and go to clients as they are (base/errors.def).
enum class Errc : std::int32_t {
#define X(name, number, text) name = number,
#include "base/errors.def"
#undef X
};

/// The message a Slurm client prints for the code.
std::string_view errc_text(Errc code);
/// The code's name in errors.def, for logs.
std::string_view errc_name(Errc code);

/// A failure that callers are expected to handle: a code to act on and a text that names the values at fault.
struct Error {
  Errc code = Errc::error;
  std::string text;
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

/// `return fail(Errc::invalid_partition_name, "partition {}", name);`
template <class... Args>
std::unexpected<Error> fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}
inline std::unexpected<Error> fail(Errc code) { return std::unexpected(Error{code, std::string(errc_text(code))}); }
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& detail);

/// Stops the process when our own code is wrong; never for input from outside. On in every build.
#define FLURM_CHECK(condition, ...)                                                                    \
  do {                                                                                                 \
    if (!(condition)) [[unlikely]]                                                                     \
      ::flurm::check_failed(__FILE__, __LINE__, #condition, std::string(fmt::format("" __VA_ARGS__))); \
  } while (0)

/// Assigns the value of a Result to `target`, or returns its error from the enclosing function.
#define FLURM_TRY(target, expression)                                                                                 \
  auto FLURM_TRY_CAT(result_, __LINE__) = (expression);                                                               \
  if (!FLURM_TRY_CAT(result_, __LINE__)) return std::unexpected(std::move(FLURM_TRY_CAT(result_, __LINE__).error())); \
  target = std::move(*FLURM_TRY_CAT(result_, __LINE__))
/// The same for Result<void>.
#define FLURM_TRY_VOID(expression)                                                             \
  if (auto FLURM_TRY_CAT(result_, __LINE__) = (expression); !FLURM_TRY_CAT(result_, __LINE__)) \
  return std::unexpected(std::move(FLURM_TRY_CAT(result_, __LINE__).error()))
#define FLURM_TRY_CAT(a, b) FLURM_TRY_CAT2(a, b)
#define FLURM_TRY_CAT2(a, b) a##b

}  // namespace flurm
