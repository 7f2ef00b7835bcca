// ctld/reported_run.cpp — see reported_run.hpp.
#include "ctld/reported_run.hpp"

namespace flurm::ctld {

ReportedRun reported_run(const model::Job& job, bool launch_taken) {
  using Fate = ReportedRun::Fate;
  if (job.state.pending()) return {.fate = Fate::too_late, .restart_count = job.restart_count};
  const bool running = job.state.running() || job.state.suspended();
  // The first run has no earlier one. Its report may overtake the answer to its launch, and need not wait for it.
  if (running && job.restart_count > 0 && !launch_taken) return {.fate = Fate::unclear};
  return {.fate = Fate::take, .restart_count = job.restart_count};
}

}  // namespace flurm::ctld
