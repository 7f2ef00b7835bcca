// stepd/pmi_text.cpp — see pmi_text.hpp.
#include "stepd/pmi_text.hpp"

#include <charconv>

#include "fmt/format.h"

namespace flurm::stepd {
namespace {

/// A key has 64 bytes at most, a value 1024; spawn commands, which are refused, may be long.
constexpr std::size_t kCommandMax = 64 * 1024, kLengthDigits = 6;

void add_word(PmiCommand& command, std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view key = word.substr(0, equals), value = word.substr(equals + 1);
  if (key == "cmd" || key == "mcmd") {
    command.name = value;
  } else {
    command.values[std::string(key)] = value;
  }
}

PmiCommand parse_line(std::string_view line) {
  PmiCommand command;
  while (!line.empty()) {
    const auto blank = line.find(' ');
    add_word(command, line.substr(0, blank));
    line = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
  }
  return command;
}

PmiCommand parse_counted(std::string_view text) {
  PmiCommand command;
  std::string word;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ';') {
      word.push_back(text[i]);
    } else if (i + 1 < text.size() && text[i + 1] == ';') {
      word.push_back(';');
      ++i;
    } else {
      add_word(command, word);
      word.clear();
    }
  }
  add_word(command, word);
  return command;
}

}  // namespace

std::string pmi_message(int version, PmiWords words) {
  std::string text;
  for (const auto& [key, value] : words) {
    if (version == 1) {
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
      continue;
    }
    text += fmt::format("{}=", key);
    for (const char c : value) text.append(c == ';' ? 2 : 1, c);
    text.push_back(';');
  }
  return version == 1 ? text + "\n" : fmt::format("{:6}{}", text.size(), text);
}

Result<std::optional<PmiCommand>> PmiReader::next() {
  if (version_ == 1) {
    const auto newline = buffer_.find('\n');
    if (newline == std::string::npos) {
      if (buffer_.size() > kCommandMax) return fail(Errc::corrupt, "PMI command of more than {} bytes", kCommandMax);
      return std::nullopt;
    }
    PmiCommand command = parse_line(std::string_view(buffer_).substr(0, newline));
    buffer_.erase(0, newline + 1);
    return command;
  }
  if (buffer_.size() < kLengthDigits) return std::nullopt;
  std::string_view digits = std::string_view(buffer_).substr(0, kLengthDigits);
  while (digits.starts_with(' ')) digits.remove_prefix(1);
  while (digits.ends_with(' ')) digits.remove_suffix(1);
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length > kCommandMax) {
    return fail(Errc::corrupt, "PMI command of length \"{}\"", digits);
  }
  if (buffer_.size() < kLengthDigits + length) return std::nullopt;
  PmiCommand command = parse_counted(std::string_view(buffer_).substr(kLengthDigits, length));
  buffer_.erase(0, kLengthDigits + length);
  return command;
}

}  // namespace flurm::stepd
