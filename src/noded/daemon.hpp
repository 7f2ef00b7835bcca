// noded/daemon.hpp — what every program of this room does when it becomes a daemon.
#pragma once
#include <cstdint>
#include <vector>

#include "base/log.hpp"
#include "conf/diagnostic.hpp"

namespace flurm::noded {

/// SlurmdDebug and as many -v.
Level level_of(std::uint16_t slurmd_debug, int verbose);

void log_problems(const std::vector<conf::Diagnostic>& problems);

}  // namespace flurm::noded
