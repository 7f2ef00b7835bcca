// noded/multi_prog.cpp — see multi_prog.hpp.
#include "noded/multi_prog.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "fmt/format.h"

namespace flurm::noded {
namespace {

constexpr std::size_t kWordsMax = 256;  // as in slurmstepd
constexpr std::string_view kBlanks = " \t\r\f\v";

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The place of `rank` in a list of ranks, or nullopt. What is no range is passed over, as slurmstepd does.
std::optional<std::uint64_t> place_in(std::string_view ranks, std::uint32_t rank) {
  if (ranks == "*") return rank;
  std::uint64_t before = 0;
  while (!ranks.empty()) {
    const auto comma = ranks.find(',');
    const std::string_view range = ranks.substr(0, comma);
    ranks = comma == std::string_view::npos ? std::string_view{} : ranks.substr(comma + 1);
    const auto dash = range.find('-');
    const auto low = number(range.substr(0, dash));
    const auto high = dash == std::string_view::npos ? low : number(range.substr(dash + 1));
    if (!low || !high || *high < *low) continue;
    if (rank >= *low && rank <= *high) return before + (rank - *low);
    before += std::uint64_t{*high} - *low + 1;
  }
  return std::nullopt;
}

/// The next line, where backslash and newline count as nothing and are taken out.
std::string next_line(std::string_view& text) {
  std::string line;
  while (!text.empty()) {
    const auto newline = text.find('\n');
    line += text.substr(0, newline);
    text = newline == std::string_view::npos ? std::string_view{} : text.substr(newline + 1);
    if (line.empty() || line.back() != '\\') break;
    line.pop_back();
  }
  return line;
}

Result<std::vector<std::string>> words_of(std::string_view text, std::uint32_t rank, std::uint64_t place) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  const auto finish = [&] {
    if (word) words.push_back(std::move(*word));
    word.reset();
  };
  for (std::size_t i = 0; i < text.size() && words.size() < kWordsMax; ++i) {
    const char c = text[i];
    if (kBlanks.find(c) != std::string_view::npos) {
      finish();
      continue;
    }
    if (!word) word.emplace();
    if (c == '%') {
      if (++i == text.size()) break;
      if (text[i] == 't') *word += std::to_string(rank);
      if (text[i] == 'o') *word += std::to_string(place);
    } else if (c == '\\') {
      if (++i < text.size()) word->push_back(text[i]);
    } else if (c == '\'') {
      const auto end = text.find('\'', i + 1);
      if (end == std::string_view::npos) return fail(Errc::einval, "Program arguments specification format invalid");
      *word += text.substr(i + 1, end - i - 1);
      i = end;
    } else {
      word->push_back(c);
    }
  }
  finish();
  return words;
}

}  // namespace

Result<std::vector<std::string>> multi_prog_command(std::string_view text, std::uint32_t rank,
                                                    std::span<const std::string> arguments) {
  while (!text.empty()) {
    const std::string whole = next_line(text);
    std::string_view line = whole;
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto blank = line.find_first_of(kBlanks);
    if (blank == std::string_view::npos) return fail(Errc::einval, "Invalid MPMD configuration line: {}", line);
    const auto place = place_in(line.substr(0, blank), rank);
    if (!place) continue;
    FLURM_TRY(std::vector<std::string> words, words_of(line.substr(blank), rank, *place));
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
  }
  return fail(Errc::einval, "Program for task rank {} not specified.", rank);
}

}  // namespace flurm::noded
