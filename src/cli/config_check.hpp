// cli/config_check.hpp — `flurm config check FILE`.
#pragma once
#include <string>

namespace flurm::cli {

/// Prints every problem of FILE to standard output; for slurm.conf also those of gres.conf, cgroup.conf, topology.conf
/// and flurm.conf in the same folder, where they exist. 0: no errors (warnings are allowed), 1: errors.
int config_check(const std::string& file);

}  // namespace flurm::cli
