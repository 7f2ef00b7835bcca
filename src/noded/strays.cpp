// noded/strays.cpp — see strays.hpp.
#include "noded/strays.hpp"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include "base/log.hpp"
#include "exec/cgroup.hpp"
#include "exec/fd.hpp"
#include "fmt/format.h"
#include "noded/batch_environment.hpp"
#include "noded/step_plan.hpp"

namespace flurm::noded {
namespace {

constexpr std::size_t kEnvironmentMax = 16u << 20;

/// What the environment of each process of the job says; batch_environment() and step_environment() put it there.
std::vector<std::string> entries_of(const NodeFacts& node, std::uint32_t job_id) {
  return {fmt::format("SLURM_JOB_ID={}", job_id), "SLURMD_NODENAME=" + node.node_name, "SLURM_CONF=" + node.slurm_conf};
}

bool belongs(pid_t pid, const std::vector<std::string>& entries, std::uint32_t uid) {
  struct stat about {};
  const std::string directory = fmt::format("/proc/{}", pid);
  if (stat(directory.c_str(), &about) != 0 || about.st_uid != uid) return false;
  const auto environment = exec::read_file(directory + "/environ", kEnvironmentMax);
  if (!environment) return false;
  const std::string ended = '\0' + *environment;
  return std::ranges::all_of(
      entries, [&](const std::string& entry) { return ended.find('\0' + entry + '\0') != std::string::npos; });
}

}  // namespace

int kill_strays(const NodeFacts& node, std::uint32_t job_id, std::uint32_t uid) {
  const std::vector<std::string> entries = entries_of(node, job_id);
  struct Close {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> processes(opendir("/proc"));
  int killed = 0;
  while (const dirent* entry = processes ? readdir(processes.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size() || pid == getpid()) continue;
    if (belongs(pid, entries, uid) && kill(pid, SIGKILL) == 0) ++killed;
  }
  if (killed > 0) log(Level::warn, "noded.strays_killed", {{"job_id", job_id}, {"processes", killed}});
  return killed;
}

bool clear_cgroup_of(const NodeFacts& node, const std::string& cgroup_root, const exec::StepKey& step) {
  return exec::clear_cgroup(cgroup_root, job_cgroup(node, step.job_id) + "/" + exec::step_file_name(step.step_id));
}

void remove_step_files(const std::string& directory, std::uint32_t step_id) {
  const std::string base = directory + "/" + exec::step_file_name(step_id);
  for (const std::string& path : {directory + "/" + std::string(exec::kScriptName), base + ".sock", base + ".state"}) {
    unlink(path.c_str());
  }
  rmdir(directory.c_str());
}

}  // namespace flurm::noded
