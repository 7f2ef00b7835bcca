// exec/process_table.cpp — see process_table.hpp.
#include "exec/process_table.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>

#include "exec/fd.hpp"
#include "fmt/format.h"

namespace flurm::exec {

std::uint64_t ticks_per_second() {
  static const long ticks = sysconf(_SC_CLK_TCK);
  return static_cast<std::uint64_t>(ticks);
}

std::optional<ProcessInfo> process_info(pid_t pid) {
  const std::string text = read_small_file(fmt::format("/proc/{}/stat", pid));
  // The name may hold anything, also ')': the fields follow its last one.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessInfo info;
  info.pid = pid;
  unsigned long long user = 0, system = 0, start = 0, virtual_bytes = 0, major_faults = 0, childrens_faults = 0;
  long long rss_pages = 0;
  const int fields = std::sscanf(text.c_str() + name_end + 1,
                                 " %c %d %d %d %*d %*d %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d %*d %*d %*d %llu "
                                 "%llu %lld %*u %*u %*u %*u %*u %*u "
                                 "%*u %*u %*u %*u %*u %*u %*u %*d %u",
                                 &info.state, &info.parent, &info.group, &info.session, &major_faults,
                                 &childrens_faults, &user, &system, &start, &virtual_bytes, &rss_pages, &info.cpu);
  if (fields != 12) return std::nullopt;
  static const long page_bytes = sysconf(_SC_PAGESIZE);
  info.user_ticks = user;
  info.system_ticks = system;
  info.start_ticks = start;
  info.virtual_bytes = virtual_bytes;
  info.major_faults = major_faults + childrens_faults;
  info.rss_bytes = static_cast<std::uint64_t>(std::max(rss_pages, 0LL)) * static_cast<std::uint64_t>(page_bytes);
  return info;
}

ProcessIo process_io(pid_t pid) {
  unsigned long long read = 0, written = 0;
  const std::string text = read_small_file(fmt::format("/proc/{}/io", pid));
  (void)std::sscanf(text.c_str(), "rchar: %llu wchar: %llu", &read, &written);
  return {.read_bytes = read, .written_bytes = written};
}

std::uint32_t cpu_frequency(unsigned cpu) {
  std::uint32_t khz = 0;
  const std::string scaled =
      read_small_file(fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/cpuinfo_cur_freq", cpu));
  if (std::sscanf(scaled.c_str(), "%u", &khz) == 1) return khz;
  static const std::uint32_t mhz = [] {
    const std::string text = read_small_file("/proc/cpuinfo");
    const auto line = text.find("cpu MHz");
    const auto colon = line == std::string::npos ? line : text.find(':', line);
    double value = 0;
    if (colon != std::string::npos) (void)std::sscanf(text.c_str() + colon + 1, "%lf", &value);
    return static_cast<std::uint32_t>(value);
  }();
  return mhz;
}

std::vector<ProcessInfo> descendants(pid_t root) {
  std::vector<ProcessInfo> all;
  struct Close {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(opendir("/proc"));
  if (!directory) return all;
  while (const dirent* entry = readdir(directory.get())) {
    const char* name = entry->d_name;
    const char* end = name + std::char_traits<char>::length(name);
    pid_t pid = 0;
    if (auto [stop, error] = std::from_chars(name, end, pid); error != std::errc{} || stop != end) continue;
    if (auto info = process_info(pid)) all.push_back(*info);
  }
  // Grow the tree level by level: the part of `all` before `known` is inside it.
  std::size_t known = 0;
  std::vector<pid_t> inside{root};
  for (std::size_t i = 0; i < inside.size(); ++i) {
    for (std::size_t j = known; j < all.size(); ++j) {
      if (all[j].parent != inside[i]) continue;
      inside.push_back(all[j].pid);
      std::swap(all[known++], all[j]);
    }
  }
  all.resize(known);
  std::erase_if(all, [](const ProcessInfo& info) { return info.state == 'Z' || info.state == 'X'; });
  return all;
}

}  // namespace flurm::exec
