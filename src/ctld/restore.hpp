// ctld/restore.hpp — a controller's data directory made from a backup: `flurmctld -R FILE`.
#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "conf/flurm_conf.hpp"
#include "ctld/membership.hpp"

namespace flurm::ctld {

/// The members are those that the configuration names now. Returns what was restored, for people. Errors: corrupt (the
/// backup; also a format that this release does not know), einval (there is a log already; another cluster's backup), io.
Result<std::string> restore_backup(std::string_view backup, const std::string& cluster_name, const conf::FlurmConf& flurm_conf,
                                   const Membership& membership);

}  // namespace flurm::ctld
