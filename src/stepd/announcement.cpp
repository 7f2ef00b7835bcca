// stepd/announcement.cpp — see announcement.hpp.
#include "stepd/announcement.hpp"

#include <signal.h>

#include <ctime>

#include "exec/step_messages.hpp"
#include "fmt/format.h"

namespace flurm::stepd {

std::optional<std::string> announcement(std::uint16_t signal, const AnnouncementContext& context) {
  const std::string step = context.step_id == kBatchStep ? fmt::format("JOB {}", context.job_id)
                                                         : fmt::format("STEP {}.{}", context.job_id, context.step_id);
  const auto cancelled = [&](std::string_view reason) {
    return fmt::format("*** {} ON {} CANCELLED AT {}{} ***", step, context.node, context.local_time, reason);
  };
  switch (signal) {
    case exec::kSignalTimeLimit:
      return cancelled(" DUE TO TIME LIMIT");
    case exec::kSignalPreempted:
      return cancelled(" DUE TO PREEMPTION");
    case exec::kSignalNodeFail:
      return cancelled(" DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS");
    case exec::kSignalRequeued:
      return cancelled(" DUE TO JOB REQUEUE");
    case exec::kSignalFailure:
      return fmt::format("*** {} ON {} FAILED (non-zero exit code or other failure mode) ***", step, context.node);
    case exec::kSignalUncorrectableMemory:
      return fmt::format("*** {} ON {} UNCORRECTABLE MEMORY ERROR AT {} ***", step, context.node, context.local_time);
    case SIGTERM:
    case SIGKILL:
    case exec::kSignalTermKill:
      return cancelled("");
    default:
      return std::nullopt;
  }
}

std::string local_time_text(TimeS when) {
  const std::time_t seconds = when.v;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts));
}

}  // namespace flurm::stepd
