// exec/environment.cpp — see environment.hpp.
#include "exec/environment.hpp"

#include <algorithm>

namespace flurm::exec {
namespace {

bool is_named(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
}

}  // namespace

std::vector<std::string>::iterator Environment::find(std::string_view name) {
  return std::ranges::find_if(entries_, [&](const std::string& entry) { return is_named(entry, name); });
}

void Environment::set(std::string_view name, std::string_view value) {
  std::string entry;
  entry.reserve(name.size() + 1 + value.size());
  entry.append(name).append(1, '=').append(value);
  if (auto it = find(name); it != entries_.end()) {
    *it = std::move(entry);
  } else {
    entries_.push_back(std::move(entry));
  }
}

void Environment::set_default(std::string_view name, std::string_view value) {
  if (find(name) == entries_.end()) set(name, value);
}

void Environment::unset(std::string_view name) {
  if (auto it = find(name); it != entries_.end()) entries_.erase(it);
}

void Environment::merge(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    set(std::string_view(entry).substr(0, equals), std::string_view(entry).substr(equals + 1));
  }
}

void Environment::merge_harmless(const std::vector<std::string>& entries) {
  constexpr std::string_view kPrefix = "SPANK_";
  for (const std::string& entry : entries) merge({entry.starts_with(kPrefix) ? entry : std::string(kPrefix) + entry});
}

std::optional<std::string_view> Environment::get(std::string_view name) const {
  for (const std::string& entry : entries_) {
    if (is_named(entry, name)) return std::string_view(entry).substr(name.size() + 1);
  }
  return std::nullopt;
}

std::vector<char*> Environment::pointers() {
  std::vector<char*> result;
  result.reserve(entries_.size() + 1);
  for (std::string& entry : entries_) result.push_back(entry.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace flurm::exec
