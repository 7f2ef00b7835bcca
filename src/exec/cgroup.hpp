// exec/cgroup.hpp — tracking by control groups, version 2 and version 1.
#pragma once
#include <memory>
#include <string>

#include "exec/process_tracker.hpp"

namespace flurm::exec {

/// `<root>/<job_path>/<step_name>` on the unified hierarchy; a task that is denied more devices than its step has
/// a group of its own in there. Errors: io (not mounted, no permission).
Result<std::unique_ptr<ProcessTracker>> make_cgroup_v2_tracker(const TrackerOptions& options);
/// The same below `<root>/freezer` and, as needed, `<root>/memory` and `<root>/devices`. Errors: io.
Result<std::unique_ptr<ProcessTracker>> make_cgroup_v1_tracker(const TrackerOptions& options);

/// A step's group whose supervisor was killed: SIGKILLs what is in it and gives it back, as well as the groups above it
/// that this leaves empty. path: `<job_path>/<step_name>`. False while something is there still; to be called again.
bool clear_cgroup(const std::string& root, const std::string& path);

}  // namespace flurm::exec
