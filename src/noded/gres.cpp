// noded/gres.cpp — see gres.hpp. (slurm 22.05 plugins/gres/common/gres_common.c, common_node_config_load)
#include "noded/gres.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/hostlist.hpp"
#include "codec/pack.hpp"
#include "conf/lines.hpp"
#include "fmt/format.h"

namespace flurm::noded {
namespace {

std::optional<std::uint32_t> trailing_number(std::string_view path) {
  std::size_t begin = path.size();
  while (begin > 0 && path[begin - 1] >= '0' && path[begin - 1] <= '9') --begin;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(path.data() + begin, path.data() + path.size(), number);
  if (begin == path.size() || error != std::errc{}) return std::nullopt;
  return number;
}

/// The devices of one kind, numbered through its records.
Result<void> add_record(GresKind& kind, const conf::NodeGres& record, const conf::Report& report,
                        std::vector<bool>& numbered) {
  const bool several = record.flags & conf::gres_flag::several_files;
  for (const std::string& path : record.files) {
    if (!several || &path == &record.files.front()) {
      kind.counts.push_back(record.flags & conf::gres_flag::shared ? record.count : 1);
      kind.cores.push_back(record.cores);
    }
    struct stat info {};
    if (stat(path.c_str(), &info) != 0)
      return fail(Errc::io, "gres.conf: File={} of {}: {}", path, record.name, std::strerror(errno));
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) {
      report.warning("File", fmt::format("{} is no character or block device; it cannot be used", path));
      continue;
    }
    const auto number = trailing_number(path);
    numbered.push_back(number.has_value());
    kind.devices.push_back({.index = static_cast<std::uint32_t>(kind.counts.size() - 1),
                            .number = number.value_or(0),
                            .path = path,
                            .is_block = S_ISBLK(info.st_mode),
                            .major = major(info.st_rdev),
                            .minor = minor(info.st_rdev),
                            .unique_id = record.unique_id});
  }
  return {};
}

}  // namespace

const GresKind* NodeResources::find(std::uint32_t plugin_id) const {
  const auto found =
      std::ranges::find_if(kinds, [&](const GresKind& kind) { return wire::gres_plugin_id(kind.name) == plugin_id; });
  return found == kinds.end() ? nullptr : &*found;
}

Result<NodeResources> look_at_devices(std::vector<conf::NodeGres> records, std::string_view gres_types,
                                      const std::string& file, std::vector<conf::Diagnostic>& out) {
  const conf::Report report{out, file, 0};
  NodeResources resources;
  for (std::string_view name : conf::split_list(gres_types)) {
    GresKind& kind = resources.kinds.emplace_back();
    kind.name = name;
    std::vector<bool> numbered;
    for (const conf::NodeGres& record : records) {
      if (record.name != name) continue;
      kind.flags |= record.flags;
      FLURM_TRY_VOID(add_record(kind, record, report, numbered));
    }
    std::int64_t highest = -1;
    for (std::size_t i = 0; i < kind.devices.size(); ++i)
      if (numbered[i]) highest = std::max<std::int64_t>(highest, kind.devices[i].number);
    for (std::size_t i = 0; i < kind.devices.size(); ++i)
      if (!numbered[i]) kind.devices[i].number = static_cast<std::uint32_t>(++highest);
  }
  resources.records = std::move(records);
  return resources;
}

std::string describe(const NodeResources& resources, std::uint32_t cpus) {
  std::string out;
  for (const conf::NodeGres& record : resources.records) {
    const std::string none = "(null)";
    out += fmt::format("Gres Name={} Type={} Count={}", record.name, record.type.empty() ? none : record.type,
                       record.count);
    const std::string file = record.flags & conf::gres_flag::several_files
                                 ? fmt::format("{}", fmt::join(record.files, ","))
                                 : compress_hosts(record.files);
    if (!file.empty()) out += fmt::format(" Index={}", trailing_number(file).value_or(0));
    out += fmt::format(" ID={}", wire::gres_plugin_id(record.name));
    if (!file.empty()) out += " File=" + file;
    if (!file.empty() && !record.cores.empty()) out += fmt::format(" Cores={} CoreCnt={}", record.cores, cpus);
    out += record.links.empty() ? " " + none : " Links=" + record.links;
    out += "\n";
  }
  return out;
}

std::string packed_report(const NodeResources& resources, std::uint32_t cpus, std::uint16_t protocol) {
  wire::GresNodeReport report;
  for (const conf::NodeGres& record : resources.records)
    report.records.push_back({.count = record.count,
                              .cpu_cnt = cpus,
                              .config_flags = record.flags,
                              .plugin_id = wire::gres_plugin_id(record.name),
                              .cpus = record.cores,
                              .links = record.links,
                              .name = record.name,
                              .type_name = record.type,
                              .unique_id = record.unique_id});
  return codec::pack(report, protocol);
}

}  // namespace flurm::noded
