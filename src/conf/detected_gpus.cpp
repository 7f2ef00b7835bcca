// conf/detected_gpus.cpp — see detected_gpus.hpp.
#include "conf/detected_gpus.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/bitmap.hpp"
#include "base/hostlist.hpp"
#include "conf/lines.hpp"
#include "fmt/format.h"

namespace flurm::conf {
namespace {

/// One record for each GPU.
std::vector<NodeGres> singles(const NodeGres& record) {
  if (record.count == 1) return {record};
  NodeGres one = record;
  one.count = 1;
  if (record.files.empty()) return std::vector<NodeGres>(record.count, one);
  std::vector<NodeGres> out;
  for (const std::string& file : record.files) {
    one.files = {file};
    out.push_back(one);
  }
  return out;
}

std::string file_of(const NodeGres& gpu) { return fmt::format("{}", fmt::join(gpu.files, ",")); }

/// Where the GPU stands among all: at the -1 of its links.
int position(const NodeGres& gpu) {
  const std::vector<std::string_view> links = split_list(gpu.links);
  const auto self = std::ranges::find(links, "-1");
  return self == links.end() ? -1 : static_cast<int>(self - links.begin());
}

bool by_file(const NodeGres& a, const NodeGres& b) {
  if (a.files.empty() || b.files.empty()) return !a.files.empty() && b.files.empty();
  return compare_hosts(file_of(a), file_of(b)) < 0;
}

/// Longer types first, so that k20m1 is not taken for k20m.
bool by_type(const NodeGres& a, const NodeGres& b) {
  if (a.type.empty() || b.type.empty()) return a.type.empty() && !b.type.empty();
  if (a.type.size() != b.type.size()) return a.type.size() > b.type.size();
  return a.type != b.type ? a.type < b.type : by_file(a, b);
}

void set_type(NodeGres& gpu, const std::string& type) {
  gpu.type = type;
  gpu.flags = type.empty() ? gpu.flags & ~gres_flag::has_type : gpu.flags | gres_flag::has_type;
}

/// The types that were found become those of the configuration; no configured type: none.
void settle_types(std::vector<NodeGres>& found, std::vector<NodeGres>& configured) {
  if (configured.empty()) return;
  const bool typed = std::ranges::any_of(configured, [](const NodeGres& each) { return !each.type.empty(); });
  std::ranges::stable_sort(configured, by_type);
  std::ranges::stable_sort(found, by_type);
  std::vector<bool> used(configured.size());
  for (NodeGres& gpu : found) {
    const std::string name = lower(gpu.type);
    std::size_t at = 0;
    while (at < configured.size() &&
           (used[at] || configured[at].type.empty() || name.find(lower(configured[at].type)) == name.npos))
      ++at;
    if (at == configured.size()) {
      if (!typed) set_type(gpu, "");
      continue;
    }
    used[at] = true;
    set_type(gpu, configured[at].type);
  }
}

bool says_otherwise(const NodeGres& configured, const NodeGres& found) {
  if (!configured.cores.empty()) {
    constexpr std::size_t kCoresMax = 1 << 16;
    const auto cores = Bitmap::from_list(configured.cores, kCoresMax);
    if (!cores) return true;
    if (!found.cores.empty() && *cores != *Bitmap::from_list(found.cores, kCoresMax)) return true;
  }
  return !configured.links.empty() && !found.links.empty() && configured.links != found.links;
}

}  // namespace

std::string autodetect_of(const GresConf& conf, std::string_view node) {
  for (const GresDef& def : conf.gres)
    if (!def.autodetect.empty() && std::ranges::find(def.nodes, node) != def.nodes.end()) return def.autodetect;
  return conf.autodetect;
}

std::vector<NodeGres> with_detected_gpus(std::vector<NodeGres> records, std::vector<NodeGres> found,
                                         const Report& report) {
  std::vector<NodeGres> configured, others;
  for (NodeGres& record : records) {
    if (record.count == 0) continue;
    if (record.name != "gpu") {
      others.push_back(std::move(record));
      continue;
    }
    for (NodeGres& one : singles(record)) configured.push_back(std::move(one));
  }
  settle_types(found, configured);
  std::ranges::stable_sort(configured, by_file);
  std::ranges::stable_sort(found, by_file);

  std::vector<NodeGres> gpus;
  std::vector<bool> taken(found.size());
  std::vector<bool> wrong(found.size());
  for (NodeGres& wanted : configured) {
    std::size_t at = 0;
    while (at < found.size() && (taken[at] || wrong[at] || (!wanted.type.empty() && wanted.type != found[at].type) ||
                                 (!wanted.files.empty() && wanted.files != found[at].files)))
      ++at;
    if (at == found.size()) {
      if (!wanted.files.empty())
        gpus.push_back(std::move(wanted));
      else
        report.warning("AutoDetect", fmt::format("gpu{}{}: one has no File, and none was found; it is left out",
                                                 wanted.type.empty() ? "" : ":", wanted.type));
      continue;
    }
    if (says_otherwise(wanted, found[at])) {
      wrong[at] = true;
      report.warning("AutoDetect",
                     fmt::format("{}: Cores={} Links={} in the files, but Cores={} Links={} as found; it is left out",
                                 file_of(found[at]), wanted.cores, wanted.links, found[at].cores, found[at].links));
      continue;
    }
    taken[at] = true;
    NodeGres gpu = found[at];
    if (!(wanted.flags & gres_flag::env_default))
      gpu.flags = (gpu.flags & ~gres_flag::env_all) | (wanted.flags & gres_flag::env_all);
    gpus.push_back(std::move(gpu));
  }
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!taken[i])
      report.warning("AutoDetect",
                     fmt::format("{}: found, but not in the node's Gres of slurm.conf; ignored", file_of(found[i])));
  std::ranges::stable_sort(gpus, by_file);
  std::ranges::stable_sort(gpus, {}, [](const NodeGres& gpu) {
    return gpu.links.empty() ? std::numeric_limits<int>::max() : position(gpu);
  });
  gpus.insert(gpus.end(), std::make_move_iterator(others.begin()), std::make_move_iterator(others.end()));
  return gpus;
}

}  // namespace flurm::conf
