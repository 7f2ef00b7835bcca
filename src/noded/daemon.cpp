// noded/daemon.cpp — see daemon.hpp.
#include "noded/daemon.hpp"

#include <algorithm>
#include <iterator>

namespace flurm::noded {

Level level_of(std::uint16_t slurmd_debug, int verbose) {
  constexpr Level kLevels[] = {Level::fatal,   Level::fatal, Level::error, Level::info,
                               Level::verbose, Level::debug, Level::debug2};
  const std::size_t at =
      std::min(std::size_t{slurmd_debug} + static_cast<std::size_t>(verbose), std::size(kLevels) - 1);
  return kLevels[at];
}

void log_problems(const std::vector<conf::Diagnostic>& problems) {
  for (const conf::Diagnostic& problem : problems) {
    log(problem.severity == conf::Severity::error ? Level::error : Level::warn, "noded.config",
        {{"problem", conf::to_string(problem)}});
  }
}

}  // namespace flurm::noded
