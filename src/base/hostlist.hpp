// base/hostlist.hpp — Slurm's hostlists: "n[001-010,12],gpu[1-2]x[0-3],login" to names and back.
// All functions are pure. A hostlist keeps order and repetitions, as Slurm's does; HostSet is the sorted, unique form.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace flurm {

/// Most hosts one expression may name unless the caller says otherwise (slurm 22.05 hostlist.c MAX_RANGE).
inline constexpr std::size_t kMaxHosts = 65536;

/// The names `expression` stands for, in order, repetitions kept. Items are separated by commas or blanks; each may
/// hold several bracket lists, of which the last varies fastest, and text after a bracket (Slurm 22.05 takes none
/// there). Errors: invalid_node_name for unbalanced or malformed brackets, or more than `hosts_max` names.
Result<std::vector<std::string>> expand_hosts(std::string_view expression, std::size_t hosts_max = kMaxHosts);

/// How many names expand_hosts() would return, without making them. Same errors.
Result<std::size_t> count_hosts(std::string_view expression, std::size_t hosts_max = kMaxHosts);

/// The bracket expression of `hosts` in their order, as `scontrol show hostlist` prints it.
std::string compress_hosts(std::span<const std::string> hosts);

/// The same for sorted, unique hosts: what Slurm prints for a job's or partition's nodes.
std::string compress_hosts_sorted(std::span<const std::string> hosts);

/// Slurm's order of host names: by text before the trailing number (digits inside compare as numbers, names without a
/// number first), then shorter numbers, then smaller ones. Returns <0, 0, >0.
int compare_hosts(std::string_view a, std::string_view b);

/// Sorts by compare_hosts() and drops repetitions.
void sort_hosts(std::vector<std::string>& hosts);

/// A set of host names in Slurm's order, with the operations that lists of nodes need.
class HostSet {
 public:
  HostSet() = default;
  explicit HostSet(std::vector<std::string> hosts);
  static Result<HostSet> parse(std::string_view expression, std::size_t hosts_max = kMaxHosts);

  const std::vector<std::string>& names() const { return names_; }
  std::size_t size() const { return names_.size(); }
  bool empty() const { return names_.empty(); }
  bool contains(std::string_view host) const { return index(host).has_value(); }
  /// Position of `host` in names().
  std::optional<std::size_t> index(std::string_view host) const;
  bool contains_all(const HostSet& other) const;

  HostSet operator|(const HostSet& other) const;
  HostSet operator&(const HostSet& other) const;
  HostSet operator-(const HostSet& other) const;
  bool operator==(const HostSet&) const = default;

  /// The bracket expression.
  std::string str() const { return compress_hosts(names_); }

 private:
  std::vector<std::string> names_;
};

/// True for a name that can stand alone in a hostlist: letters, digits, '.', '_' and '-', at most 255 bytes.
bool valid_host_name(std::string_view name);

}  // namespace flurm
