// spank/step.hpp — SPANK plugins in the life of a step: the context that Slurm calls remote.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "spank/stack.hpp"
#include "stepd/step_plugins.hpp"

namespace flurm::spank {

class Step final : public stepd::StepPlugins {
 public:
  Result<void> begin(exec::StepLaunch& launch, Say say) override;
  bool before_tasks(exec::StepLaunch& launch) override;
  bool task_forked(int local_id, pid_t pid) override;
  void task_ended(int local_id, int wait_status) override;
  void end() override;

  // In the task's process.
  bool task_as_root(std::size_t local_id, exec::Environment& env) override;
  bool task_as_user(std::size_t local_id, exec::Environment& env) override;

 private:
  bool call_with(exec::Environment& env, Phase phase, int task);
  void say_what_is_unsaid();
  void say(Tone tone, const std::string& text);

  std::unique_ptr<Stack> stack_;
  Job job_;
  exec::Environment env_;  ///< of the step
  exec::Identity user_;
  std::string work_dir_;
  Say say_;
  bool in_task_ = false;
  std::vector<std::string> unsaid_;  ///< in the task, before its standard error is there
};

}  // namespace flurm::spank
