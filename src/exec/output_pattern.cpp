// exec/output_pattern.cpp — see output_pattern.hpp.
#include "exec/output_pattern.hpp"

#include <algorithm>
#include <charconv>

#include "fmt/format.h"

namespace flurm::exec {
namespace {

constexpr unsigned kWidthMax = 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string without_backslashes(std::string_view pattern) {
  std::string plain;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && ++i == pattern.size()) break;
    plain.push_back(pattern[i]);
  }
  return plain;
}

/// Appends what `letter` stands for; false where it stands for nothing.
bool append_value(std::string& out, char letter, unsigned width, const OutputNames& names) {
  const auto number = [&](std::uint32_t value) { out += fmt::format("{:0{}}", value, width); };
  const bool batch = names.step_id == kBatchStep;
  switch (letter) {
    case '%':
      out.push_back('%');
      break;
    case 'A':
      number(names.array_task_id == kNoVal32 ? names.job_id : names.array_job_id);
      break;
    case 'a':
      number(names.array_task_id);
      break;
    case 'b':
      number(names.array_task_id == kNoVal32 ? kNoVal32 : names.array_task_id % 10);
      break;
    case 'j':
      number(names.job_id);
      break;
    case 'J':
      number(names.job_id);
      if (!batch) out += fmt::format(".{}", names.step_id);
      break;
    case 'N':
      out += names.host;
      break;
    case 'n':
      number(names.node_index);
      break;
    case 's':
      if (batch) {
        out += "batch";
      } else {
        number(names.step_id);
      }
      break;
    case 't':
      number(names.task_id);
      break;
    case 'u':
      out += names.user;
      break;
    case 'x':
      out += names.job_name;
      break;
    default:
      return false;
  }
  return true;
}

std::string expand_percents(std::string_view pattern, const OutputNames& names) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] != '%') {
      out.push_back(pattern[i++]);
      continue;
    }
    std::size_t letter = i + 1;
    while (letter < pattern.size() && is_digit(pattern[letter])) ++letter;
    unsigned width = 0;
    const auto parsed = std::from_chars(pattern.data() + i + 1, pattern.data() + letter, width);
    if (parsed.ec == std::errc::result_out_of_range) width = kWidthMax;
    width = std::min(width, kWidthMax);
    if (letter < pattern.size() && append_value(out, pattern[letter], width, names)) {
      i = letter + 1;
    } else {
      out.push_back(pattern[i++]);
    }
  }
  return out;
}

}  // namespace

std::string expand_output_pattern(std::string_view pattern, const OutputNames& names) {
  if (!pattern.empty() && std::ranges::all_of(pattern, is_digit)) {
    std::uint32_t only_task = 0;
    const auto parsed = std::from_chars(pattern.data(), pattern.data() + pattern.size(), only_task);
    if (parsed.ec != std::errc{} || only_task != names.task_id) return "/dev/null";
  }
  const bool literal = pattern.find('\\') != std::string_view::npos;
  std::string expanded = literal ? without_backslashes(pattern) : expand_percents(pattern, names);
  if (expanded.starts_with('/')) return expanded;
  std::string path(names.work_dir);
  if (!path.ends_with('/')) path.push_back('/');
  return path + expanded;
}

std::string batch_output_path(std::string_view pattern, const OutputNames& names) {
  if (!pattern.empty()) return expand_output_pattern(pattern, names);
  return expand_output_pattern(names.array_task_id == kNoVal32 ? "slurm-%j.out" : "slurm-%A_%a.out", names);
}

}  // namespace flurm::exec
