// conf/nodes.cpp — NodeName lines: inheritance from DEFAULT, counts that follow from others, one NodeDef per name.
// Rules follow _parse_nodename() and expand_nodeline_info() of Slurm 22.05; counts that Slurm resets with a log line
// are errors here, because the node would not be what the file says.
#include <algorithm>

#include "base/bitmap.hpp"
#include "base/hostlist.hpp"
#include "conf/records.hpp"
#include "conf/slurm_conf.hpp"
#include "conf/slurm_keys.hpp"

namespace flurm::conf {

void Inherited::add(const Line& line) {
  for (std::size_t i = 1; i < line.pairs.size(); ++i) values_[lower(line.pairs[i].key)] = line.pairs[i];
}

std::vector<Pair> Inherited::missing_in(const Line& line, bool (*excludes)(std::string_view, std::string_view)) const {
  std::vector<Pair> out;
  for (const auto& [key, pair] : values_) {
    const bool own = std::ranges::any_of(line.pairs.begin() + 1, line.pairs.end(), [&](const Pair& mine) {
      const std::string name = lower(mine.key);
      return name == key || excludes(name, key);
    });
    if (!own) out.push_back(pair);
  }
  return out;
}

const std::string* find_value(const Line& line, std::string_view key) {
  const std::string* found = nullptr;
  for (std::size_t i = 1; i < line.pairs.size(); ++i)
    if (same_word(line.pairs[i].key, key)) found = &line.pairs[i].value;
  return found;
}

namespace {

/// Keys read here, not by the table.
constexpr std::string_view kOwnKeys[] = {"NodeHostname", "NodeAddr", "BcastAddr", "Port", "SocketsPerBoard"};

bool excludes(std::string_view own, std::string_view inherited) {
  auto pair = [&](std::string_view a, std::string_view b) {
    return (own == a && inherited == b) || (own == b && inherited == a);
  };
  return pair("sockets", "socketsperboard") || pair("cpus", "procs") || pair("feature", "features") ||
         pair("corespeccount", "cpuspeclist");
}

/// Sockets and CPUs that the line leaves out, and whether all counts agree.
void derive_counts(const Line& line, const Report& report, NodeDef& node) {
  const std::string* per_board = find_value(line, "SocketsPerBoard");
  const bool sockets_given = find_value(line, "Sockets") != nullptr;
  const bool cpus_given = find_value(line, "CPUs") != nullptr || find_value(line, "Procs") != nullptr;
  const std::uint32_t per_socket = std::uint32_t{node.cores_per_socket} * node.threads_per_core;
  std::uint64_t sockets = node.sockets;
  if (per_board != nullptr) {
    if (sockets_given) return report.error("SocketsPerBoard", "does not go with Sockets; allowed: one of the two");
    auto number = parse_number(*per_board, 1, 65533);
    if (!number) return report.error("SocketsPerBoard", number.error().text);
    sockets = node.boards * *number;
  } else if (!sockets_given) {
    sockets = cpus_given && node.cpus % per_socket == 0 ? node.cpus / per_socket : node.boards;
  }
  const std::uint64_t cores = sockets * node.cores_per_socket, threads = cores * node.threads_per_core;
  if (sockets > 65533 || threads > 65533) return report.error("CPUs", "more than 65533 per node");
  if (sockets < node.boards)
    return report.error("Boards", fmt::format("{} boards but {} sockets", node.boards, sockets));
  node.sockets = static_cast<std::uint16_t>(sockets);
  if (!cpus_given) node.cpus = static_cast<std::uint16_t>(threads);
  if (node.cpus != sockets && node.cpus != cores && node.cpus != threads)
    report.error("CPUs",
                 fmt::format("{} does not match {} sockets × {} cores × {} threads; allowed: {}, {} or {}", node.cpus,
                             sockets, node.cores_per_socket, node.threads_per_core, sockets, cores, threads));
}

void check_reserved(const Report& report, const NodeDef& node) {
  if (node.core_spec_count > 0 && node.core_spec_count >= node.cores())
    report.error("CoreSpecCount",
                 fmt::format("{} leaves none of {} cores for jobs", node.core_spec_count, node.cores()));
  if (node.core_spec_count > 0 && !node.cpu_spec_list.empty())
    report.error("CoreSpecCount", "does not go with CPUSpecList; allowed: one of the two");
  if (!node.cpu_spec_list.empty())
    if (auto bits = Bitmap::from_list(node.cpu_spec_list, node.cpus); !bits)
      report.error("CPUSpecList", bits.error().text);
  if (node.mem_spec_limit > 0 && node.mem_spec_limit >= node.real_memory)
    report.error("MemSpecLimit", fmt::format("must be below RealMemory={}", node.real_memory));
}

/// The values of a key that has either one value for all names or one for each.
std::vector<std::string> per_name(const Line& line, std::string_view key, const std::string& text, std::size_t names,
                                  const Report& report) {
  auto list = expand_hosts(text);
  if (!list) {
    report.error(key, list.error().text);
    return {};
  }
  if (list->size() != 1 && list->size() != names)
    report.error(key, fmt::format("gives {} values for {} names of NodeName={}; allowed: one, or one for each",
                                  list->size(), names, line.pairs[0].value));
  if (list->empty()) list->push_back("");
  return std::move(*list);
}

const std::string& nth(const std::vector<std::string>& list, std::size_t i) {
  return i < list.size() ? list[i] : list.back();
}

class NodeReader {
 public:
  NodeReader(std::vector<Diagnostic>& out, Config& config) : out_(out), config_(config) {}

