// exec/plugstack.cpp — see plugstack.hpp.
#include "exec/plugstack.hpp"

#include <unistd.h>

#include <sstream>

#include "exec/fd.hpp"
#include "exec/spawn.hpp"
#include "fmt/format.h"

namespace flurm::exec {
namespace {

constexpr std::size_t kFileMax = 1u << 20;
constexpr int kIncludesMax = 16;  // one within the other

Result<void> read_into(std::vector<PlugstackEntry>& entries, const std::string& path, int depth,
                       std::vector<std::string>& problems) {
  if (depth > kIncludesMax) return fail(Errc::corrupt, "{}: files include each other", path);
  if (access(path.c_str(), F_OK) != 0) return {};
  FLURM_TRY(const std::string text, read_file(path, kFileMax));
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line.resize(std::min(line.find('#'), line.size()));
    std::istringstream words(line);
    std::string kind, what;
    if (!(words >> kind)) continue;
    words >> what;
    const bool known = kind == "required" || kind == "optional" || kind == "include";
    if (!known || what.empty()) {
      problems.push_back(fmt::format("{}:{}: not understood: {}", path, number, line));
      continue;
    }
    if (kind == "include") {
      const bool relative = !what.starts_with('/');
      const std::string pattern = relative ? path.substr(0, path.rfind('/') + 1) + what : what;
      for (const std::string& file : matching_paths(pattern))
        FLURM_TRY_VOID(read_into(entries, file, depth + 1, problems));
      continue;
    }
    PlugstackEntry& entry = entries.emplace_back();
    entry.required = kind == "required";
    entry.plugin = what;
    for (std::string argument; words >> argument;) entry.arguments.push_back(argument);
  }
  return {};
}

}  // namespace

Result<std::vector<PlugstackEntry>> read_plugstack(const std::string& path, std::vector<std::string>& problems) {
  std::vector<PlugstackEntry> entries;
  FLURM_TRY_VOID(read_into(entries, path, 0, problems));
  return entries;
}

std::string find_plugin(const std::string& plugin, const std::string& plugin_dir) {
  if (plugin.starts_with('/')) return plugin;
  std::istringstream directories(plugin_dir);
  for (std::string directory; std::getline(directories, directory, ':');) {
    const std::string path = fmt::format("{}/{}", directory, plugin);
    if (!directory.empty() && access(path.c_str(), R_OK) == 0) return path;
  }
  return {};
}

}  // namespace flurm::exec
