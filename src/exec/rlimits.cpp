// exec/rlimits.cpp — see rlimits.hpp.
#include "exec/rlimits.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "fmt/format.h"

namespace flurm::exec {
namespace {

struct Limit {
  std::string_view name;
  __rlimit_resource resource;
};
constexpr Limit kLimits[] = {
    {"CPU", RLIMIT_CPU},   {"FSIZE", RLIMIT_FSIZE},     {"DATA", RLIMIT_DATA},   {"STACK", RLIMIT_STACK},
    {"CORE", RLIMIT_CORE}, {"RSS", RLIMIT_RSS},         {"NPROC", RLIMIT_NPROC}, {"NOFILE", RLIMIT_NOFILE},
    {"AS", RLIMIT_AS},     {"MEMLOCK", RLIMIT_MEMLOCK},
};

void apply(const Limit& limit, std::string_view text, bool in_mask, const std::function<void(std::string)>& complain) {
  const bool by_user = text.starts_with('U');
  if (by_user) text.remove_prefix(1);
  unsigned long long value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
    complain(fmt::format("Invalid SLURM_RLIMIT_{} env var, value = `{}'", limit.name, text));
    return;
  }
  rlimit now{};
  if (!(by_user || in_mask) || getrlimit(limit.resource, &now) != 0 || now.rlim_cur == value) return;
  now.rlim_cur = by_user ? value : std::min<rlim_t>(value, now.rlim_max);
  if (setrlimit(limit.resource, &now) != 0 && by_user) {
    complain(fmt::format("Can't propagate RLIMIT_{} of {} from submit host: {}", limit.name,
                         value == RLIM_INFINITY ? "'unlimited'" : std::to_string(value), std::strerror(errno)));
  }
}

}  // namespace

std::uint32_t rlimit_bit(std::string_view name) {
  const auto* found = std::ranges::find(kLimits, name, &Limit::name);
  return found == std::end(kLimits) ? 0 : 1u << (found - std::begin(kLimits));
}

void apply_rlimits(Environment& env, std::uint32_t propagate_mask, std::uint64_t memory_mib,
                   const std::function<void(std::string)>& complain) {
  for (const Limit& limit : kLimits) {
    const std::string variable = fmt::format("SLURM_RLIMIT_{}", limit.name);
    const auto value = env.get(variable);
    if (!value) continue;
    const std::string text(*value);
    env.unset(variable);
    apply(limit, text, (propagate_mask & rlimit_bit(limit.name)) != 0, complain);
  }
  // Linux does not act on RLIMIT_RSS; programs read it to learn their share.
  rlimit rss{};
  const rlim_t bytes = static_cast<rlim_t>(memory_mib) * 1024 * 1024;
  if (memory_mib != 0 && getrlimit(RLIMIT_RSS, &rss) == 0 && rss.rlim_max > bytes) {
    rss.rlim_cur = rss.rlim_max = bytes;
    (void)setrlimit(RLIMIT_RSS, &rss);
  }
}

}  // namespace flurm::exec
