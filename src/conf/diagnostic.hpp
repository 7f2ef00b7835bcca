// conf/diagnostic.hpp — what is wrong or worth knowing in a configuration file, with file, line, key and what is
// allowed.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace flurm::conf {

enum class Severity { warning, error };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  int line = 0;  ///< first line of a continued one; 0 for the file as a whole
  std::string key;
  std::string message;  ///< what is wrong and what is allowed
  bool operator==(const Diagnostic&) const = default;
};

/// "slurm.conf:12: error: KillWait: 'soon' is not a number; allowed: 0 to 65533, INFINITE".
std::string to_string(const Diagnostic& diagnostic);

bool has_errors(const std::vector<Diagnostic>& diagnostics);
/// The first error from position `from` on, as text; empty when there is none.
std::string first_error(const std::vector<Diagnostic>& diagnostics, std::size_t from);

/// Most diagnostics kept for one configuration; a hostile file cannot fill the memory with them.
inline constexpr std::size_t kDiagnosticsMax = 1000;

/// Where a value stands, and where its problems go.
struct Report {
  std::vector<Diagnostic>& out;
  std::string_view file;
  int line = 0;

  void error(std::string_view key, std::string message) const { add(Severity::error, key, std::move(message)); }
  void warning(std::string_view key, std::string message) const { add(Severity::warning, key, std::move(message)); }
  Report at(std::string_view other_file, int other_line) const { return {out, other_file, other_line}; }

 private:
  void add(Severity severity, std::string_view key, std::string message) const;
};

}  // namespace flurm::conf
