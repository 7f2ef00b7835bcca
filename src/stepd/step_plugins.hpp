// stepd/step_plugins.hpp — programs of the site that take part in a step's life, as the supervisor sees them. Only
// flurmspank has such; the supervisor that most steps have, flurmstepd, is static and can load nothing.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "exec/step_messages.hpp"
#include "exec/task.hpp"

namespace flurm::stepd {

/// Called from the supervisor's one thread, in this order. A plugin that crashes takes the supervisor with it, and the
/// daemon reports the step as lost.
class StepPlugins : public exec::TaskHooks {
 public:
  enum class Tone { log_only, error, plain };  ///< what is not log_only the user sees too
  using Say = std::function<void(Tone, const std::string&)>;

  /// Before anything else of the step. May change the step's environment. Errors: exec::kPluginFailed.
  virtual Result<void> begin(exec::StepLaunch& launch, Say say) = 0;
  /// When the streams are connected, in the user's name. False: the step fails.
  virtual bool before_tasks(exec::StepLaunch& launch) = 0;
  /// Every task is a process and none runs its program. local_id -1: the extern step, which has none. False: the step
  /// fails.
  virtual bool task_forked(int local_id, pid_t pid) = 0;
  virtual void task_ended(int local_id, int wait_status) = 0;
  /// Once, at the end.
  virtual void end() = 0;
};

}  // namespace flurm::stepd
