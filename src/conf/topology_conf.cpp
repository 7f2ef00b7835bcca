// conf/topology_conf.cpp — topology.conf(5): switches of topology/tree, blocks of topology/block.
#include <map>
#include <set>

#include "base/hostlist.hpp"
#include "conf/other_conf.hpp"
#include "conf/records.hpp"

namespace flurm::conf {
namespace {

void expand(const Pair& pair, const Report& report, std::vector<std::string>& out) {
  auto names = expand_hosts(pair.value);
  if (!names) return report.error(pair.key, names.error().text);
  out = std::move(*names);
}

class Reader {
 public:
  explicit Reader(std::vector<Diagnostic>& out) : out_(out) {}

  void line(const Line& line) {
    const Report report{out_, line.file, line.number};
    const std::string& key = line.pairs[0].key;
    if (same_word(key, "SwitchName")) return switch_line(line, report);
    if (same_word(key, "BlockName")) return block_line(line, report);
    if (same_word(key, "BlockSizes")) {
      conf_.block_sizes = line.pairs[0].value;
      return;
    }
    report.error(key, "is not a key of topology.conf; allowed: SwitchName, BlockName, BlockSizes");
  }

  TopologyConf finish(const std::string& file) {
    const Report whole{out_, file, 0};
    for (const SwitchDef& one : conf_.switches)
      for (const std::string& below : one.switches)
        if (!place_.contains(below))
          whole.error("Switches", fmt::format("switch {} names {}, which no line describes", one.name, below));
    for (std::size_t i = 0; i < conf_.switches.size(); ++i)
      if (above_itself(i)) {
        whole.error("Switches", fmt::format("switch {} stands above itself", conf_.switches[i].name));
        break;
      }
    return std::move(conf_);
  }

 private:
  void switch_line(const Line& line, const Report& report) {
    SwitchDef one;
    one.name = line.pairs[0].value;
    for (std::size_t i = 1; i < line.pairs.size(); ++i) {
      const Pair& pair = line.pairs[i];
      if (same_word(pair.key, "Nodes")) {
        expand(pair, report, one.nodes);
      } else if (same_word(pair.key, "Switches")) {
        expand(pair, report, one.switches);
      } else if (same_word(pair.key, "LinkSpeed")) {
        auto speed = parse_number(pair.value, 0, kNoVal32 - 1, 0, true);
        if (!speed) return report.error(pair.key, speed.error().text);
        one.link_speed = static_cast<std::uint32_t>(*speed);
      } else {
        report.error(pair.key, "is not a key of SwitchName lines; allowed: Nodes, Switches, LinkSpeed");
      }
    }
    if (one.nodes.empty() == one.switches.empty())
      report.error("SwitchName", one.name + " needs either Nodes or Switches");
    if (!place_.emplace(one.name, conf_.switches.size()).second)
      return report.error("SwitchName", one.name + " is configured twice");
    conf_.switches.push_back(std::move(one));
  }

  void block_line(const Line& line, const Report& report) {
    BlockDef block;
    block.name = line.pairs[0].value;
    for (std::size_t i = 1; i < line.pairs.size(); ++i) {
      if (same_word(line.pairs[i].key, "Nodes"))
        expand(line.pairs[i], report, block.nodes);
      else
        report.error(line.pairs[i].key, "is not a key of BlockName lines; allowed: Nodes");
    }
    if (!blocks_.insert(block.name).second) return report.error("BlockName", block.name + " is configured twice");
    conf_.blocks.push_back(std::move(block));
  }

  /// Follows the switches below `start`, each at most once.
  bool above_itself(std::size_t start) const {
    std::set<std::size_t> seen;
    std::vector<std::size_t> open{start};
    while (!open.empty()) {
      const SwitchDef& one = conf_.switches[open.back()];
      open.pop_back();
      for (const std::string& below : one.switches) {
        auto it = place_.find(below);
        if (it == place_.end()) continue;
        if (it->second == start) return true;
        if (seen.insert(it->second).second) open.push_back(it->second);
      }
    }
    return false;
  }

  std::vector<Diagnostic>& out_;
  TopologyConf conf_;
  std::map<std::string, std::size_t> place_;
  std::set<std::string> blocks_;
};

}  // namespace

Result<TopologyConf> parse_topology_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                         std::vector<Diagnostic>& out) {
  const std::size_t before = out.size();
  Reader reader(out);
  for (const Line& line : read_lines(text, file, include, out).lines) reader.line(line);
  TopologyConf conf = reader.finish(file);
  if (auto error = first_error(out, before); !error.empty()) return fail(Errc::einval, "{}", error);
  return conf;
}

}  // namespace flurm::conf
