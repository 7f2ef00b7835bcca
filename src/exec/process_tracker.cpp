// exec/process_tracker.cpp — choice of the mechanism.
#include "exec/process_tracker.hpp"

#include <sys/prctl.h>

#include "exec/cgroup.hpp"
#include "exec/session_tracker.hpp"
#include "fmt/format.h"

namespace flurm::exec {

Result<std::unique_ptr<ProcessTracker>> make_tracker(const TrackerOptions& options, std::string* note) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  note->clear();
  std::string why = "devices can be denied to control groups only";
  if (options.kind == TrackerKind::cgroup) {
    auto v2 = make_cgroup_v2_tracker(options);
    if (v2) return std::move(*v2);
    auto v1 = make_cgroup_v1_tracker(options);
    if (v1) return std::move(*v1);
    why = fmt::format("cgroups cannot be used ({}; {})", v2.error().text, v1.error().text);
    *note = why + ", following processes by descent";
  }
  if (!options.denied_devices.empty()) return fail(Errc::io, "{}", why);
  return std::make_unique<SessionTracker>();
}

}  // namespace flurm::exec
