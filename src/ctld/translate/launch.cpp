// ctld/translate/launch.cpp — see launch.hpp.
#include "ctld/translate/launch.hpp"

#include "base/hostlist.hpp"
#include "ctld/translate/allocation.hpp"
#include "ctld/translate/gres.hpp"
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

/// "2(x2),1"
template <class T>
std::string run_lengths(const std::vector<T>& values) {
  std::vector<T> each;
  std::vector<std::uint32_t> counts;
  run_length(values, each, counts);
  std::string out;
  for (std::size_t i = 0; i < each.size(); ++i)
    out += fmt::format("{}{}{}", i ? "," : "", each[i], counts[i] > 1 ? fmt::format("(x{})", counts[i]) : "");
  return out;
}

/// How many of the job's tasks a node has, dealt out by blocks.
std::vector<std::uint16_t> tasks_per_node(const Job& job) {
  const model::JobRequest& r = *job.request;
  const std::uint32_t each = r.cpus_per_task == kNoVal16 || r.cpus_per_task == 0 ? 1 : r.cpus_per_task;
  std::vector<std::uint16_t> tasks;
  std::uint32_t left = r.num_tasks == kNoVal32 || r.num_tasks == 0 ? job.allocation->total_cpus() / each : r.num_tasks;
  const auto nodes = static_cast<std::uint32_t>(job.allocation->shares.size());
  left -= std::min(left, nodes);  // one for each node first
  for (const model::NodeShare& share : job.allocation->shares) {
    const std::uint32_t more = std::min(left, std::max(share.cpus / each, 1u) - 1);
    tasks.push_back(static_cast<std::uint16_t>(1 + more));
    left -= more;
  }
  for (std::size_t i = 0; left > 0; i = (i + 1) % tasks.size(), --left) ++tasks[i];  // more than there are CPUs
  return tasks;
}

/// What the script is told of all components. Source: slurm 22.05 src/slurmctld/job_scheduler.c _set_het_job_env().
void add_components(std::vector<std::string>& environment, const state::ClusterState& state, const Job& leader) {
  for (JobId id : leader.het->components) {
    const Job* job = state.job(id);
    if (!job || !job->allocation) continue;
    const model::JobRequest& r = *job->request;
    const auto set = [&](std::string_view name, const std::string& value) {
      for (const char* word : {"PACK", "HET"})
        set_variable(environment, fmt::format("{}_{}_GROUP_{}", name, word, job->het->offset), value);
    };
    if (!r.account.empty()) set("SLURM_JOB_ACCOUNT", r.account);
    set("SLURM_JOB_CPUS_PER_NODE", run_lengths(usable_cpus(*job)));
    set("SLURM_JOB_ID", std::to_string(id.v));
    set("SLURM_JOB_NAME", r.name);
    set("SLURM_JOB_NODELIST", job->allocation->nodes);
    set("SLURM_JOB_NUM_NODES", std::to_string(job->allocation->shares.size()));
    set("SLURM_JOB_PARTITION", job->partition);
    if (!r.qos.empty()) set("SLURM_JOB_QOS", r.qos);
    if (!job->reservation.empty()) set("SLURM_JOB_RESERVATION", job->reservation);
    if (r.pn_min_memory & model::kMemoryPerCpu) {
      set("SLURM_MEM_PER_CPU", std::to_string(r.pn_min_memory & ~model::kMemoryPerCpu));
    } else if (r.pn_min_memory != 0) {
      set("SLURM_MEM_PER_NODE", std::to_string(r.pn_min_memory));
    }
    set("SLURM_TASKS_PER_NODE", run_lengths(tasks_per_node(*job)));
  }
  for (const char* word : {"PACK", "HET"})
    set_variable(environment, fmt::format("SLURM_{}_SIZE", word), std::to_string(leader.het->components.size()));
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
  m.ntasks = r.num_tasks == kNoVal32 ? 0 : r.num_tasks;  // 0: the job did not say, and SLURM_NTASKS is not set
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
  run_length(usable_cpus(job), m.cpus_per_node, m.cpu_count_reps);
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
  if (job.het) {
    m.het_job_id = job.het->leader();
    add_components(m.environment, state, job);
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
  if (job.het) m.het_job_id = job.het->leader();
  m.nodes = job.allocation->nodes;
  m.std_err = r.std_err;
  m.std_out = r.std_out;
  m.work_dir = r.work_dir;
  m.spank_job_env = job.payload->spank_environment;
  m.job_gres_prep = gres_for_scripts(job);
  if (r.x11 != 0) {
    m.x11 = r.x11;
    m.x11_alloc_host = r.resp_host;
    m.x11_alloc_port = r.other_port;
    m.x11_magic_cookie = job.payload->x11_cookie;
    m.x11_target = job.payload->x11_target;
    m.x11_target_port = job.payload->x11_target_port;
  }
  m.cred = extern_cred(state, job, user, now);
  m.cred.signed_bytes = wire::pack_cred_body(m.cred, version);
  return m;
}

bool lost_a_node(const Job& job) {
  const auto nodes = job.allocation ? HostSet::parse(job.allocation->nodes) : HostSet();
  return nodes && !job.failed_node.empty() && nodes->index(job.failed_node);
}

wire::KillJob kill_job_message(const Job& job, TimeS now) {
  wire::KillJob m;
  m.step_id.job_id = job.id;
  if (job.het) m.het_job_id = job.het->leader();
  m.exit_code = job.exit_code;
  m.derived_ec = job.derived_exit_code;
  model::JobState state = job.state;
  if (state.has(model::job_flag::requeue) && lost_a_node(job)) state.base = model::JobBase::node_fail;  // of this run
  m.job_state = state.number();
  m.job_uid = job.request->user_id;
  m.job_gid = job.request->group_id;
  m.nodes = job.allocation ? job.allocation->nodes : std::string();
  m.spank_job_env = job.payload->spank_environment;
  m.job_gres_prep = gres_for_scripts(job);
  m.start_time = job.start_time;
  m.time = now;
  m.work_dir = job.request->work_dir;
  return m;
}

}  // namespace flurm::ctld
