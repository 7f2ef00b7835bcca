// spank/step.cpp — see step.hpp.
#include "spank/step.hpp"

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include "exec/fd.hpp"

namespace flurm::spank {
namespace {

/// While it lives, this process acts as the user in the user's directory, and can come back.
class ForAWhileAs {
 public:
  ForAWhileAs(const exec::Identity& user, const std::string& directory)
      : before_(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)), root_(geteuid() == 0) {
    if (root_) {
      groups_.resize(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
      if (getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0) groups_.clear();
      group_ = getegid();
      ready_ = setgroups(user.gids.size(), user.gids.data()) == 0 && setegid(user.gid) == 0 && seteuid(user.uid) == 0;
    }
    if (ready_ && chdir(directory.c_str()) != 0) ready_ = chdir("/tmp") == 0;
  }
  ~ForAWhileAs() {
    // A supervisor that stayed the user could not end the step: better that it is lost at once.
    if (root_ && (seteuid(0) != 0 || setegid(group_) != 0 || setgroups(groups_.size(), groups_.data()) != 0)) _exit(1);
    if (before_) (void)!fchdir(before_.get());
  }
  ForAWhileAs(const ForAWhileAs&) = delete;
  ForAWhileAs& operator=(const ForAWhileAs&) = delete;
  bool ready() const { return ready_; }

 private:
  exec::Fd before_;
  bool root_, ready_ = true;
  gid_t group_ = 0;
  std::vector<gid_t> groups_;
};

}  // namespace

Result<void> Step::begin(exec::StepLaunch& launch, Say say) {
  say_ = std::move(say);
  user_ = launch.user;
  work_dir_ = launch.work_dir;
  job_.uid = launch.user.uid;
  job_.gid = launch.user.gid;
  job_.gids.assign(launch.user.gids.begin(), launch.user.gids.end());
  job_.job_id = launch.key.job_id;
  job_.step_id = launch.key.step_id;
  job_.restart_count = launch.key.restart_count;
  job_.node_count = launch.key.step_id == kBatchStep ? 0 : launch.node_count;  // as slurmstepd
  job_.node_rank = launch.node_rank;
  job_.facts = *launch.spank;
  for (const exec::TaskLaunch& task : launch.tasks)
    job_.tasks.push_back({.local_id = static_cast<std::uint32_t>(job_.tasks.size()), .global_id = task.global_id});
  env_ = exec::Environment(launch.env);
  job_.env = &env_;
  FLURM_TRY(stack_, Stack::load(Context::remote, launch.spank->plugstack, launch.spank->plugin_dir,
                                [this](Tone tone, const std::string& text) { this->say(tone, text); }));
  if (!stack_->call(Phase::init, &job_)) return fail(exec::kPluginFailed, "a SPANK plugin refused the step");
  stack_->take_options(launch.spank->options, env_);
  if (!stack_->call(Phase::init_post_opt, &job_)) return fail(exec::kPluginFailed, "a SPANK plugin refused the step");
  launch.env = env_.entries();
  return {};
}

bool Step::before_tasks(exec::StepLaunch& launch) {
  bool going_on = false;
  if (const ForAWhileAs user(user_, work_dir_); user.ready()) going_on = stack_->call(Phase::user_init, &job_);
  launch.env = env_.entries();
  return going_on;
}

bool Step::task_forked(int local_id, pid_t pid) {
  if (local_id >= 0) job_.tasks[static_cast<std::size_t>(local_id)].pid = pid;
  return stack_->call(Phase::task_post_fork, &job_, local_id);
}

void Step::task_ended(int local_id, int wait_status) {
  job_.tasks[static_cast<std::size_t>(local_id)].wait_status = wait_status;
  (void)stack_->call(Phase::task_exit, &job_, local_id);
}

void Step::end() {
  if (stack_) (void)stack_->call(Phase::exit, &job_);
}

// --- in the task's process ----------------------------------------------------------------------------------------

bool Step::call_with(exec::Environment& env, Phase phase, int task) {
  job_.env = &env;
  return stack_->call(phase, &job_, task);
}

bool Step::task_as_root(std::size_t local_id, exec::Environment& env) {
  in_task_ = true;
  const bool going_on = call_with(env, Phase::task_init_privileged, static_cast<int>(local_id));
  if (!going_on) say_what_is_unsaid();
  return going_on;
}

bool Step::task_as_user(std::size_t local_id, exec::Environment& env) {
  say_what_is_unsaid();
  in_task_ = false;
  say_ = [](Tone tone, const std::string& text) {
    if (tone == Tone::error) exec::write_error_line(2, text);
    if (tone == Tone::plain) (void)exec::write_all(2, text + "\n");
  };
  return call_with(env, Phase::task_init, static_cast<int>(local_id));
}

void Step::say_what_is_unsaid() {
  for (const std::string& line : std::exchange(unsaid_, {})) (void)exec::write_all(2, line);
}

void Step::say(Tone tone, const std::string& text) {
  if (!in_task_) return say_(tone, text);
  if (tone == Tone::log_only) return;
  unsaid_.push_back((tone == Tone::error ? "slurmstepd: error: " : "") + text + "\n");
}

}  // namespace flurm::spank
