// model/gres.cpp — see gres.hpp.
#include "model/gres.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/bitmap.hpp"
#include "base/types.hpp"
#include "codec/archive.hpp"
#include "fmt/format.h"

namespace flurm::model {
namespace {

/// Devices that are told apart on one node: more are counted only (slurm 22.05 src/common/gres.c MAX_GRES_BITMAP).
constexpr std::uint64_t kDevicesMax = 1024;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// A number with K, M, G, T or P behind it, powers of 1024.
Result<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc{} || suffix.size() > 1) return fail(Errc::invalid_gres, "count {}", text);
  if (suffix.empty()) return value;
  static constexpr std::string_view kSuffixes = "KMGTP";
  const std::size_t power = kSuffixes.find(static_cast<char>(suffix[0] & ~0x20));
  if (power == kSuffixes.npos || value > kInfinite64 >> (10 * (power + 1)))
    return fail(Errc::invalid_gres, "count {}", text);
  return value << (10 * (power + 1));
}

/// Slurm shows a count in the largest unit of which it is a multiple.
std::string count_text(std::uint64_t count) {
  static constexpr std::string_view kSuffixes = "KMGTP";
  std::size_t power = 0;
  for (; count != 0 && count % 1024 == 0 && power < kSuffixes.size(); ++power) count /= 1024;
  return power == 0 ? std::to_string(count) : fmt::format("{}{}", count, kSuffixes[power - 1]);
}

std::vector<std::uint64_t> core_mask(const std::string& list, std::uint32_t cores) {
  if (list.empty()) return {};
  const auto mask = Bitmap::from_list(list, cores);
  return mask ? mask->words() : std::vector<std::uint64_t>{};
}

void read_links(GresPool& pool, std::uint32_t device, const std::string& text) {
  if (text.empty()) return;
  if (pool.links.empty()) pool.links.assign(pool.devices, std::vector<int>(pool.devices));
  std::size_t to = 0;
  for (std::string_view item : split(text, ',')) {
    if (to == pool.links[device].size()) return;
    int value = 0;
    std::from_chars(item.data(), item.data() + item.size(), value);
    pool.links[device][to++] = std::max(value, -2);
  }
}

/// The devices of a pool, from what was reported; not more of them than are configured.
void add_devices(GresPool& pool, std::span<const GresRecord> reported, std::uint32_t cores) {
  const bool files = std::ranges::any_of(
      reported, [&](const GresRecord& r) { return r.name == pool.name && r.flags & gres_flag::has_file; });
  if (!files || pool.count == 0) return;
  for (const GresRecord& record : reported)
    if (record.name == pool.name) {
      pool.one_sharing = pool.one_sharing || (pool.shared && record.flags & gres_flag::one_sharing);
      pool.told_apart = pool.told_apart || !record.cores.empty() || !record.type.empty();
      pool.devices += pool.shared ? 1 : static_cast<std::uint32_t>(std::min(record.count, kDevicesMax));
    }
  if (!pool.shared) {
    pool.devices = static_cast<std::uint32_t>(std::min<std::uint64_t>({pool.devices, pool.count, kDevicesMax}));
    pool.count = pool.devices;
  }
  pool.devices = static_cast<std::uint32_t>(std::min<std::uint64_t>(pool.devices, kDevicesMax));
  std::uint32_t next = 0;
  for (const GresRecord& record : reported) {
    if (record.name != pool.name || next >= pool.devices) continue;
    GresGroup group{.type = record.type,
                    .first = next,
                    .devices = 1,
                    .count = record.count,
                    .cores = core_mask(record.cores, cores)};
    if (!pool.shared) {
      group.devices = static_cast<std::uint32_t>(std::min<std::uint64_t>(record.count, pool.devices - next));
      group.count = group.devices;
      for (std::uint32_t i = 0; i < group.devices; ++i) read_links(pool, next + i, record.links);
    }
    next += group.devices;
    pool.groups.push_back(std::move(group));
  }
}

}  // namespace

bool GresPool::has_type(std::string_view type) const {
  return std::ranges::any_of(types, [&](const GresType& t) { return t.name == type; }) ||
         std::ranges::any_of(groups, [&](const GresGroup& g) { return g.type == type; });
}

bool is_shared_gres(std::string_view name) { return name == "mps" || name == "shard"; }

