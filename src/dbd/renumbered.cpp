// dbd/renumbered.cpp — see the header.
#include "dbd/renumbered.hpp"

#include <charconv>

#include "fmt/format.h"

namespace flurm::dbd {

namespace {

constexpr char kAssoc = 'a', kWckey = 'w', kJobs = 'j';

std::string prefix(const std::string& cluster) { return fmt::format("slurmdbd:{}:", cluster); }

}  // namespace

void keep_renumbered(store::Writer& writer, const std::string& cluster, const Renumbered& numbers) {
  const auto keep = [&](char kind, const std::map<std::uint32_t, std::uint32_t>& list) {
    for (const auto& [theirs, ours] : list)
      if (theirs != ours) writer.set_mark(fmt::format("{}{}{}", prefix(cluster), kind, theirs), ours);
  };
  keep(kAssoc, numbers.assocs);
  keep(kWckey, numbers.wckeys);
  if (numbers.jobs)
    writer.set_mark(fmt::format("{}{}", prefix(cluster), kJobs), static_cast<std::int64_t>(numbers.jobs));
}

Renumbered find_renumbered(store::Writer& writer, const std::string& cluster) {
  Renumbered found;
  for (const auto& [name, value] : writer.marks(prefix(cluster))) {
    const std::string_view rest = std::string_view(name).substr(prefix(cluster).size());
    std::uint32_t theirs = 0;
    std::from_chars(rest.data() + 1, rest.data() + rest.size(), theirs);
    if (rest[0] == kJobs) found.jobs = static_cast<std::uint64_t>(value);
    if (rest[0] == kAssoc) found.assocs[theirs] = static_cast<std::uint32_t>(value);
    if (rest[0] == kWckey) found.wckeys[theirs] = static_cast<std::uint32_t>(value);
  }
  return found;
}

}  // namespace flurm::dbd
