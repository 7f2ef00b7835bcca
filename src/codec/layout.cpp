// codec/layout.cpp — collecting layouts, and merging those of several versions into one table.
#include "codec/layout.hpp"

#include <algorithm>

namespace flurm::codec {

void Layout::field(const std::string& type) {
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (level.record) tables_[level.table].push_back({name_ ? name_ : "", type + suffix_});
  suffix_.clear();
}

void Layout::begin_list(ListForm form, std::uint32_t&) {
  static constexpr const char* kMarks[] = {"[]", "[] (u16 count)", "[] or absent", "[] (count above)"};
  suffix_ = kMarks[static_cast<int>(form)] + suffix_;
}

void Layout::end_list() { suffix_.clear(); }

void Layout::begin_optional(bool&, std::uint8_t mark) {
  suffix_ = (mark == 1 ? "?" : "? (mark " + std::to_string(mark) + ")") + suffix_;
}

void Layout::begin_struct(std::string_view type) {
  field(std::string(type));
  if (levels_.empty()) root_ = type;
  bool fresh = tables_.emplace(type, std::vector<LayoutField>{}).second;
  levels_.push_back({std::string(type), name_, suffix_, fresh});
  name_ = nullptr;
}

void Layout::end_struct() {
  name_ = levels_.back().name;
  levels_.pop_back();
}

std::vector<MergedField> merge_layouts(const std::vector<std::vector<LayoutField>>& by_version) {
  std::vector<MergedField> merged;
  for (std::size_t v = 0; v < by_version.size(); ++v) {
    const auto& next = by_version[v];
    // Longest common subsequence of what is merged so far and this version; the rest is woven in between.
    std::size_t n = merged.size(), m = next.size();
    std::vector<std::vector<std::uint32_t>> common(n + 1, std::vector<std::uint32_t>(m + 1, 0));
    for (std::size_t i = n; i-- > 0;) {
      for (std::size_t j = m; j-- > 0;) {
        common[i][j] =
            merged[i].field == next[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
      }
    }
    std::vector<MergedField> woven;
    std::size_t i = 0, j = 0;
    while (i < n || j < m) {
      if (i < n && j < m && merged[i].field == next[j]) {
        woven.push_back(std::move(merged[i++]));
        woven.back().present[v] = true;
        ++j;
      } else if (i < n && (j == m || common[i + 1][j] >= common[i][j + 1])) {
        woven.push_back(std::move(merged[i++]));
      } else {
        woven.push_back({next[j++], std::vector<bool>(by_version.size(), false)});
        woven.back().present[v] = true;
      }
    }
    merged = std::move(woven);
  }
  return merged;
}

}  // namespace flurm::codec
