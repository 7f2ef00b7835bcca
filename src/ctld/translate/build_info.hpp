// ctld/translate/build_info.hpp — the configuration as `scontrol show config` asks for it: conf::Config →
// wire::SlurmConf.
#pragma once
#include <cstdint>
#include <string>

#include "base/types.hpp"
#include "conf/config.hpp"
#include "conf/other_conf.hpp"
#include "wire/msg/slurm_conf.hpp"

namespace flurm::ctld {

/// What the answer tells beyond slurm.conf.
struct BuildFacts {
  TimeS now, boot_time;
  std::uint32_t next_job_id = 1;
  std::string version;  ///< of Slurm, whose behaviour we show: "22.05.8"
  std::string slurm_conf_path;
  std::string host;  ///< short name of this machine, for SlurmctldHost=localhost
  std::uint32_t slurm_user_id = 0, slurmd_user_id = 0;
  std::string plugindir;                          ///< where PluginDir is not configured
  std::string mail_prog;                          ///< where MailProg is not configured
  const conf::CgroupConf* cgroup_conf = nullptr;  ///< cgroup.conf, where there is one
};

/// RESPONSE_BUILD_INFO, as _fill_ctld_conf() of Slurm 22.05 fills it.
wire::SlurmConf build_info(const conf::Config& conf, const BuildFacts& facts);

}  // namespace flurm::ctld
