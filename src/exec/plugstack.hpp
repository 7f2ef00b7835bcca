// exec/plugstack.hpp — plugstack.conf: which SPANK plugins there are. (spank(8))
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"

namespace flurm::exec {

/// A required plugin cannot be loaded, or refuses. Clients say "Plugin initialization failed" for it. (slurm 22.05
/// slurm/slurm_errno.h SLURM_PLUGIN_NAME_INVALID)
inline constexpr Errc kPluginFailed{1011};

struct PlugstackEntry {
  bool required = false;  ///< its failure is the failure of what it was loaded for
  std::string plugin;     ///< path, or a name to be looked for in PluginDir
  std::vector<std::string> arguments;
};

/// The plugins that the file and those it includes name, in order; a file that is missing names none. What cannot be
/// understood is passed over and said in `problems`, one line each. Errors: io, corrupt (files that include each other,
/// or a file too large).
Result<std::vector<PlugstackEntry>> read_plugstack(const std::string& path, std::vector<std::string>& problems);

/// Where a plugin's file is: `plugin` as it is when absolute, else the first that is found in the directories of
/// `plugin_dir`, which ':' separates; empty where there is none.
std::string find_plugin(const std::string& plugin, const std::string& plugin_dir);

}  // namespace flurm::exec
