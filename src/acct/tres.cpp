// acct/tres.cpp — reading, writing and merging TRES amounts.
#include "acct/tres.hpp"

#include <charconv>

#include "fmt/format.h"

namespace flurm::acct {

TresCounts parse_tres(std::string_view text) {
  TresCounts counts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    std::uint32_t id = 0;
    const auto [equals, bad_id] = std::from_chars(item.data(), item.data() + item.size(), id);
    const char* end = item.data() + item.size();
    if (bad_id != std::errc() || equals == end || *equals != '=' || equals + 1 == end) continue;
    std::uint64_t amount = kInfinite64;
    if (equals[1] != '-' && std::from_chars(equals + 1, end, amount).ec != std::errc()) continue;
    counts.emplace(id, amount);
  }
  return counts;
}

std::string format_tres(const TresCounts& counts) {
  std::string text;
  for (const auto& [id, amount] : counts) text += fmt::format("{}{}={}", text.empty() ? "" : ",", id, amount);
  return text;
}

void inherit_tres(TresCounts& own, const TresCounts& above) { own.insert(above.begin(), above.end()); }

void change_tres(TresCounts& own, const TresCounts& change) {
  for (const auto& [id, amount] : change)
    if (amount == kInfinite64)
      own.erase(id);
    else
      own[id] = amount;
}

}  // namespace flurm::acct
