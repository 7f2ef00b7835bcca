// base/hostlist.cpp — parsing, expansion and compression of hostlists. Behaviour follows hostlist_create() and
// hostlist_ranged_string() of Slurm 22.05, as observed through `scontrol show hostnames/hostlist/hostlistsorted`.
#include "base/hostlist.hpp"

#include <algorithm>
#include <iterator>

namespace flurm {
namespace {

// Numbers with more digits do not fit 64 bits; a name that ends in one is a name without a number.
constexpr std::size_t kDigitsMax = 18;

bool digit(char c) { return c >= '0' && c <= '9'; }
bool separator(char c) { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::uint64_t number(std::string_view digits) {
  std::uint64_t value = 0;
  for (char c : digits) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

void append_number(std::string& out, std::uint64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

/// lo-hi inside a bracket; numbers are printed with at least `width` digits.
struct Range {
  std::uint64_t lo, hi;
  std::size_t width;
  std::uint64_t count() const { return hi - lo + 1; }
};

/// Literal text followed by one bracket list (none in the last part of an item).
struct Part {
  std::string_view text;
  std::vector<Range> ranges;
};

Result<Range> parse_range(std::string_view text) {
  auto dash = text.find('-');
  std::string_view lo = text.substr(0, dash), hi = dash == text.npos ? lo : text.substr(dash + 1);
  auto good = [](std::string_view s) { return !s.empty() && s.size() <= kDigitsMax && std::ranges::all_of(s, digit); };
  if (!good(lo) || !good(hi)) return fail(Errc::invalid_node_name, "invalid range '{}' in hostlist", text);
  Range range{number(lo), number(hi), lo.size()};
  if (range.hi < range.lo) return fail(Errc::invalid_node_name, "range '{}' in hostlist runs backwards", text);
  return range;
}

/// Splits one item (no separators outside brackets) into its parts.
Result<std::vector<Part>> parse_item(std::string_view item) {
  std::vector<Part> parts;
  std::size_t at = 0;
  while (at < item.size()) {
    auto open = item.find_first_of("[]", at);
    if (open == item.npos) {
      parts.push_back({item.substr(at), {}});
      break;
    }
    auto close = item.find_first_of("[]", open + 1);
    if (item[open] == ']' || close == item.npos || item[close] == '[')
      return fail(Errc::invalid_node_name, "unbalanced brackets in hostlist '{}'", item);
    Part part{item.substr(at, open - at), {}};
    std::string_view list = item.substr(open + 1, close - open - 1);
    for (std::size_t from = 0; from <= list.size();) {
      auto comma = std::min(list.find(',', from), list.size());
      FLURM_TRY(auto range, parse_range(list.substr(from, comma - from)));
      part.ranges.push_back(range);
      from = comma + 1;
    }
    parts.push_back(std::move(part));
    at = close + 1;
  }
  return parts;
}

/// Number of names of an item, at most `limit` + 1.
std::size_t item_count(const std::vector<Part>& parts, std::size_t limit) {
  std::size_t total = 1;
  for (const Part& part : parts) {
    if (part.ranges.empty()) continue;
    std::uint64_t sum = 0;
    for (const Range& range : part.ranges) {
      if (range.count() > limit) return limit + 1;
      sum += range.count();
      if (sum > limit) return limit + 1;
    }
    if (sum > limit / total) return limit + 1;
    total *= sum;
  }
  return total;
}

/// Calls `item(parts)` for each item of the expression; stops at the first error.
template <class F>
Result<std::size_t> for_each_item(std::string_view expression, std::size_t hosts_max, F item) {
  std::size_t total = 0;
  for (std::size_t at = 0; at < expression.size();) {
    if (separator(expression[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    for (bool inside = false; end < expression.size() && (inside || !separator(expression[end])); ++end)
      inside = expression[end] == '[' ? true : expression[end] == ']' ? false : inside;
    FLURM_TRY(auto parts, parse_item(expression.substr(at, end - at)));
    total += item_count(parts, hosts_max);
    if (total > hosts_max) return fail(Errc::invalid_node_name, "hostlist names more than {} hosts", hosts_max);
    item(parts);
    at = end;
  }
  return total;
}

void expand_parts(const std::vector<Part>& parts, std::size_t at, std::string& name, std::vector<std::string>& out) {
  const std::size_t length = name.size();
  name += parts[at].text;
  if (parts[at].ranges.empty()) out.push_back(name);
  for (const Range& range : parts[at].ranges)
    for (std::uint64_t n = range.lo; n <= range.hi; ++n) {
      const std::size_t before = name.size();
      append_number(name, n, range.width);
      if (at + 1 < parts.size())
        expand_parts(parts, at + 1, name, out);
      else
        out.push_back(name);
      name.resize(before);
    }
  name.resize(length);
}

/// A name cut before its trailing number.
struct Split {
  std::string_view prefix, digits;
};

Split split(std::string_view name) {
  std::size_t at = name.size();
  while (at > 0 && digit(name[at - 1])) --at;
  if (name.size() - at > kDigitsMax) at = name.size();
  return {name.substr(0, at), name.substr(at)};
}

/// Compares texts with runs of digits as numbers; a run with a leading zero compares like a fraction, digit by digit.
int compare_natural(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const bool fraction = a[i] == '0' || b[j] == '0';
      std::size_t x = i, y = j;
      int first = 0;
      for (; x < a.size() && y < b.size() && digit(a[x]) && digit(b[y]); ++x, ++y)
        if (first == 0 && a[x] != b[y]) first = a[x] < b[y] ? -1 : 1;
      const bool more_a = x < a.size() && digit(a[x]), more_b = y < b.size() && digit(b[y]);
      if (fraction && first != 0) return first;
      if (more_a != more_b) return more_a ? 1 : -1;
      if (first != 0) return first;
      i = x;
      j = y;
      continue;
    }
    if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]) ? -1 : 1;
    ++i;
    ++j;
  }
  return (i < a.size()) - (j < b.size());
}

}  // namespace

Result<std::vector<std::string>> expand_hosts(std::string_view expression, std::size_t hosts_max) {
  std::vector<std::string> out;
  std::string name;
  auto total =
      for_each_item(expression, hosts_max, [&](const std::vector<Part>& parts) { expand_parts(parts, 0, name, out); });
  if (!total) return fail(total.error());
  return out;
}

Result<std::size_t> count_hosts(std::string_view expression, std::size_t hosts_max) {
  return for_each_item(expression, hosts_max, [](const std::vector<Part>&) {});
}

std::string compress_hosts(std::span<const std::string> hosts) {
  struct Run {
    Split host;
    Range range;
  };
  std::vector<Run> runs;
  for (const std::string& host : hosts) {
    const Split s = split(host);
    const Range one{number(s.digits), number(s.digits), s.digits.size()};
    if (!runs.empty() && !s.digits.empty()) {
      Run& last = runs.back();
      std::string as_last;
      append_number(as_last, one.lo, last.range.width);
      if (!last.host.digits.empty() && last.host.prefix == s.prefix && last.range.hi + 1 == one.lo &&
          as_last == s.digits) {
        last.range.hi = one.lo;
        continue;
      }
    }
    runs.push_back({s, one});
  }

  std::string out;
  for (std::size_t i = 0; i < runs.size();) {
    if (!out.empty()) out += ',';
    out += runs[i].host.prefix;
    std::size_t end = i + 1;
    if (!runs[i].host.digits.empty())
      while (end < runs.size() && !runs[end].host.digits.empty() && runs[end].host.prefix == runs[i].host.prefix) ++end;
    const bool brackets = end - i > 1 || runs[i].range.lo != runs[i].range.hi;
    if (brackets) out += '[';
    for (std::size_t k = i; k < end && !runs[k].host.digits.empty(); ++k) {
      const Range& range = runs[k].range;
      if (k > i) out += ',';
      append_number(out, range.lo, range.width);
      if (range.lo == range.hi) continue;
      out += '-';
      append_number(out, range.hi, range.width);
    }
    if (brackets) out += ']';
    i = end;
  }
  return out;
}

std::string compress_hosts_sorted(std::span<const std::string> hosts) {
  std::vector<std::string> sorted(hosts.begin(), hosts.end());
  sort_hosts(sorted);
  return compress_hosts(sorted);
}

int compare_hosts(std::string_view a, std::string_view b) {
  const Split x = split(a), y = split(b);
  if (int order = compare_natural(x.prefix, y.prefix); order != 0) return order;
  if (x.digits.size() != y.digits.size()) return x.digits.size() < y.digits.size() ? -1 : 1;
  if (int order = x.digits.compare(y.digits); order != 0) return order;
  return a.compare(b);  // prefixes that only natural order finds equal
}

void sort_hosts(std::vector<std::string>& hosts) {
  std::ranges::sort(hosts, [](const auto& a, const auto& b) { return compare_hosts(a, b) < 0; });
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
}

namespace {
struct HostLess {
  bool operator()(std::string_view a, std::string_view b) const { return compare_hosts(a, b) < 0; }
};
}  // namespace

HostSet::HostSet(std::vector<std::string> hosts) : names_(std::move(hosts)) { sort_hosts(names_); }

Result<HostSet> HostSet::parse(std::string_view expression, std::size_t hosts_max) {
  FLURM_TRY(auto hosts, expand_hosts(expression, hosts_max));
  return HostSet(std::move(hosts));
}

std::optional<std::size_t> HostSet::index(std::string_view host) const {
  auto it = std::lower_bound(names_.begin(), names_.end(), host, HostLess{});
  if (it == names_.end() || *it != host) return std::nullopt;
  return static_cast<std::size_t>(it - names_.begin());
}

bool HostSet::contains_all(const HostSet& other) const {
  return std::ranges::includes(names_, other.names_, HostLess{});
}

HostSet HostSet::operator|(const HostSet& other) const {
  HostSet out;
  std::ranges::set_union(names_, other.names_, std::back_inserter(out.names_), HostLess{});
  return out;
}

HostSet HostSet::operator&(const HostSet& other) const {
  HostSet out;
  std::ranges::set_intersection(names_, other.names_, std::back_inserter(out.names_), HostLess{});
  return out;
}

HostSet HostSet::operator-(const HostSet& other) const {
  HostSet out;
  std::ranges::set_difference(names_, other.names_, std::back_inserter(out.names_), HostLess{});
  return out;
}

bool valid_host_name(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && name.size() <= 255 &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace flurm
