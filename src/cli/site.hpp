// cli/site.hpp — which cluster a command is about: its configuration files, and what they say.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "conf/config.hpp"
#include "conf/flurm_conf.hpp"

namespace flurm::cli {

/// slurm.conf of the local cluster in `local_dir`; where that is empty, SLURM_CONF, FLURM_CONFIG_FILE or
/// /etc/slurm/slurm.conf. Errors: io, no local cluster there.
Result<std::string> slurm_conf_path(const std::string& local_dir);

/// What it says. Errors: io, einval.
Result<conf::Config> load_slurm_conf(const std::string& local_dir);

/// flurm.conf beside that slurm.conf; it may be missing. FLURM_* of the environment wins, except for a local cluster,
/// which has settings of its own. Errors: einval.
Result<conf::FlurmConf> load_flurm_conf(const std::string& local_dir);

/// How to reach the controllers.
struct Site {
  std::vector<std::string> hosts;  ///< as clients reach them, in the order of the SlurmctldHost lines
  std::vector<std::string> names;  ///< of the same
  std::uint16_t http_port = 0;
  std::string munge_socket;  ///< empty: the system's
};
/// Errors: io, einval.
Result<Site> find_site(const std::string& local_dir);

}  // namespace flurm::cli
