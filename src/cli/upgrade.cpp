// cli/upgrade.cpp — see upgrade.hpp.
#include "cli/upgrade.hpp"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "cli/control.hpp"
#include "cli/processes.hpp"
#include "conf/config.hpp"
#include "exec/fd.hpp"

namespace flurm::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{60}, kNodePatience{20};

Result<Fields> ask(const Site& site, const std::string& path) {
  FLURM_TRY(const std::string page, http_get(site.hosts[0], site.http_port, path));
  return read_fields(page);
}

/// A new process image serves, and the cluster is whole again.
bool took_over(const Site& site, const Fields& before, Fields& now) {
  auto told = ask(site, "/api/controller");
  if (!told || (*told)["started_us"] == before.at("started_us") || (*told)["serving"] != "true") return false;
  now = std::move(*told);
  auto status = ask(site, "/api/cluster/status");
  return status && (*status)["healthy"] == "true";
}

/// `site` is of one controller.
Result<void> upgrade_one(const Site& site, const std::string& program) {
  FLURM_TRY(Fields before, ask(site, "/api/controller"));
  if (!before.contains("started_us")) return fail(Errc::corrupt, "{}: its answer cannot be read", site.hosts[0]);
  const auto begin = Clock::now();
  FLURM_TRY_VOID(order(site, "/api/upgrade", program.empty() ? Fields{} : Fields{{"program", program}}));
  Fields now;
  while (!took_over(site, before, now)) {
    if (Clock::now() - begin > kPatience)
      return fail(Errc::timed_out, "{} does not serve again after {} s; look at its log", before["name"], kPatience.count());
    pause_briefly();
  }
  std::printf("%s: %s, version %s, after %.1f s\n", now["name"].c_str(), now["program"].c_str(), now["version"].c_str(),
              std::chrono::duration<double>(Clock::now() - begin).count());
  return {};
}

/// The file is written anew by each program that starts.
std::optional<timespec> written_at(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return info.st_mtim;
}

/// A pid file may have outlived its daemon, and the number may be another process's.
bool runs_flurmnd(int pid) {
  std::error_code error;
  const auto program = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), error);
  return !error && program.filename().string().starts_with("flurmnd");
}

bool same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

}  // namespace

Result<void> upgrade_node(const UpgradeOptions& options) {
  if (!options.program.empty())
    return fail(Errc::einval, "a node's daemon takes up what stands under the name it was started from; put the new program there");
  FLURM_TRY(const conf::Config config, load_slurm_conf(options.local_dir));
  const auto node = std::ranges::find(config.nodes, options.node, &conf::NodeDef::name);
  if (node == config.nodes.end()) return fail(Errc::einval, "slurm.conf has no NodeName={}", options.node);
  const std::string pid_file = conf::expand_node_path(config.slurmd_pidfile, *node);
  FLURM_TRY(const std::string text, exec::read_file(pid_file, 64));
  const int pid = std::atoi(text.c_str());
  const auto before = written_at(pid_file);
  const auto begin = Clock::now();
  if (!runs_flurmnd(pid) || !before || kill(pid, SIGUSR1) != 0)
    return fail(Errc::io, "{}: no daemon of {} runs here", pid_file, options.node);
  for (auto now = before; !now || same_time(*now, *before); now = written_at(pid_file)) {
    if (Clock::now() - begin > kNodePatience)
      return fail(Errc::timed_out, "the daemon of {} goes on with its old program; its log says why", options.node);
    pause_briefly();
  }
  std::printf("%s: the new program serves after %.1f s\n", options.node.c_str(),
              std::chrono::duration<double>(Clock::now() - begin).count());
  return {};
}

Result<void> upgrade_controllers(const UpgradeOptions& options) {
  FLURM_TRY(const Site site, find_site(options.local_dir));
  const std::string program = options.program.empty() ? "" : std::filesystem::absolute(options.program).string();
  bool found = false;
  for (std::size_t i = 0; i < site.hosts.size(); ++i) {
    if (!options.controller.empty() && options.controller != site.names[i]) continue;
    found = true;
    Site one = site;
    one.hosts = {site.hosts[i]};
    FLURM_TRY_VOID(upgrade_one(one, program));
  }
  if (!found) return fail(Errc::einval, "slurm.conf has no SlurmctldHost={}", options.controller);
  return {};
}

}  // namespace flurm::cli
