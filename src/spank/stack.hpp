// spank/stack.hpp — the plugins of plugstack.conf, loaded into this process, and their options.
#pragma once
#include <sys/types.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "exec/environment.hpp"
#include "exec/plugstack.hpp"
#include "exec/step_messages.hpp"
#include "spank/abi.hpp"
#include "stepd/step_plugins.hpp"

namespace flurm::spank {

/// When plugins are called. The order is that of kFunctionNames.
enum class Phase : std::size_t {
  init,
  job_prolog,
  init_post_opt,
  local_user_init,
  user_init,
  task_init_privileged,
  task_init,
  task_post_fork,
  task_exit,
  job_epilog,
  slurmd_exit,
  exit,
};
inline constexpr std::array<const char*, 12> kFunctionNames = {
    "slurm_spank_init",          "slurm_spank_job_prolog",
    "slurm_spank_init_post_opt", "slurm_spank_local_user_init",
    "slurm_spank_user_init",     "slurm_spank_task_init_privileged",
    "slurm_spank_task_init",     "slurm_spank_task_post_fork",
    "slurm_spank_task_exit",     "slurm_spank_job_epilog",
    "slurm_spank_slurmd_exit",   "slurm_spank_exit"};

struct Task {
  std::uint32_t local_id = 0, global_id = 0;
  pid_t pid = -1;  ///< known from the call task_post_fork on
  std::optional<int> wait_status;
};

/// What plugins may ask. In the context job_script only uid, gid and job_id are there.
struct Job {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> gids;
  std::uint32_t job_id = 0, step_id = 0, node_count = 0, node_rank = 0, restart_count = 0;
  exec::StepSpank facts;
  std::vector<Task> tasks;
  exec::Environment* env = nullptr;  ///< that the plugins see and change
};

struct Plugin;
struct Option {
  const Plugin* plugin = nullptr;
  std::string name;
  bool has_argument = false;
  int value = 0;
  OptionCallback callback = nullptr;
  bool given = false;
  std::string argument;
};

struct Plugin {
  std::string path;
  const char* name = "";
  std::array<std::string, 4> version;  ///< of Slurm that it was compiled for: whole, major, minor, micro
  bool required = false;
  std::vector<std::string> arguments;
  std::vector<char*> argument_pointers;
  std::array<Function, kFunctionNames.size()> functions{};
  COption* table = nullptr;
};

using Tone = stepd::StepPlugins::Tone;
using Say = stepd::StepPlugins::Say;

/// One per process: plugins call back without saying whose they are. Plugins stay loaded until the process ends.
class Stack {
 public:
  /// Loads what is of use in `context`. A required plugin that cannot be loaded is an error, another one is passed
  /// over. Errors: exec::kPluginFailed, io, corrupt.
  static Result<std::unique_ptr<Stack>> load(Context context, const std::string& plugstack,
                                             const std::string& plugin_dir, Say say);
  ~Stack();
  /// Null before load().
  static Stack* current();

  /// Calls the plugins in turn. False: a required one failed, and those behind it were not called. task: index into
  /// job->tasks, or -1.
  bool call(Phase phase, Job* job = nullptr, int task = -1);

  /// Options as srun sent them, and as sbatch and salloc left them in the environment, out of which they are taken.
  void take_options(const std::vector<exec::SpankOption>& sent, exec::Environment& env);

  bool has(Phase phase) const;
  Context context() const { return context_; }
  void say(Tone tone, const std::string& text) const { say_(tone, text); }

  // For the functions that plugins call (api.cpp).
  Code add_option(const Plugin& plugin, const COption& option);
  /// Whether the option was given; its argument to `argument`. Looks into this process's environment for options that
  /// were not added, which is where those of a prolog are.
  bool find_option(const Plugin& plugin, const COption& option, char** argument);

 private:
  Stack(Context context, Say say) : context_(context), say_(std::move(say)) {}
  Result<std::unique_ptr<Plugin>> open(const exec::PlugstackEntry& entry, const std::string& plugin_dir) const;
  bool is_of_use(const Plugin& plugin) const;
  void give(Option& option, const std::string& argument);

  Context context_;
  Say say_;
  std::vector<std::unique_ptr<Plugin>> plugins_;
  std::deque<Option> options_;  ///< plugins keep pointers to arguments
};

/// What plugins hold while they are called.
struct Handle {
  std::uint32_t magic = kMagic;
  Stack* stack = nullptr;
  const Plugin* plugin = nullptr;
  Phase phase = Phase::init;
  Job* job = nullptr;
  int task = -1;

  static constexpr std::uint32_t kMagic = 0x5a4e4b31;
};

/// "_SLURM_SPANK_OPTION_plugin_name", what carries an option in an environment.
std::string option_variable(std::string_view plugin, std::string_view option);

}  // namespace flurm::spank