  void line(const Line& line) {
    const Report report{out_, line.file, line.number};
    if (same_word(line.pairs[0].value, "DEFAULT")) return defaults(line, report);
    if (same_word(line.pairs[0].value, "ALL"))
      return report.error("NodeName", "ALL is reserved; it stands for every node in other places");
    record(line, report);
  }

 private:
  void defaults(const Line& line, const Report& report) {
    for (auto key : {"NodeHostname", "NodeAddr", "BcastAddr"})
      if (find_value(line, key) != nullptr) report.error(key, "is not allowed with NodeName=DEFAULT");
    NodeDef scratch;
    apply_line(node_keys(), line, kOwnKeys, report, warned_, scratch);
    defaults_.add(line);
    config_.node_defaults.push_back(line);
  }

  void record(const Line& own, const Report& report) {
    NodeDef node;
    Line line = own;
    // Inherited values were checked where they stand; apply them first, so that own ones win.
    const std::vector<Pair> inherited = defaults_.missing_in(own, excludes);
    for (const Pair& pair : inherited)
      if (const auto* key = find_key(node_keys(), pair.key)) (void)apply(*key, pair.value, node);
    apply_line(node_keys(), own, kOwnKeys, report, warned_, node);
    line.pairs.insert(line.pairs.end(), inherited.begin(), inherited.end());

    derive_counts(line, report, node);
    check_reserved(report, node);
    expand(line, report, node);
  }

  void expand(const Line& line, const Report& report, const NodeDef& pattern) {
    auto names = expand_hosts(line.pairs[0].value);
    if (!names) return report.error("NodeName", names.error().text);
    if (names->empty()) return report.error("NodeName", "names no node");
    if (config_.nodes.size() + names->size() > 4 * kMaxHosts) return report.error("NodeName", "more than 262144 nodes");
    auto value = [&](std::string_view key, const std::string& otherwise) {
      const std::string* found = find_value(line, key);
      return per_name(line, key, found != nullptr ? *found : otherwise, names->size(), report);
    };
    const auto hosts = value("NodeHostname", line.pairs[0].value);
    const std::string* host_text = find_value(line, "NodeHostname");
    const auto addrs = value("NodeAddr", host_text != nullptr ? *host_text : line.pairs[0].value);
    const auto bcast = find_value(line, "BcastAddr") != nullptr ? value("BcastAddr", "") : std::vector<std::string>{""};
    const auto ports = this->ports(line, names->size(), report);
    if (hosts.empty() || addrs.empty() || bcast.empty() || ports.empty()) return;

    for (std::size_t i = 0; i < names->size(); ++i) {
      NodeDef node = pattern;
      node.name = std::move((*names)[i]);
      node.hostname = nth(hosts, i);
      node.addr = nth(addrs, i);
      node.bcast_addr = nth(bcast, i);
      node.port = i < ports.size() ? ports[i] : ports.back();
      if (!valid_host_name(node.name)) {
        report.error("NodeName", fmt::format("'{}' is not a name; allowed: letters, digits, '.', '_', '-'", node.name));
        return;
      }
      if (!names_.insert(node.name).second) {
        report.error("NodeName", fmt::format("{} is configured twice", node.name));
        return;
      }
      config_.nodes.push_back(std::move(node));
    }
  }

  std::vector<std::uint16_t> ports(const Line& line, std::size_t names, const Report& report) {
    const std::string* text = find_value(line, "Port");
    if (text == nullptr) return {static_cast<std::uint16_t>(config_.slurmd_port)};
    const bool list = !text->starts_with('[') && text->find_first_of("-,") != text->npos;
    std::vector<std::uint16_t> out;
    for (const auto& one : per_name(line, "Port", list ? "[" + *text + "]" : *text, names, report)) {
      auto number = parse_number(one, 1, 65535);
      if (!number) {
        report.error("Port", number.error().text);
        return {};
      }
      out.push_back(static_cast<std::uint16_t>(*number));
    }
    return out;
  }

  std::vector<Diagnostic>& out_;
  Config& config_;
  Inherited defaults_;
  std::set<std::string> warned_, names_;
};

}  // namespace

void read_nodes(const std::vector<Line>& lines, std::vector<Diagnostic>& out, Config& config) {
  NodeReader reader(out, config);
  for (const Line& line : lines)
    if (same_word(line.pairs[0].key, "NodeName")) reader.line(line);
}

Result<std::vector<NodeDef>> parse_node_line(std::string_view text, const Config& config) {
  std::vector<Diagnostic> problems;
  const auto no_file = [](const std::string& path) -> Result<std::string> { return fail(Errc::einval, "{}", path); };
  const Lines read = read_lines(text, "node", no_file, problems);
  if (read.lines.size() != 1 || !same_word(read.lines[0].pairs[0].key, "NodeName") ||
      same_word(read.lines[0].pairs[0].value, "DEFAULT"))
    return fail(Errc::einval, "'{}' is not one NodeName line", text);
  std::vector<Line> lines = config.node_defaults;
  lines.push_back(read.lines[0]);
  Config scratch;
  scratch.slurmd_port = config.slurmd_port;
  read_nodes(lines, problems, scratch);
  if (has_errors(problems)) return fail(Errc::einval, "{}", first_error(problems, 0));
  return std::move(scratch.nodes);
}

}  // namespace flurm::conf
