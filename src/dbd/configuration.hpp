// dbd/configuration.hpp — slurmdbd.conf from its file, and what it says of the database.
#pragma once
#include <string>

#include "conf/other_conf.hpp"
#include "store/session.hpp"

namespace flurm::dbd {

/// Reads the file and what it includes; what is wrong with lines is logged. Errors: io, einval.
Result<conf::SlurmdbdConf> load_configuration(const std::string& path);

store::Place place_of(const conf::SlurmdbdConf& conf);

}  // namespace flurm::dbd
