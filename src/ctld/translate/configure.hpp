// ctld/translate/configure.hpp — from the configuration files to the command that brings them into the state.
#pragma once
#include "base/result.hpp"
#include "conf/config.hpp"
#include "conf/other_conf.hpp"
#include "state/command.hpp"

namespace flurm::ctld {

model::NodeConfig node_config(const conf::NodeDef& def);
/// slurm_user: the uid of SlurmUser.
state::Configure configure_command(const conf::Config& config, std::uint32_t slurm_user,
                                   const conf::TopologyConf& topology = {});

}  // namespace flurm::ctld
