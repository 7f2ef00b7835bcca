// conf/lines.hpp — the syntax all configuration files share: Key=Value pairs, comments, continuation, quotes, Include.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "conf/diagnostic.hpp"

namespace flurm::conf {

struct Pair {
  std::string key;    ///< as written
  std::string value;  ///< without quotes and escapes
  bool operator==(const Pair&) const = default;
};

/// One logical line: a key with what follows it on the line (NodeName=a CPUs=4 …).
struct Line {
  std::string file;
  int number = 0;
  std::vector<Pair> pairs;  ///< at least one
  bool operator==(const Line&) const = default;
};

/// Text of the file named in an Include line (path already joined with the including file's directory).
using IncludeText = std::function<Result<std::string>(const std::string& path)>;

struct Lines {
  std::vector<Line> lines;
  /// slurmd's hash of the raw text, included files in their place (parse_config.c in Slurm); slurmd sends it when it
  /// registers, and the controller warns when its own differs.
  std::uint32_t hash = 0;
};

inline constexpr std::size_t kConfTextMax = 64 << 20;  ///< bytes over all included files
inline constexpr int kIncludeDepthMax = 16;

/// Reads `text` into lines. Problems of syntax go to `out` and their line is left out.
Lines read_lines(std::string_view text, const std::string& file, const IncludeText& include,
                 std::vector<Diagnostic>& out);

/// Compares keys and words as Slurm does: ASCII letters without case.
bool same_word(std::string_view a, std::string_view b);
std::string lower(std::string_view text);
/// Parts of a comma list, blanks around them cut, empty parts dropped.
std::vector<std::string_view> split_list(std::string_view list, std::string_view separators = ",");

}  // namespace flurm::conf
