// wire/msg/launch_tasks.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/launch_tasks.hpp"

#include "wire/plugin_data.hpp"
#include "wire/tres_text.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::counted, codec::items, codec::Kind, codec::secret, codec::since,
    codec::sized, codec::unused, codec::until;

namespace {

constexpr std::uint32_t kSwitchNone = 100;

}  // namespace

void fields(Archive& ar, NodeTasks& m) {
  auto n = static_cast<std::uint32_t>(m.global_task_ids.size());
  ar("tasks_to_launch", count<std::uint16_t>(n));
  ar("global_task_ids", sized(m.global_task_ids, n));
}

void fields(Archive& ar, JobOption& m) {
  ar("type", m.type);
  ar("option", m.option);
  ar("optarg", m.optarg);
}

void fields(Archive& ar, LaunchTasks& m) {
  ar("step_id", m.step_id);
  ar("uid", m.uid, until(v23_11));
  ar("gid", m.gid, until(v23_11));
  ar("user_name", m.user_name, until(v23_11));
  ar("gids", m.gids);
  ar("het_job_node_offset", m.het_job_node_offset);
  ar("het_job_id", m.het_job_id);
  ar("het_job_tids", m.het_job_tids);                // the count is het_job_nnodes
  ar("het_job_tid_offsets", m.het_job_tid_offsets);  // the count is het_job_ntasks
  ar("het_job_offset", m.het_job_offset);
  ar("het_job_step_cnt", m.het_job_step_cnt);
  if (ar.kind() == Kind::layout || (m.het_job_offset < kNoVal32 && m.het_job_step_cnt > 0)) {
    ar("het_job_step_task_cnts", m.het_job_step_task_cnts, since(v25_05));
  }
  ar("het_job_task_offset", m.het_job_task_offset);
  ar("het_job_node_list", m.het_job_node_list);
  ar("mpi_plugin_id", m.mpi_plugin_id);
  ar("ntasks", m.ntasks);
  ar("ntasks_per_board", m.ntasks_per_board);
  ar("ntasks_per_core", m.ntasks_per_core);
  ar("ntasks_per_tres", m.ntasks_per_tres);
  ar("ntasks_per_socket", m.ntasks_per_socket);
  ar("job_mem_lim", m.job_mem_lim);
  ar("step_mem_lim", m.step_mem_lim);
  auto nnodes = static_cast<std::uint32_t>(m.tasks.size());
  ar("nnodes", count(nnodes));
  ar("cpus_per_task", m.cpus_per_task);
  ar("cpt_compact_array", m.cpt_compact_array, since(v23_11));
  ar("cpt_compact_reps", m.cpt_compact_reps, since(v23_11));
  ar("tres_per_task", tres_text(m.tres_per_task, TresForm::per_task));
  ar("threads_per_core", m.threads_per_core);
  ar("task_dist", m.task_dist);
  ar("node_cpus", m.node_cpus);
  ar("job_core_spec", m.job_core_spec);
  ar("accel_bind_type", m.accel_bind_type);
  versioned_cred(ar, m.cred_version, m.cred);
  ar("tasks", items(m.tasks, nnodes));
  ar("resp_port", counted<std::uint16_t>(m.resp_port));
  ar("orig_addr", m.orig_addr);
  ar("env", m.env);
  ar("spank_job_env", m.spank_job_env);
  ar("container", m.container);
  ar("cwd", m.cwd);
  ar("cpu_bind_type", m.cpu_bind_type);
  ar("cpu_bind", m.cpu_bind);
  ar("mem_bind_type", m.mem_bind_type);
  ar("mem_bind", m.mem_bind);
  ar("argv", m.argv);
  ar("flags", m.flags);
  ar("ofname", m.ofname);
  ar("efname", m.efname);
  ar("ifname", m.ifname);
  ar("io_port", counted<std::uint16_t>(m.io_port));
  ar("alloc_tls_cert", m.alloc_tls_cert, since(v25_05));
  ar("profile", m.profile);
  ar("task_prolog", m.task_prolog);
  ar("task_epilog", m.task_epilog);
  ar("slurmd_debug", m.slurmd_debug);
  ar("switch_plugin_id", unused<std::uint32_t>(kSwitchNone), until(v23_11));
  ar("options_tag", unused<std::string>("job_options"));
  ar("options", m.options);
  ar("alias_list", m.alias_list, until(v25_05));
  ar("complete_nodelist", m.complete_nodelist);
  ar("open_mode", m.open_mode);
  ar("acctg_freq", m.acctg_freq);
  ar("cpu_freq_min", m.cpu_freq_min);
  ar("cpu_freq_max", m.cpu_freq_max);
  ar("cpu_freq_gov", m.cpu_freq_gov);
  select_jobinfo(ar);
  ar("tres_bind", tres_text(m.tres_bind, TresForm::binding));
  ar("tres_freq", m.tres_freq);
  ar("x11", m.x11);
  ar("x11_alloc_host", m.x11_alloc_host);
  ar("x11_alloc_port", m.x11_alloc_port);
  ar("x11_magic_cookie", secret(m.x11_magic_cookie));
  ar("x11_target", m.x11_target);
  ar("x11_target_port", m.x11_target_port);
  ar("stepmgr", m.stepmgr, since(v24_05));
  ar("oom_kill_step", m.oom_kill_step, since(v24_11));
  bool no_stepmgr = false;
  ar("stepmgr_records", no_stepmgr, since(v24_05));
  if (no_stepmgr) ar.reject("records for a step manager");
}

void fields(Archive& ar, ReattachTasks& m) {
  ar("tls_cert", m.tls_cert, since(v25_05));
  ar("step_id", m.step_id);
  ar("io_key", secret(m.io_key), since(v23_11));
  ar("resp_port", counted<std::uint16_t>(m.resp_port));
  ar("io_port", counted<std::uint16_t>(m.io_port));
  ar("cred", m.cred, until(v23_11));
}

void fields(Archive& ar, ReattachTasksResponse& m) {
  ar("node_name", m.node_name);
  ar("return_code", m.return_code);
  auto ntasks = static_cast<std::uint32_t>(m.gtids.size());
  ar("ntasks", count(ntasks));
  ar("gtids", sized(m.gtids, ntasks));
  ar("local_pids", sized(m.local_pids, ntasks));
  ar("executable_names", items(m.executable_names, ntasks));
}

}  // namespace flurm::wire
