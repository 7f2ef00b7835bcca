// conf/diagnostic.cpp — collecting and printing diagnostics.
#include "conf/diagnostic.hpp"

#include <algorithm>

#include "fmt/core.h"

namespace flurm::conf {

std::string to_string(const Diagnostic& d) {
  std::string place = d.line > 0 ? fmt::format("{}:{}", d.file, d.line) : d.file;
  std::string_view kind = d.severity == Severity::error ? "error" : "warning";
  return d.key.empty() ? fmt::format("{}: {}: {}", place, kind, d.message)
                       : fmt::format("{}: {}: {}: {}", place, kind, d.key, d.message);
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string first_error(const std::vector<Diagnostic>& diagnostics, std::size_t from) {
  for (std::size_t i = from; i < diagnostics.size(); ++i)
    if (diagnostics[i].severity == Severity::error) return to_string(diagnostics[i]);
  return {};
}

void Report::add(Severity severity, std::string_view key, std::string message) const {
  if (out.size() > kDiagnosticsMax) return;
  if (out.size() == kDiagnosticsMax) {
    out.push_back({Severity::error, std::string(file), line, "", "too many problems; the rest is not shown"});
    return;
  }
  out.push_back({severity, std::string(file), line, std::string(key), std::move(message)});
}

}  // namespace flurm::conf
