// cli/upgrade.cpp — see upgrade.hpp.
#include "cli/upgrade.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "cli/control.hpp"
#include "cli/processes.hpp"

namespace flurm::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{60};

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

}  // namespace

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
