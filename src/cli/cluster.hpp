// cli/cluster.hpp — `flurm cluster`: the controllers as they see each other.
#pragma once
#include <string>

namespace flurm::cli {

struct ClusterOptions {
  std::string local_dir;  ///< a local cluster's folder; empty: SLURM_CONF, FLURM_CONFIG_FILE or /etc/slurm/slurm.conf
  bool json = false;
};

/// Prints what the first controller that answers says of all. 0: healthy, 3: not, 1: none answers.
int cluster_status(const ClusterOptions& options);
/// Where the configuration read here says that a controller is; empty when it does not.
std::string configured_address(const ClusterOptions& options, const std::string& name);
/// Prints which release each controller runs, and which format of the state is in use. 1: none answers.
int cluster_versions(const ClusterOptions& options);

}  // namespace flurm::cli
