// ctld/config_files.hpp — reads slurm.conf and what it includes from disk.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "conf/config.hpp"
#include "conf/diagnostic.hpp"

namespace flurm::ctld {

struct LoadedConfig {
  std::shared_ptr<const conf::Config> config;       // null when it has errors
  std::map<std::string, std::string> files;         // name (relative to slurm.conf's folder where it is inside) → text
  std::vector<conf::Diagnostic> diagnostics;
};

/// Blocks on the disk: call at start, or from a worker. Errors: io when slurm.conf itself cannot be read. What is wrong
/// inside stands in `diagnostics`.
Result<LoadedConfig> load_config(const std::string& path);

/// Writes every diagnostic to the log.
void log_diagnostics(const std::vector<conf::Diagnostic>& diagnostics);

}  // namespace flurm::ctld
