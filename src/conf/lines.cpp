// conf/lines.cpp — reading logical lines. The order of steps (hash, comment, continuation, escapes) is that of
// s_p_parse_file() in Slurm 22.05, because it shows: a '#' inside quotes starts a comment, '\#' does not.
#include "conf/lines.hpp"

#include <algorithm>

#include "fmt/core.h"

namespace flurm::conf {
namespace {

bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool key_char(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; }

/// A 16-bit CRC step kept in 32 bits, so that what is shifted out stays. Bytes count as signed.
void add_hash(std::uint32_t& hash, std::string_view text) {
  for (char c : text) {
    hash ^= static_cast<std::uint32_t>(static_cast<std::int32_t>(static_cast<signed char>(c)) * 256);
    for (int bit = 0; bit < 8; ++bit) hash = (hash & 0x8000U) != 0 ? (hash << 1) ^ 4129U : hash << 1;
  }
}

void cut_comment(std::string& line) {
  std::size_t backslashes = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && backslashes % 2 == 0) {
      line.resize(i);
      return;
    }
    backslashes = line[i] == '\\' ? backslashes + 1 : 0;
  }
}

/// Cuts the backslash that continues the line; false when there is none.
bool cut_continuation(std::string& line) {
  std::size_t end = line.size();
  while (end > 0 && blank(line[end - 1])) --end;
  std::size_t start = end;
  while (start > 0 && line[start - 1] == '\\') --start;
  if ((end - start) % 2 == 0) return false;
  line.resize(end - 1);
  return true;
}

void cut_escapes(std::string& line) {
  std::size_t to = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && ++i == line.size()) break;
    line[to++] = line[i];
  }
  line.resize(to);
}

class Reader {
 public:
  Reader(const IncludeText& include, std::vector<Diagnostic>& out) : include_(include), out_(out) {}

  void read(std::string_view text, const std::string& file, int depth);
  Lines take() { return std::move(result_); }

 private:
  void logical_line(const std::string& line, const Report& report, int depth);
  void include_file(std::string_view name, const Report& report, int depth);

  const IncludeText& include_;
  std::vector<Diagnostic>& out_;
  Lines result_;
  std::size_t bytes_ = 0;
};

void Reader::read(std::string_view text, const std::string& file, int depth) {
  bytes_ += text.size();
  if (bytes_ > kConfTextMax) return Report{out_, file, 0}.error("", "configuration is larger than 64 MiB");
  if (text.find('\0') != text.npos)
    return Report{out_, file, 0}.error("", "contains a NUL byte; a text file is needed");
  std::string logical;
  int number = 0, first = 1;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    std::string line(text.substr(at, end - at));
    at = end;
    ++number;
    add_hash(result_.hash, line);
    cut_comment(line);
    const bool more = cut_continuation(line);
    logical += line;
    if (more && at < text.size()) continue;
    cut_escapes(logical);
    logical_line(logical, {out_, file, first}, depth);
    logical.clear();
    first = number + 1;
  }
}

void Reader::logical_line(const std::string& line, const Report& report, int depth) {
  std::size_t at = 0;
  auto skip_blanks = [&] {
    while (at < line.size() && blank(line[at])) ++at;
  };
  // "Include" counts at the very start of a line only.
  if (line.size() > 7 && same_word(std::string_view(line).substr(0, 7), "include") && blank(line[7])) {
    at = 7;
    skip_blanks();
    std::size_t end = at;
    while (end < line.size() && !blank(line[end])) ++end;
    return include_file(std::string_view(line).substr(at, end - at), report, depth);
  }

  Line result{std::string(report.file), report.line, {}};
  for (skip_blanks(); at < line.size(); skip_blanks()) {
    const std::size_t start = at;
    Pair pair;
    while (at < line.size() && key_char(line[at])) pair.key += line[at++];
    skip_blanks();
    if (pair.key.empty() || at == line.size() || line[at] != '=') {
      std::string_view rest = std::string_view(line).substr(start);
      while (!rest.empty() && blank(rest.back())) rest.remove_suffix(1);
      return report.error(result.pairs.empty() ? "" : result.pairs[0].key,
                          fmt::format("cannot read '{}'; a line is made of Key=Value pairs", rest.substr(0, 200)));
    }
    ++at;
    skip_blanks();
    if (at == line.size()) return report.error(pair.key, "needs a value after '='");
    std::size_t close = line[at] == '"' ? line.find('"', at + 1) : line.npos;
    if (close != line.npos && (close + 1 == line.size() || blank(line[close + 1]))) {
      pair.value = line.substr(at + 1, close - at - 1);
      at = close + 1;
    } else {
      while (at < line.size() && !blank(line[at])) pair.value += line[at++];
    }
    result.pairs.push_back(std::move(pair));
  }
  if (!result.pairs.empty()) result_.lines.push_back(std::move(result));
}

void Reader::include_file(std::string_view name, const Report& report, int depth) {
  if (name.empty()) return report.error("Include", "needs a file name");
  if (depth >= kIncludeDepthMax) return report.error("Include", "files include each other more than 16 levels deep");
  std::string path(name);
  for (std::size_t at = path.find("%c"); at != path.npos; at = path.find("%c", at)) {
    std::string cluster;
    for (const Line& line : result_.lines)
      if (same_word(line.pairs[0].key, "ClusterName")) cluster = flurm::conf::lower(line.pairs[0].value);
    if (cluster.empty()) return report.error("Include", "%c needs ClusterName in an earlier line");
    path.replace(at, 2, cluster);
    at += cluster.size();
  }
  if (path.front() != '/')
    if (auto slash = report.file.rfind('/'); slash != report.file.npos)
      path = std::string(report.file.substr(0, slash + 1)) + path;
  auto text = include_(path);
  if (!text) return report.error("Include", fmt::format("cannot read {}: {}", path, text.error().text));
  read(*text, path, depth + 1);
}

}  // namespace

Lines read_lines(std::string_view text, const std::string& file, const IncludeText& include,
                 std::vector<Diagnostic>& out) {
  Reader reader(include, out);
  reader.read(text, file, 0);
  return reader.take();
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

std::vector<std::string_view> split_list(std::string_view list, std::string_view separators) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < list.size();) {
    std::size_t end = std::min(list.find_first_of(separators, at), list.size());
    std::string_view part = list.substr(at, end - at);
    while (!part.empty() && blank(part.front())) part.remove_prefix(1);
    while (!part.empty() && blank(part.back())) part.remove_suffix(1);
    if (!part.empty()) out.push_back(part);
    at = end + 1;
  }
  return out;
}

}  // namespace flurm::conf
