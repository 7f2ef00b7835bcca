// noded/prolog_environment.cpp — see prolog_environment.hpp.
#include "noded/prolog_environment.hpp"

#include <sys/wait.h>

#include <string_view>

#include "fmt/format.h"

namespace flurm::noded {
namespace {

constexpr std::uint16_t kRestartUnknown = 0xffff;

void set_unless_empty(exec::Environment& env, std::string_view name, const std::string& value) {
  if (!value.empty()) env.set(name, value);
}

void set_from_credential(exec::Environment& env, const wire::Cred& credential) {
  set_unless_empty(env, "SLURM_JOB_ACCOUNT", credential.job_account);
  set_unless_empty(env, "SLURM_JOB_COMMENT", credential.job_comment);
  set_unless_empty(env, "SLURM_JOB_CONSTRAINTS", credential.job_constraints);
  set_unless_empty(env, "SLURM_JOB_CPUS_PER_NODE", repeated_values(credential.cpu_array, credential.cpu_array_reps));
  if (credential.job_ntasks != 0) env.set("SLURM_JOB_NTASKS", std::to_string(credential.job_ntasks));
  if (credential.job_nhosts != 0) env.set("SLURM_JOB_NUM_NODES", std::to_string(credential.job_nhosts));
  set_unless_empty(env, "SLURM_JOB_PARTITION", credential.job_partition);
  set_unless_empty(env, "SLURM_JOB_RESERVATION", credential.job_reservation);
  if (credential.job_restart_cnt != kRestartUnknown) {
    env.set("SLURM_JOB_RESTART_COUNT", std::to_string(credential.job_restart_cnt));
  }
  set_unless_empty(env, "SLURM_JOB_STDERR", credential.job_std_err);
  set_unless_empty(env, "SLURM_JOB_STDIN", credential.job_std_in);
  set_unless_empty(env, "SLURM_JOB_STDOUT", credential.job_std_out);
}

exec::Environment common(const PrologJob& job, const NodeFacts& facts) {
  exec::Environment env;
  env.merge_harmless(job.spank_job_env);
  const std::string job_id = std::to_string(job.job_id);
  env.set("SLURMD_NODENAME", facts.node_name);
  env.set("SLURM_CONF", facts.slurm_conf);
  env.set("SLURM_CLUSTER_NAME", facts.cluster_name);
  env.set("SLURM_JOB_ID", job_id);
  env.set("SLURM_JOB_UID", std::to_string(job.uid));
  env.set("SLURM_JOB_GID", std::to_string(job.gid));
  env.set("SLURM_JOB_WORK_DIR", job.work_dir);
  env.set("SLURM_JOB_USER", job.user_name);
  env.set("SLURM_JOBID", job_id);
  if (job.het_job_id != 0 && job.het_job_id != kNoVal32) {
    env.set("SLURM_PACK_JOB_ID", std::to_string(job.het_job_id));
    env.set("SLURM_HET_JOB_ID", std::to_string(job.het_job_id));
  }
  env.set("SLURM_UID", std::to_string(job.uid));
  set_unless_empty(env, "SLURM_NODE_ALIASES", job.alias_list);
  set_unless_empty(env, "SLURM_NODELIST", job.nodes);
  set_unless_empty(env, "SLURM_JOB_PARTITION", job.partition);
  if (job.credential) set_from_credential(env, *job.credential);
  return env;
}

}  // namespace

exec::Environment prolog_environment(const PrologJob& job, const NodeFacts& facts) {
  exec::Environment env = common(job, facts);
  env.set("SLURM_SCRIPT_CONTEXT", "prolog_slurmd");
  return env;
}

exec::Environment epilog_environment(const PrologJob& job, const EpilogJob& end, const NodeFacts& facts) {
  exec::Environment env = common(job, facts);
  env.set("SLURM_SCRIPT_CONTEXT", "epilog_slurmd");
  if (end.exit_code == kInfinite32) return env;
  const int status = static_cast<int>(end.exit_code);
  env.set("SLURM_JOB_DERIVED_EC", std::to_string(end.derived_exit_code));
  env.set("SLURM_JOB_EXIT_CODE", std::to_string(end.exit_code));
  env.set("SLURM_JOB_EXIT_CODE2", fmt::format("{}:{}", WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                                              WIFSIGNALED(status) ? WTERMSIG(status) : 0));
  return env;
}

}  // namespace flurm::noded
