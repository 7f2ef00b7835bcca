// conf/cgroup_conf.cpp — cgroup.conf(5).
#include "conf/key_file.hpp"
#include "conf/other_conf.hpp"

namespace flurm::conf {
namespace {

constexpr Word kPlugins[] = {{"autodetect", 0}, {"cgroup/v1", 0}, {"cgroup/v2", 0}, {"disabled", 0}};

std::span<const Key<CgroupConf>> keys() {
  using C = CgroupConf;
  constexpr Support kUsed = Support::acted, kNot = Support::later;
  static const Key<C> kKeys[] = {
      {.name = "CgroupAutomount", .support = kUsed, .field = &C::automount},
      {.name = "CgroupMountpoint", .support = kUsed, .field = &C::mountpoint},
      {.name = "CgroupPlugin", .support = kUsed, .field = &C::plugin, .choices = kPlugins},
      {.name = "CgroupSlice", .support = kNot, .field = &C::slice},
      {.name = "ConstrainCores", .support = kUsed, .field = &C::constrain_cores},
      {.name = "ConstrainDevices", .support = kUsed, .field = &C::constrain_devices},
      {.name = "ConstrainRAMSpace", .support = kUsed, .field = &C::constrain_ram},
      {.name = "ConstrainSwapSpace", .support = kUsed, .field = &C::constrain_swap},
      {.name = "AllowedRAMSpace", .support = kUsed, .field = &C::allowed_ram_percent},
      {.name = "AllowedSwapSpace", .support = kUsed, .field = &C::allowed_swap_percent},
      {.name = "MaxRAMPercent", .support = kUsed, .field = &C::max_ram_percent_of_node},
      {.name = "MaxSwapPercent", .support = kUsed, .field = &C::max_swap_percent_of_node},
      {.name = "MinRAMSpace", .support = kUsed, .field = &C::min_ram_mib},
      {.name = "MemorySwappiness", .support = kUsed, .field = &C::memory_swappiness, .high = 100},
      {.name = "IgnoreSystemd", .support = kUsed, .field = &C::ignore_systemd},
      {.name = "IgnoreSystemdOnFailure", .support = kUsed, .field = &C::ignore_systemd_on_failure},
      {.name = "EnableControllers", .support = kUsed, .field = &C::enable_controllers},
      {.name = "EnableExtraControllers", .support = kNot, .field = &C::enable_extra_controllers},
      {.name = "SignalChildrenProcesses", .support = kNot, .field = &C::signal_children_processes},
      {.name = "SystemdTimeout", .support = kNot, .field = &C::systemd_timeout_ms},
      {.name = "CgroupJobIdPaths", .support = kNot, .field = &C::cgroup_job_id_paths},
      {.name = "RootOwnedCgroups", .support = kNot, .field = &C::root_owned_cgroups},
  };
  return kKeys;
}

/// Kernel-memory limits and kin, which Linux and Slurm have given up.
constexpr std::string_view kWithoutEffect[] = {
    "AllowedDevicesFile", "AllowedKmemSpace",       "CgroupReleaseAgentDir", "ConstrainKmemSpace", "MaxKmemPercent",
    "MinKmemSpace",       "MemoryLimitEnforcement", "MemoryLimitThreshold",  "TaskAffinity"};

}  // namespace

Result<CgroupConf> parse_cgroup_conf(std::string_view text, const std::string& file, const IncludeText& include,
                                     std::vector<Diagnostic>& out) {
  const KeyFile<CgroupConf> kind{.name = "cgroup.conf",
                                 .keys = keys(),
                                 .without_effect = kWithoutEffect,
                                 .why = "has no effect any more; delete the line"};
  return parse_key_file(kind, text, file, include, out);
}

}  // namespace flurm::conf
