// exec/environment.hpp — a process environment as an ordered list of NAME=VALUE.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flurm::exec {

/// Keeps the order in which names first appeared; a name occurs once. Look-up is linear: environments are small
/// and built once per task.
class Environment {
 public:
  Environment() = default;
  /// Entries without '=' are dropped; of a repeated name the last value stays.
  explicit Environment(const std::vector<std::string>& entries) { merge(entries); }

  void set(std::string_view name, std::string_view value);
  /// Sets `name` only where it is not there yet.
  void set_default(std::string_view name, std::string_view value);
  void unset(std::string_view name);
  void merge(const std::vector<std::string>& entries);
  /// What users chose, for programs that run as root: every name begins with SPANK_, or is made to.
  void merge_harmless(const std::vector<std::string>& entries);
  std::optional<std::string_view> get(std::string_view name) const;

  const std::vector<std::string>& entries() const { return entries_; }
  /// Null-terminated view for execve; valid until the next change.
  std::vector<char*> pointers();

 private:
  std::vector<std::string>::iterator find(std::string_view name);
  std::vector<std::string> entries_;
};

}  // namespace flurm::exec
