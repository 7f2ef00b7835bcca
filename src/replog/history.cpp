// replog/history.cpp — snapshots and entries as libraft's files hold them.
#include "replog/history.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <tuple>

#include "replog/directory.hpp"
#include "replog/segment.hpp"

namespace flurm::replog {
namespace {

struct SnapshotName {
  std::uint64_t term = 0, index = 0, stamp = 0;
  std::string file;
  auto key() const { return std::tuple(term, index, stamp); }
};

/// Newest first.
std::vector<SnapshotName> snapshots_in(const std::string& directory) {
  std::vector<SnapshotName> found;
  for (const std::string& name : names_in(directory)) {
    SnapshotName one;
    int used = 0;
    if (std::sscanf(name.c_str(), "snapshot-%" SCNu64 "-%" SCNu64 "-%" SCNu64 ".meta%n", &one.term, &one.index,
                    &one.stamp, &used) != 3 ||
        used != static_cast<int>(name.size()))
      continue;
    one.file = name.substr(0, name.size() - 5);
    found.push_back(std::move(one));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return b.key() < a.key(); });
  return found;
}

/// Closed segments by their first entry, then open ones by their number: the order in which they were written.
std::vector<std::string> segments_in(const std::string& directory) {
  std::vector<std::pair<std::uint64_t, std::string>> closed, open;
  for (const std::string& name : names_in(directory)) {
    std::uint64_t first = 0, last = 0;
    if (is_closed_segment(name, first, last)) closed.emplace_back(first, name);
    if (is_open_segment(name, first)) open.emplace_back(first, name);
  }
  std::sort(closed.begin(), closed.end());
  std::sort(open.begin(), open.end());
  std::vector<std::string> names;
  for (auto* list : {&closed, &open})
    for (auto& [number, name] : *list) names.push_back(std::move(name));
  return names;
}

}  // namespace

Result<std::optional<StoredSnapshot>> read_snapshot(const std::string& directory, std::uint64_t last) {
  for (const SnapshotName& name : snapshots_in(directory)) {
    FLURM_TRY(const std::string sealed, read_file(directory + "/" + name.file));
    StoredSnapshot snapshot{.file = name.file, .link = {}, .state = {}};
    const Result<std::string_view> state = open_snapshot(sealed, snapshot.link);
    if (!state) return fail(Errc::corrupt, "{}/{}: {}", directory, name.file, state.error().text);
    if (snapshot.link.index > last) continue;
    snapshot.state = *state;
    return std::optional(std::move(snapshot));
  }
  return std::optional<StoredSnapshot>();
}

Result<void> read_entries(const std::string& directory, const std::optional<Link>& after, const VisitEntry& visit) {
  std::optional<Link> link = after;
  for (const std::string& name : segments_in(directory)) {
    const std::string path = directory + "/" + name;
    bool go_on = true;
    const bool closed = !name.starts_with("open-");
    auto read = read_segment(path, closed, [&](std::string_view sealed) -> Result<bool> {
      FLURM_TRY(const Link before, link_before(sealed));
      if (link && before.index < link->index) return true;  // a snapshot has it
      // Without a snapshot to begin at, whatever is kept first is believed to follow what is not kept.
      Link next = link.value_or(before);
      const Result<std::string_view> entry = open_entry(sealed, next);
      if (!entry) return fail(Errc::corrupt, "{}: {}", path, entry.error().text);
      link = next;
      FLURM_TRY(go_on, visit(next.index, *entry));
      return go_on;
    });
    if (!read) return read;
    if (!go_on) break;
  }
  return {};
}

}  // namespace flurm::replog
