// ctld/translate/launch.cpp — see launch.hpp.
#include "ctld/translate/launch.hpp"

#include "ctld/translate/info.hpp"

namespace flurm::ctld {
namespace {

using model::Job;

void set_variable(std::vector<std::string>& environment, std::string_view name, std::string_view value) {
  std::erase_if(environment, [&](std::string_view entry) {
    return entry.starts_with(name) && entry.substr(name.size()).starts_with('=');
  });
  environment.push_back(fmt::format("{}={}", name, value));
}

/// What clients before 24.05 put into the environment themselves, and later ones leave to the controller.
/// Source: slurm 24.11 src/slurmctld/job_scheduler.c _set_job_env().
void add_request(std::vector<std::string>& environment, const model::JobRequest& r) {
  constexpr std::uint8_t kAppend = 1;
  if (!r.name.empty()) set_variable(environment, "SLURM_JOB_NAME", r.name);
  if (r.open_mode != 0) set_variable(environment, "SLURM_OPEN_MODE", r.open_mode == kAppend ? "a" : "t");
  if (!r.acctg_freq.empty()) set_variable(environment, "SLURM_ACCTG_FREQ", r.acctg_freq);
}

}  // namespace

wire::BatchJobLaunch batch_launch(const state::ClusterState& state, const Job& job, const UserRecord& user, TimeS now,
                                  std::uint16_t version) {
  const model::JobRequest& r = *job.request;
  wire::BatchJobLaunch m;
  m.job_id = job.id;
  m.uid = r.user_id;
  m.gid = r.group_id;
  m.user_name = user.name;
  m.gids = user.gids;
  m.partition = job.partition;
  m.ntasks = r.num_tasks == kNoVal32 ? r.min_nodes : r.num_tasks;
  m.pn_min_memory = r.pn_min_memory;
  m.open_mode = r.open_mode;
  m.overcommit = r.overcommit;
  if (job.array) {
    m.array_job_id = job.array->array_job;
    m.array_task_id = job.array->task;
  }
  m.acctg_freq = r.acctg_freq;
  m.container = r.container;
  m.cpu_bind_type = r.cpu_bind_type;
  m.cpu_bind = r.cpu_bind;
  m.cpus_per_task = r.cpus_per_task == kNoVal16 ? 1 : r.cpus_per_task;
  m.restart_cnt = static_cast<std::uint16_t>(job.restart_count);
  m.job_core_spec = r.core_spec;
  std::vector<std::uint16_t> cpus;
  for (const model::NodeShare& share : job.allocation->shares) cpus.push_back(share.cpus);
  run_length(cpus, m.cpus_per_node, m.cpu_count_reps);
  m.nodes = job.allocation->nodes;
  m.script = job.payload->script;
  m.work_dir = r.work_dir;
  m.std_err = r.std_err;
  m.std_in = r.std_in;
  m.std_out = r.std_out;
  m.argv = job.payload->argv;
  m.spank_job_env = job.payload->spank_environment;
  m.environment = job.payload->environment;
  add_request(m.environment, r);
  if (job.array) {
    m.environment.push_back(fmt::format("SLURM_ARRAY_TASK_COUNT={}", job.array->task_count));
    m.environment.push_back(fmt::format("SLURM_ARRAY_TASK_MAX={}", job.array->task_max));
    m.environment.push_back(fmt::format("SLURM_ARRAY_TASK_MIN={}", job.array->task_min));
    m.environment.push_back(fmt::format("SLURM_ARRAY_TASK_STEP={}", job.array->task_step));
  }
  m.job_mem = r.pn_min_memory;
  m.cred_version = version;
  m.account = r.account;
  m.qos = r.qos;
  m.resv_name = job.reservation;
  m.profile = r.profile;
  m.tres_bind = r.tres_bind;
  m.tres_freq = r.tres_freq;
  m.tres_per_task = r.tres_per_task;
  m.cpu_freq_min = r.cpu_freq_min;
  m.cpu_freq_max = r.cpu_freq_max;
  m.cpu_freq_gov = r.cpu_freq_gov;
  m.cred = batch_cred(state, job, user, now);
  m.cred.signed_bytes = wire::pack_cred_body(m.cred, version);
  return m;
}

wire::PrologLaunch prolog_launch(const state::ClusterState& state, const Job& job, const UserRecord& user, TimeS now,
                                 std::uint16_t version) {
  const model::JobRequest& r = *job.request;
  wire::PrologLaunch m;
  m.job_id = job.id;
  m.uid = r.user_id;
  m.gid = r.group_id;
  m.user_name = user.name;
  m.nodes = job.allocation->nodes;
  m.std_err = r.std_err;
  m.std_out = r.std_out;
  m.work_dir = r.work_dir;
  m.spank_job_env = job.payload->spank_environment;
  m.cred = extern_cred(state, job, user, now);
  m.cred.signed_bytes = wire::pack_cred_body(m.cred, version);
  return m;
}

wire::KillJob kill_job_message(const Job& job, TimeS now) {
  wire::KillJob m;
  m.step_id.job_id = job.id;
  m.exit_code = job.exit_code;
  m.derived_ec = job.derived_exit_code;
  m.job_state = job.state.number();
  m.job_uid = job.request->user_id;
  m.job_gid = job.request->group_id;
  m.nodes = job.allocation ? job.allocation->nodes : std::string();
  m.spank_job_env = job.payload->spank_environment;
  m.start_time = job.start_time;
  m.time = now;
  m.work_dir = job.request->work_dir;
  return m;
}

}  // namespace flurm::ctld
