// wire/msg/batch_job_launch.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/batch_job_launch.hpp"

#include "wire/plugin_data.hpp"
#include "wire/tres_text.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::since, codec::sized, codec::until;

void fields(Archive& ar, BatchJobLaunch& m) {
  ar("job_id", m.job_id, until(v25_11));
  ar("het_job_id", m.het_job_id);
  ar("uid", m.uid, until(v23_11));
  ar("gid", m.gid, until(v23_11));
  ar("user_name", m.user_name, until(v23_11));
  ar("gids", m.gids);
  ar("partition", m.partition);
  ar("ntasks", m.ntasks);
  ar("pn_min_memory", m.pn_min_memory);
  ar("open_mode", m.open_mode);
  ar("overcommit", m.overcommit);
  ar("array_job_id", m.array_job_id);
  ar("array_task_id", m.array_task_id);
  ar("acctg_freq", m.acctg_freq);
  ar("container", m.container);
  ar("cpu_bind_type", m.cpu_bind_type);
  ar("cpus_per_task", m.cpus_per_task);
  ar("restart_cnt", m.restart_cnt);
  ar("job_core_spec", m.job_core_spec);
  cpu_groups(ar, m.cpus_per_node, m.cpu_count_reps);
  ar("alias_list", m.alias_list, until(v24_11));
  ar("cpu_bind", m.cpu_bind);
  ar("nodes", m.nodes);
  ar("script", m.script);
  ar("work_dir", m.work_dir);
  ar("std_err", m.std_err);
  ar("std_in", m.std_in);
  ar("std_out", m.std_out);
  auto argc = static_cast<std::uint32_t>(m.argv.size()), envc = static_cast<std::uint32_t>(m.environment.size());
  ar("argc", count(argc));
  ar("argv", sized(m.argv, argc));
  ar("spank_job_env", m.spank_job_env);
  ar("envc", count(envc));
  ar("environment", sized(m.environment, envc));
  ar("job_mem", m.job_mem);
  versioned_cred(ar, m.cred_version, m.cred);
  select_jobinfo(ar);
  ar("account", m.account);
  ar("qos", m.qos);
  ar("resv_name", m.resv_name);
  ar("profile", m.profile);
  ar("tres_bind", tres_text(m.tres_bind, TresForm::binding));
  ar("tres_freq", m.tres_freq);
  ar("tres_per_task", tres_text(m.tres_per_task, TresForm::per_task), since(v25_05));
  ar("cpu_freq_min", m.cpu_freq_min, since(v24_11));
  ar("cpu_freq_max", m.cpu_freq_max, since(v24_11));
  ar("cpu_freq_gov", m.cpu_freq_gov, since(v24_11));
  ar("oom_kill_step", m.oom_kill_step, since(v24_11));
}

}  // namespace flurm::wire
