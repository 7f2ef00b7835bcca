// conf/node_gres.cpp — see node_gres.hpp.
#include "conf/node_gres.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "base/types.hpp"
#include "conf/detected_gpus.hpp"
#include "conf/values.hpp"

namespace flurm::conf {
namespace {

bool is_shared(std::string_view name) { return name == "mps" || name == "shard"; }

/// Flags of one line, without those that tell of variables unless it names some.
std::uint32_t line_flags(const GresDef& def, bool& names_env) {
  static constexpr Word kWords[] = {{"CountOnly", gres_flag::count_only},     {"one_sharing", gres_flag::one_sharing},
                                    {"nvidia_gpu_env", gres_flag::env_nvml},  {"amd_gpu_env", gres_flag::env_rsmi},
                                    {"intel_gpu_env", gres_flag::env_oneapi}, {"opencl_env", gres_flag::env_opencl}};
  std::uint32_t flags = 0;
  bool says_sharing = false;
  for (std::string_view word : split_list(def.flags)) {
    for (const Word& known : kWords)
      if (same_word(word, known.name)) flags |= static_cast<std::uint32_t>(known.value);
    says_sharing = says_sharing || same_word(word, "one_sharing") || same_word(word, "all_sharing");
    names_env = names_env || same_word(word, "no_gpu_env");
  }
  names_env = names_env || (flags & gres_flag::env_all);
  if (def.name == "mps" && !says_sharing) flags |= gres_flag::one_sharing;
  return flags;
}

/// The node's own lines: first those for all nodes, then those that name it.
std::vector<NodeGres> lines_of(const GresConf& conf, std::string_view node) {
  std::vector<NodeGres> out;
  std::map<std::string, std::uint32_t>
      env_before;  // lines of a kind that name no variables take those of the one before
  for (const bool named : {false, true})
    for (const GresDef& def : conf.gres) {
      if (def.name.empty() || def.nodes.empty() == named) continue;
      if (named && std::ranges::find(def.nodes, node) == def.nodes.end()) continue;
      NodeGres one{.name = def.name,
                   .type = def.type,
                   .count = def.count,
                   .cores = def.cores,
                   .links = def.links,
                   .files = def.files};
      bool names_env = false;
      one.flags = line_flags(def, names_env);
      if (!def.type.empty()) one.flags |= gres_flag::has_type;
      if (!def.files.empty()) one.flags |= gres_flag::has_file;
      if (def.multiple_files) one.flags |= gres_flag::several_files;
      if (is_shared(def.name)) one.flags |= gres_flag::shared;
      if (names_env) {
        env_before[def.name] = one.flags & gres_flag::env_all;
      } else if (const auto before = env_before.find(def.name); before != env_before.end()) {
        one.flags |= before->second;
      } else if (def.name == "gpu") {
        one.flags |= gres_flag::env_all | gres_flag::env_default;
      }
      out.push_back(std::move(one));
    }
  return out;
}

class Merger {
 public:
  Merger(std::vector<NodeGres> lines, const Report& report) : lines_(std::move(lines)), report_(report) {}

  /// All records of one kind.
  void kind(const std::string& name, const std::vector<GresCount>& configured) {
    bool some = false;
    for (const GresCount& wanted : configured)
      if (wanted.name == name && wanted.count != 0) {
        some = true;
        take(wanted);
      }
    for (const NodeGres& left : lines_)
      if (left.name == name)
        report_.warning("Name", fmt::format("{}{}{}: {} more than the node's Gres in slurm.conf; ignored", left.name,
                                            left.type.empty() ? "" : ":", left.type, left.count));
    if (!some) out_.push_back({.name = name});
  }
  std::vector<NodeGres> result() { return std::move(out_); }

 private:
  /// Lines until the count is reached; what they do not provide is without a device.
  void take(const GresCount& wanted) {
    std::uint64_t left = wanted.count;
    while (left > 0) {
      const auto line = std::ranges::find_if(lines_, [&](const NodeGres& each) {
        return each.name == wanted.name && (wanted.type.empty() || same_word(each.type, wanted.type));
      });
      if (line == lines_.end()) break;
      NodeGres one = std::move(*line);
      lines_.erase(line);
      if (wanted.type.empty()) {
        one.type.clear();
        one.flags &= ~gres_flag::has_type;
      }
      if (one.count > left) {
        report_.warning(
            "Name", fmt::format("{}: {} more than the node's Gres in slurm.conf; ignored", one.name, one.count - left));
        if (!(one.flags & gres_flag::several_files) && one.files.size() > left && !is_shared(one.name))
          one.files.resize(left);
        one.count = left;
      }
      left -= one.count;
      out_.push_back(std::move(one));
    }
    if (left == 0) return;
    NodeGres rest{.name = wanted.name, .type = wanted.type, .count = left};
    if (!wanted.type.empty()) rest.flags |= gres_flag::has_type;
    if (wanted.name == "gpu") rest.flags |= gres_flag::env_all | gres_flag::env_default;
    if (is_shared(wanted.name)) rest.flags |= gres_flag::shared;
    if (wanted.name == "mps") rest.flags |= gres_flag::one_sharing;
    out_.push_back(std::move(rest));
  }