std::vector<GresCount> parse_node_gres(std::string_view text) {
  std::vector<GresCount> out;
  for (std::string_view item : split(text, ',')) {
    const std::vector<std::string_view> parts = split(item.substr(0, item.find('(')), ':');
    if (parts.empty() || parts.size() > 3) continue;
    GresCount one{.name = std::string(parts[0]), .type = {}, .count = 1};
    const auto number = parts.size() > 1 ? number_of(parts.back()) : Result<std::uint64_t>(1);
    if (parts.size() == 3 && !number) continue;
    if (number) one.count = *number;
    if (parts.size() == 3 || !number) one.type = parts[1];
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::vector<GresCount>> parse_gres_wish(std::string_view text, std::string_view kinds) {
  constexpr std::string_view kPrefix = "gres:";
  const std::vector<std::string_view> known = split(kinds, ',');
  std::vector<GresCount> out;
  for (std::string_view item : split(text, ',')) {
    if (!item.starts_with(kPrefix)) continue;
    item.remove_prefix(kPrefix.size());
    if (item.empty()) continue;
    GresCount one{.name = std::string(item.substr(0, item.find(':'))), .type = {}, .count = 1};
    if (one.name.size() < item.size()) {
      const std::string_view rest = item.substr(one.name.size() + 1);
      const std::size_t colon = rest.find(':');
      const auto number = number_of(colon == rest.npos ? rest : rest.substr(colon + 1));
      if (rest.empty() || colon == 0 || (colon != rest.npos && !number)) return fail(Errc::invalid_gres, "{}", text);
      if (number) one.count = *number;
      if (!number || colon != rest.npos) one.type = rest.substr(0, colon);
    }
    if (one.count == 0) continue;
    if (std::ranges::find(known, one.name) == known.end()) return fail(Errc::invalid_gres, "no kind {}", one.name);
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<GresPool> gres_pools(std::string_view kinds, std::string_view configured,
                                 std::span<const GresRecord> reported, std::uint32_t cores) {
  const std::vector<GresCount> counts = parse_node_gres(configured);
  std::vector<GresPool> out;
  for (std::string_view kind : split(kinds, ',')) {
    GresPool& pool = out.emplace_back();
    pool.name = kind;
    pool.shared = is_shared_gres(kind);
    for (const GresCount& each : counts) {
      if (each.name != kind) continue;
      pool.count += each.count;
      if (each.type.empty()) continue;
      const auto same = std::ranges::find(pool.types, each.type, &GresType::name);
      if (same == pool.types.end())
        pool.types.push_back({each.type, each.count});
      else
        same->count += each.count;
    }
    if (pool.count == 0) continue;
    std::uint64_t found = 0;
    for (const GresRecord& record : reported)
      if (record.name == kind) found += record.count;
    if (!reported.empty()) pool.count = std::min(pool.count, found);
    add_devices(pool, reported, cores);
  }
  return out;
}

std::string gres_shortfall(std::string_view kinds, std::string_view configured, std::span<const GresRecord> reported) {
  const std::vector<GresCount> counts = parse_node_gres(configured);
  for (std::string_view kind : split(kinds, ',')) {
    std::uint64_t wanted = 0, found = 0;
    for (const GresCount& each : counts)
      if (each.name == kind) wanted += each.count;
    for (const GresRecord& record : reported)
      if (record.name == kind) found += record.count;
    if (wanted > found)
      return fmt::format("gres/{} count reported lower than configured ({} < {})", kind, found, wanted);
    for (const GresCount& each : counts) {
      if (each.name != kind || each.type.empty()) continue;
      std::uint64_t of_type = 0;
      for (const GresRecord& record : reported)
        if (record.name == kind && record.type == each.type) of_type += record.count;
      if (of_type < each.count)
        return fmt::format("gres/{}:{} count too low ({} < {})", kind, each.type, of_type, each.count);
    }
  }
  return {};
}

void add_gres_use(GresUse& use, const GresPool& pool, const GresShare& share) {
  use.on_device.resize(pool.devices);
  use.of_type.resize(pool.types.size());
  use.count += share.count;
  const std::uint32_t given = device_count(share.devices);
  for (std::uint32_t device = 0; device < pool.devices; ++device)
    if (has_device(share.devices, device)) use.on_device[device] += pool.shared ? share.count / given : 1;
  for (std::size_t type = 0; type < pool.types.size(); ++type)
    if (pool.types[type].name == share.type) use.of_type[type] += share.count;
}

bool within(const GresUse& use, const GresPool& pool) {
  if (use.count > pool.count) return false;
  for (const GresGroup& group : pool.groups)
    for (std::uint32_t device = group.first; device < group.first + group.devices; ++device)
      if (device < use.on_device.size() && use.on_device[device] > (pool.shared ? group.count : 1)) return false;
  return true;
}

std::string gres_text(std::span<const GresPool> pools, std::uint32_t sockets, std::uint32_t cores_per_socket) {
  std::vector<std::string> out;
  for (const GresPool& pool : pools) {
    if (pool.count == 0) continue;
    if (!pool.told_apart || pool.groups.empty()) {
      for (const GresType& type : pool.types)
        out.push_back(fmt::format("{}:{}:{}", pool.name, type.name, count_text(type.count)));
      if (pool.types.empty()) out.push_back(fmt::format("{}:{}", pool.name, count_text(pool.count)));
      continue;
    }
    std::vector<std::string_view> done;
    for (const GresGroup& first : pool.groups) {
      if (std::ranges::find(done, first.type) != done.end()) continue;
      done.push_back(first.type);
      std::uint64_t sum = 0;
      Bitmap near(sockets);
      for (const GresGroup& group : pool.groups) {
        if (group.type != first.type) continue;
        sum += group.count;
        for (std::uint32_t core = 0; core < sockets * cores_per_socket; ++core)
          if (has_device(group.cores, core)) near.set(core / cores_per_socket);
      }
      out.push_back(fmt::format("{}{}{}:{}{}", pool.name, first.type.empty() ? "" : ":", first.type, count_text(sum),
                                near.any() ? "(S:" + near.list() + ")" : ""));
    }
  }
  return fmt::format("{}", fmt::join(out, ","));
}

std::string gres_used_text(const GresPool& pool, const GresUse& use) {
  std::vector<std::string> out;
  if (!pool.told_apart || pool.groups.empty()) {
    for (std::size_t type = 0; type < pool.types.size(); ++type)
      out.push_back(
          fmt::format("{}:{}:{}", pool.name, pool.types[type].name, type < use.of_type.size() ? use.of_type[type] : 0));
    if (out.empty()) out.push_back(fmt::format("{}:{}", pool.name, use.count));
    return fmt::format("{}", fmt::join(out, ","));
  }
  std::vector<std::string_view> done;
  for (const GresGroup& first : pool.groups) {
    if (std::ranges::find(done, first.type) != done.end()) continue;
    done.push_back(first.type);
    std::vector<std::uint64_t> mask;
    for (const GresGroup& group : pool.groups)
      for (std::uint32_t device = group.first; group.type == first.type && device < group.first + group.devices;
           ++device)
        if (device < use.on_device.size() && use.on_device[device] != 0) set_device(mask, device);
    const std::uint32_t count = device_count(mask);  // of devices, of a shared kind too: as Slurm has it
    out.push_back(fmt::format("{}:{}:{}(IDX:{})", pool.name, first.type.empty() ? "(null)" : first.type, count,
                              count == 0 ? "N/A" : device_list(mask)));
  }
  return fmt::format("{}", fmt::join(out, ","));
}

std::string gres_share_text(const GresShare& share) {
  const std::string name = share.type.empty() ? share.name : share.name + ":" + share.type;
  if (share.device_count != 0) return fmt::format("{}:{}(IDX:{})", name, share.count, device_list(share.devices));
  return fmt::format("{}(CNT:{})", name, share.count);
}

void set_device(std::vector<std::uint64_t>& mask, std::uint32_t device) {
  if (mask.size() <= device / 64) mask.resize(device / 64 + 1);
  mask[device / 64] |= std::uint64_t{1} << (device % 64);
}

std::uint32_t device_count(std::span<const std::uint64_t> mask) {
  std::uint32_t sum = 0;
  for (std::uint64_t word : mask) sum += static_cast<std::uint32_t>(std::popcount(word));
  return sum;
}

std::string device_list(std::span<const std::uint64_t> mask) {
  Bitmap bits(mask.size() * 64);
  for (std::uint32_t device = 0; device < mask.size() * 64; ++device)
    if (has_device(mask, device)) bits.set(device);
  return bits.list();
}

void fields(codec::Archive& ar, GresRecord& r) {
  ar("name", r.name);
  ar("type", r.type);
  ar("count", r.count);
  ar("flags", r.flags);
  ar("cores", r.cores);
  ar("links", r.links);
}

void fields(codec::Archive& ar, GresShare& s) {
  ar("name", s.name);
  ar("type", s.type);
  ar("count", s.count);
  ar("device_count", s.device_count);
  ar("devices", s.devices);
}

}  // namespace flurm::model
