// conf/records.hpp — NodeName, PartitionName, NodeSet and DownNodes lines. Internal to conf/.
#pragma once
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "conf/table.hpp"

namespace flurm::conf {

/// Values that apply to a record: those of the DEFAULT lines before it, then its own, which win.
class Inherited {
 public:
  /// Takes a DEFAULT line's values; a key given again replaces the older value.
  void add(const Line& line);
  /// The DEFAULT values that `line` does not give itself. `excludes(own, inherited)` tells of keys that exclude each
  /// other, so that an own value also removes an inherited one of another name. Both come in lower case.
  std::vector<Pair> missing_in(const Line& line, bool (*excludes)(std::string_view, std::string_view)) const;

 private:
  std::map<std::string, Pair> values_;  // by key in lower case
};

/// Applies all pairs of `line` but the first to `out`, reporting unknown keys, bad values, keys given twice, and (once
/// per key in `warned`) keys without effect. Keys in `own` are left to the caller.
template <class T>
void apply_line(std::span<const Key<T>> keys, const Line& line, std::span<const std::string_view> own,
                const Report& report, std::set<std::string>& warned, T& out) {
  std::set<std::string> seen;
  for (std::size_t i = 1; i < line.pairs.size(); ++i) {
    const Pair& pair = line.pairs[i];
    if (!seen.insert(lower(pair.key)).second) report.warning(pair.key, "given twice on this line; the last one counts");
    if (std::ranges::any_of(own, [&](std::string_view name) { return same_word(name, pair.key); })) continue;
    const Key<T>* key = find_key(keys, pair.key);
    if (key == nullptr) {
      report.error(pair.key, "is not a key of " + line.pairs[0].key + " lines");
      continue;
    }
    T before = out;
    if (auto done = apply(*key, pair.value, out); !done) {
      report.error(key->name, done.error().text);
      out = std::move(before);
    } else if (key->support == Support::later && !(out == before) && warned.insert(std::string(key->name)).second) {
      report.warning(key->name, "is accepted but has no effect in FLURM yet");
    }
  }
}

/// The value of `key` on the line, or null.
const std::string* find_value(const Line& line, std::string_view key);

/// Fills config.nodes from NodeName lines. Needs config.slurmd_port.
void read_nodes(const std::vector<Line>& lines, std::vector<Diagnostic>& out, Config& config);
/// Fills config.node_sets, config.partitions and config.down_nodes. Needs config.nodes.
void read_partitions(const std::vector<Line>& lines, std::vector<Diagnostic>& out, Config& config);

}  // namespace flurm::conf
