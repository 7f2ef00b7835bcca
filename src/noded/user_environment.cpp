// noded/user_environment.cpp — see user_environment.hpp.
#include "noded/user_environment.hpp"

#include <unistd.h>

#include <string_view>

#include "fmt/format.h"
#include "noded/scripts.hpp"

namespace flurm::noded {
namespace {

constexpr std::string_view kMark = "--flurm-environment-mark--";
constexpr std::uint64_t kTimeoutMs = 120'000;
constexpr std::size_t kOutputMax = 4u << 20;

}  // namespace

Result<std::vector<std::string>> parse_user_environment(std::string_view output) {
  const auto first = output.find(kMark);
  const auto last = output.rfind(kMark);
  if (first == last) return fail(Errc::node_setup_environment, "the login shell printed no environment");
  output = output.substr(first + kMark.size(), last - first - kMark.size());
  std::vector<std::string> entries;
  while (!output.empty()) {
    const auto end = output.find('\0');
    const std::string_view entry = output.substr(0, end);
    output = end == std::string_view::npos ? std::string_view{} : output.substr(end + 1);
    const std::string_view name = entry.substr(0, entry.find('='));
    if (name.size() == entry.size() || name == "DISPLAY" || name == "ENVIRONMENT" || name == "HOSTNAME") continue;
    entries.emplace_back(entry);
  }
  return entries;
}

io::Task<Result<std::vector<std::string>>> user_environment(io::Loop& loop, io::ChildWatch& children,
                                                            exec::Identity user) {
  const std::string command = fmt::format("printf %s {0}; /usr/bin/env -0; printf %s {0}", kMark);
  ScriptCall call{.kind = "user environment", .program = "/bin/su", .timeout_ms = kTimeoutMs, .output_max = kOutputMax};
  if (geteuid() == 0) {
    call.argv = {"su", "-", user.name, "-c", command};
  } else {
    call.program = "/bin/bash";
    call.argv = {"bash", "-l", "-c", command};
    if (const char* home = std::getenv("HOME")) call.env.set("HOME", home);
  }
  call.env.set("ENVIRONMENT", "BATCH");
  auto running = run_script(loop, children, std::move(call));
  const ScriptResult result = co_await running;
  if (result.timed_out) co_return fail(Errc::timed_out, "login shell of {}", user.name);
  co_return parse_user_environment(result.output);
}

}  // namespace flurm::noded
