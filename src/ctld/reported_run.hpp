// ctld/reported_run.hpp — which run of a job a node's report is about. Slurm's messages name the job, not the run.
#pragma once
#include <cstdint>

#include "model/job.hpp"

namespace flurm::ctld {

struct ReportedRun {
  enum class Fate {
    take,      ///< it is about `restart_count`
    too_late,  ///< about a run that is over: to be answered, so that the node stops telling
    unclear,   ///< not to be answered: whoever still cares says it again, and then it will be clear
  };
  Fate fate = Fate::too_late;
  std::uint32_t restart_count = 0;
};

/// To be asked when the report comes in, not when its turn in the log comes: by then the job may have moved on.
///
/// A node takes the order to start a run only when it has nothing more to tell of the ones before. So what comes in
/// after it took the order is about this run; what comes in before can be an earlier one's, still on its way.
/// launch_taken: whether the batch node answered the launch of the job's present run.
ReportedRun reported_run(const model::Job& job, bool launch_taken);

}  // namespace flurm::ctld
