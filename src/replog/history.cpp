// replog/history.cpp — snapshots and entries as libraft's files hold them.
#include "replog/history.hpp"

#include <algorithm>
#include <utility>

#include "replog/directory.hpp"
#include "replog/segment.hpp"

namespace flurm::replog {
namespace {

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