  std::vector<NodeGres> lines_;
  const Report& report_;
  std::vector<NodeGres> out_;
};

/// One record for each file, `count` of a shared kind divided among them.
std::vector<NodeGres> one_per_file(const std::vector<NodeGres>& records) {
  std::vector<NodeGres> out;
  for (const NodeGres& record : records)
    for (const std::string& file : record.files) {
      NodeGres one = record;
      one.files = {file};
      one.count = record.flags & gres_flag::shared ? record.count / record.files.size() : 1;
      one.flags &= ~gres_flag::several_files;
      out.push_back(std::move(one));
    }
  return out;
}

/// Puts a record of the shared kind before each gpu: those of its own file, or an equal part of a count without a file.
void share_out(std::vector<NodeGres>& all, const std::string& kind, const Report& report) {
  std::vector<NodeGres> gpus, shared, rest;
  for (NodeGres& record : all)
    (record.name == "gpu" ? gpus : record.name == kind ? shared : rest).push_back(std::move(record));
  std::uint64_t whole = 0;
  for (const NodeGres& record : shared) whole += record.count;
  gpus = one_per_file(gpus);
  const bool by_file = !shared.empty() && !shared.front().files.empty();
  const NodeGres like = shared.empty() ? NodeGres{.name = kind} : shared.front();
  if (by_file) shared = one_per_file(shared);
  all = std::move(rest);
  if (whole != 0 && gpus.empty())
    report.warning("Name", fmt::format("{}: the node has no gpu with a File to share", kind));
  std::uint64_t left = gpus.empty() ? 0 : whole;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    NodeGres part = gpus[i];
    part.name = kind;
    part.links.clear();
    part.flags |= gres_flag::shared | (like.flags & (gres_flag::one_sharing | gres_flag::count_only));
    if (by_file) {
      const auto own = std::ranges::find_if(shared, [&](const NodeGres& each) { return each.files == gpus[i].files; });
      part.count = own == shared.end() ? 0 : own->count;
    } else {
      part.count = left / (gpus.size() - i);
      left -= part.count;
    }
    if (whole != 0) all.push_back(std::move(part));
    all.push_back(gpus[i]);
  }
}

}  // namespace

Result<std::uint64_t> parse_gres_count(std::string_view text) {
  static constexpr std::string_view kSuffix = "KMGTP";
  std::string_view digits = text;
  std::uint64_t factor = 1;
  if (!digits.empty())
    if (auto at = kSuffix.find(static_cast<char>(digits.back() & ~0x20)); at != kSuffix.npos) {
      factor = std::uint64_t{1} << (10 * (at + 1));
      digits.remove_suffix(1);
    }
  auto number = parse_number(digits, 0, (kNoVal64 - 1) / factor);
  if (!number)
    return fail(Errc::einval, "'{}' is not allowed; allowed: a number, with K, M, G, T or P behind it", text);
  return *number * factor;
}

std::vector<GresCount> parse_node_gres(std::string_view text) {
  std::vector<GresCount> out;
  for (std::string_view item : split_list(text)) {
    item = item.substr(0, item.find('('));
    const std::vector<std::string_view> parts = split_list(item, ":");
    if (parts.empty() || parts.size() > 3) continue;
    GresCount one{.name = std::string(parts[0]), .type = {}, .count = 1};
    const auto number = parts.size() > 1 ? parse_gres_count(parts.back()) : Result<std::uint64_t>(1);
    if (parts.size() == 3 && !number) continue;
    if (number) one.count = *number;
    if (parts.size() == 3 || !number) one.type = parts[1];
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<NodeGres> node_gres(const GresConf& conf, std::string_view gres_types, std::string_view node,
                                std::string_view configured, const std::string& file, std::vector<Diagnostic>& out,
                                const std::vector<NodeGres>* found) {
  const Report report{out, file, 0};
  const std::vector<GresCount> counts = parse_node_gres(configured);
  Merger merger(lines_of(conf, node), report);
  const std::vector<std::string_view> kinds = split_list(gres_types);
  for (std::string_view kind : kinds) merger.kind(std::string(kind), counts);
  std::vector<NodeGres> records = merger.result();
  if (found) records = with_detected_gpus(std::move(records), *found, report);
  for (std::string_view kind : kinds)
    if (is_shared(kind)) share_out(records, std::string(kind), report);
  std::erase_if(records, [](const NodeGres& record) { return record.name == "gpu" && record.files.empty(); });
  return records;
}

}  // namespace flurm::conf
