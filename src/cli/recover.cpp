// cli/recover.cpp — see recover.hpp.
#include "cli/recover.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "cli/control.hpp"
#include "fmt/ranges.h"
#include "replog/recovery.hpp"

namespace flurm::cli {
namespace {

/// "ctl1@10.0.0.1:9101" is ctl1.
std::string name_of(const replog::Member& member) { return member.address.substr(0, member.address.find('@')); }

/// Some controller says that one leads, and a majority is there.
bool others_go_on(const Site& site) {
  return std::ranges::any_of(site.hosts, [&](const std::string& host) {
    const auto page = http_get(host, site.http_port, "/api/cluster/status");
    auto fields = page ? read_fields(*page) : fail(page.error());
    return fields && (*fields)["quorum"] == "true";
  });
}

}  // namespace

Result<void> recover_cluster(const RecoverOptions& options) {
  FLURM_TRY(const replog::Survivor survivor, replog::look_at_survivor(options.data_dir));
  std::string own;
  std::vector<std::string> others;
  for (const replog::Member& member : survivor.members) {
    if (member.id == survivor.self)
      own = name_of(member);
    else
      others.push_back(name_of(member));
  }
  fmt::print(
      "The log of {} ends with entry {}. Only this is left: what other controllers ({}) acknowledged and it\n"
      "never got is lost. Jobs may be missing or appear as they were earlier; nodes end what no job is known for.\n"
      "Of several controllers that are left, choose the one whose log goes furthest (flurm log list --data DIR).\n"
      "Afterwards {} is a cluster of its own. Never start another one with its old directory: they would be\n"
      "a second cluster for the same nodes. Empty those directories, then: flurm cluster add NAME.\n",
      own, survivor.last, fmt::join(others, ", "), own);
  if (!options.yes) return fail(Errc::einval, "nothing was changed; --yes does it");
  FLURM_TRY_VOID(replog::recover_alone(options.data_dir));
  fmt::print("{} is the only controller now; start it.\n", own);
  return {};
}

Result<void> rebuild_controller(const RebuildOptions& options) {
  FLURM_TRY(const Site site, find_site(options.local_dir));
  if (!others_go_on(site))
    return fail(Errc::einval,
                "the other controllers are no majority, so this log may be all there is: see flurm cluster recover");
  FLURM_TRY(const std::string kept, replog::begin_anew(options.data_dir));
  fmt::print("The old files are in {}. Start the controller: it gets everything from the others.\n", kept);
  return {};
}

}  // namespace flurm::cli
