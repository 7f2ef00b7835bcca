// conf/partitions.cpp — PartitionName, NodeSet and DownNodes lines, with node names resolved to places in
// Config::nodes.
#include <algorithm>

#include "base/hostlist.hpp"
#include "conf/records.hpp"
#include "conf/slurm_keys.hpp"

namespace flurm::conf {
namespace {

bool excludes(std::string_view own, std::string_view inherited) {
  auto pair = [&](std::string_view a, std::string_view b) {
    return (own == a && inherited == b) || (own == b && inherited == a);
  };
  return pair("defmempercpu", "defmempernode") || pair("maxmempercpu", "maxmempernode") ||
         pair("oversubscribe", "shared") || pair("priority", "priorityjobfactor") || pair("priority", "prioritytier");
}

class PartitionReader {
 public:
  PartitionReader(std::vector<Diagnostic>& out, Config& config) : out_(out), config_(config) {
    for (std::uint32_t i = 0; i < config.nodes.size(); ++i) place_[config.nodes[i].name] = i;
  }

  void node_set(const Line& line) {
    const Report report{out_, line.file, line.number};
    NodeSetDef set{line.pairs[0].value, "", ""};
    for (std::size_t i = 1; i < line.pairs.size(); ++i) {
      const auto& [key, value] = line.pairs[i];
      if (same_word(key, "Nodes"))
        set.nodes = value;
      else if (same_word(key, "Feature"))
        set.feature = value;
      else
        report.error(key, "is not a key of NodeSet lines; allowed: Nodes, Feature");
    }
    if (set.nodes.empty() && set.feature.empty()) report.error("NodeSet", "needs Nodes or Feature");
    if (same_word(set.name, "ALL") || place_.contains(set.name))
      return report.error("NodeSet", fmt::format("'{}' is already the name of something else", set.name));
    std::set<std::uint32_t> members;
    resolve(set.nodes, "Nodes", report, members);
    if (!set.feature.empty())
      for (std::uint32_t i = 0; i < config_.nodes.size(); ++i)
        for (std::string_view feature : split_list(config_.nodes[i].features))
          if (feature == set.feature) members.insert(i);
    if (!sets_.emplace(set.name, std::move(members)).second)
      return report.error("NodeSet", fmt::format("{} is configured twice", set.name));
    config_.node_sets.push_back(std::move(set));
  }

  void partition(const Line& line) {
    const Report report{out_, line.file, line.number};
    PartitionDef part;
    if (same_word(line.pairs[0].value, "DEFAULT")) {
      apply_line(partition_keys(), line, {}, report, warned_, part);
      defaults_.add(line);
      return;
    }
    part.name = line.pairs[0].value;
    if (!valid_host_name(part.name))
      return report.error("PartitionName",
                          fmt::format("'{}' is not a name; allowed: letters, digits, '.', '_', '-'", part.name));
    for (const Pair& pair : defaults_.missing_in(line, excludes))
      if (const auto* key = find_key(partition_keys(), pair.key)) (void)apply(*key, pair.value, part);
    apply_line(partition_keys(), line, {}, report, warned_, part);
    if (std::ranges::any_of(config_.partitions, [&](const auto& other) { return other.name == part.name; }))
      return report.error("PartitionName", fmt::format("{} is configured twice", part.name));
    finish(report, part);
    config_.partitions.push_back(std::move(part));
  }

  void down_nodes(const Line& line) {
    const Report report{out_, line.file, line.number};
    DownNodes down;
    for (std::size_t i = 1; i < line.pairs.size(); ++i) {
      const auto& [key, value] = line.pairs[i];
      if (same_word(key, "Reason")) {
        down.reason = value;
      } else if (same_word(key, "State")) {
        auto state = parse_node_state(value);
        if (!state) return report.error("State", state.error().text);
        down.state = *state;
      } else {
        report.error(key, "is not a key of DownNodes lines; allowed: State, Reason");
      }
    }
    std::set<std::uint32_t> nodes;
    resolve(line.pairs[0].value, "DownNodes", report, nodes);
    down.node_index.assign(nodes.begin(), nodes.end());
    config_.down_nodes.push_back(std::move(down));
  }

 private:
  void finish(const Report& report, PartitionDef& part) {
    for (auto list : {&PartitionDef::allow_accounts, &PartitionDef::allow_groups, &PartitionDef::allow_qos,
                      &PartitionDef::allow_alloc_nodes})
      if (same_word(part.*list, "ALL")) (part.*list).clear();
    for (auto list : {&PartitionDef::allow_accounts, &PartitionDef::allow_qos, &PartitionDef::deny_accounts,
                      &PartitionDef::deny_qos})
      part.*list = lower(part.*list);
    auto one_list = [&](const std::string& allow, std::string& deny, std::string_view key) {
      if (allow.empty() || deny.empty()) return;
      report.warning(key, "has no effect beside a list of who is allowed");
      deny.clear();
    };
    one_list(part.allow_accounts, part.deny_accounts, "DenyAccounts");
    one_list(part.allow_qos, part.deny_qos, "DenyQos");
    if (part.default_time_min != kNoVal32 && part.default_time_min > part.max_time_min) {
      report.warning("DefaultTime", "is above MaxTime; MaxTime counts for jobs without a time limit");
      part.default_time_min = kNoVal32;
    }
    if (part.min_nodes > part.max_nodes)
      report.error("MinNodes", fmt::format("{} is above MaxNodes={}", part.min_nodes, part.max_nodes));
    if (part.is_default)
      for (PartitionDef& other : config_.partitions)
        if (std::exchange(other.is_default, false))
          report.warning("Default", fmt::format("{} replaces {} as the default partition", part.name, other.name));
    std::set<std::uint32_t> nodes;
    resolve(part.nodes, "Nodes", report, nodes);
    part.node_index.assign(nodes.begin(), nodes.end());
  }

  /// Adds the places of all nodes that `text` names: node names, node sets, ALL.
  void resolve(const std::string& text, std::string_view key, const Report& report, std::set<std::uint32_t>& out) {
    auto names = expand_hosts(text, 4 * kMaxHosts);
    if (!names) return report.error(key, names.error().text);
    for (const std::string& name : *names) {
      if (auto place = place_.find(name); place != place_.end()) {
        out.insert(place->second);
      } else if (auto set = sets_.find(name); set != sets_.end()) {
        out.insert(set->second.begin(), set->second.end());
      } else if (same_word(name, "ALL")) {
        for (std::uint32_t i = 0; i < config_.nodes.size(); ++i) out.insert(out.end(), i);
      } else {
        return report.error(
            key, fmt::format("'{}' is no node; allowed: names from NodeName or NodeSet lines, or ALL", name));
      }
    }
  }

  std::vector<Diagnostic>& out_;
  Config& config_;
  Inherited defaults_;
  std::map<std::string, std::uint32_t, std::less<>> place_;
  std::map<std::string, std::set<std::uint32_t>, std::less<>> sets_;
  std::set<std::string> warned_;
};

}  // namespace

void read_partitions(const std::vector<Line>& lines, std::vector<Diagnostic>& out, Config& config) {
  PartitionReader reader(out, config);
  auto each = [&](std::string_view key, void (PartitionReader::*read)(const Line&)) {
    for (const Line& line : lines)
      if (same_word(line.pairs[0].key, key)) (reader.*read)(line);
  };
  each("NodeSet", &PartitionReader::node_set);
  each("PartitionName", &PartitionReader::partition);
  each("DownNodes", &PartitionReader::down_nodes);
}

}  // namespace flurm::conf
