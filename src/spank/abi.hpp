// spank/abi.hpp — the binary interface between slurmstepd and SPANK plugins: numbers, layouts and names that plugins
// were compiled with. (slurm/spank.h and slurm/slurm_errno.h of Slurm 22.05; the order of the items never changed.)
#pragma once
#include <cstdint>

namespace flurm::spank {

enum class Item : int {
  job_uid,
  job_gid,
  job_id,
  job_stepid,
  job_nnodes,
  job_nodeid,
  job_local_task_count,
  job_total_task_count,
  job_ncpus,
  job_argv,
  job_env,
  task_id,
  task_global_id,
  task_exit_status,
  task_pid,
  job_pid_to_global_id,
  job_pid_to_local_id,
  job_local_to_global_id,
  job_global_to_local_id,
  job_supplementary_gids,
  slurm_version,
  slurm_version_major,
  slurm_version_minor,
  slurm_version_micro,
  step_cpus_per_task,
  job_alloc_cores,
  job_alloc_mem,
  step_alloc_cores,
  step_alloc_mem,
  slurm_restart_count,
  job_array_id,
  job_array_task_id,
};

/// What plugins are told, and spank_strerror() puts into words.
enum Code : int {
  kSuccess = 0,
  kError = 3000,
  kBadArg,
  kNotTask,
  kEnvExists,
  kEnvNoExist,
  kNoSpace,
  kNotRemote,
  kNoExist,
  kNotExecd,
  kNotAvail,
  kNotLocal,
};

/// Where a plugin finds itself, as spank_context() says it.
enum class Context : int { none, local, remote, allocator, slurmd, job_script };

using OptionCallback = int (*)(int value, const char* argument, int remote);
struct COption {
  char* name;
  char* argument_name;
  char* usage;
  int has_argument;
  int value;
  OptionCallback callback;
};

struct Handle;
using Function = int (*)(Handle* handle, int argument_count, char** arguments);

}  // namespace flurm::spank
