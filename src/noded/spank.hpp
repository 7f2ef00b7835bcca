// noded/spank.hpp — SPANK plugins, which this daemon does not load: flurmspank does, in processes of its own.
#pragma once
#include <string>

#include "base/result.hpp"
#include "exec/fd.hpp"
#include "exec/step_messages.hpp"
#include "io/process.hpp"
#include "io/task.hpp"
#include "noded/step_plan.hpp"
#include "wire/msg/batch_job_launch.hpp"
#include "wire/msg/launch_tasks.hpp"

namespace flurm::noded {

/// Which plugins are called for each job.
struct SpankScripts {
  bool prolog = false, epilog = false;
};

/// Whether plugstack.conf names any. Read anew for each step, as slurmstepd does.
bool has_spank_plugins(const StepSettings& settings);

/// Beside flurmstepd, `supervisor`.
std::string spank_program(const std::string& supervisor);

// What the plugins of a step may ask about.
exec::StepSpank spank_of(const wire::BatchJobLaunch& job, const exec::StepLaunch& plan, const NodeFacts& facts,
                         const StepSettings& settings);
exec::StepSpank spank_of(const wire::LaunchTasks& order, const NodeFacts& facts, const StepSettings& settings);
exec::StepSpank spank_of_extern(const wire::Cred& cred, const NodeFacts& facts, const StepSettings& settings);

/// The plugins that are called when the daemon starts and ends: a process that lives as long as the daemon. One that
/// crashes costs nothing but what its plugins would have done at the end.
class SpankHost {
 public:
  /// Starts it and waits until its plugins have; a plugstack that names none starts nothing.
  /// Errors: exec::kPluginFailed, when a required plugin cannot be loaded or fails.
  Result<SpankScripts> start(const std::string& program, const StepSettings& settings);
  void watch(io::ChildWatch& children);
  /// Lets the plugins end, some seconds at most.
  io::Task<void> end(io::Loop& loop, io::ChildWatch& children);

 private:
  pid_t pid_ = 0;
  exec::Fd alive_;  ///< the process ends when this is closed
};

}  // namespace flurm::noded
