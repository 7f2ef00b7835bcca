// wire/msg/step_create.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/step_create.hpp"

#include "wire/plugin_data.hpp"
#include "wire/tres_text.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::between, codec::present_bool, codec::since, codec::until, codec::unused;

void fields(Archive& ar, LaunchParams& m) {
  ar("argv", m.argv);
  ar("env", m.env);
  ar("container", m.container);
  ar("cwd", m.cwd);
  ar("msg_timeout", m.msg_timeout);
  ar("ntasks_per_board", m.ntasks_per_board);
  ar("ntasks_per_core", m.ntasks_per_core);
  ar("ntasks_per_tres", m.ntasks_per_tres);
  ar("ntasks_per_socket", m.ntasks_per_socket);
  ar("buffered_stdio", m.buffered_stdio);
  ar("labelio", m.labelio);
  ar("output_filename", m.output_filename);
  ar("error_filename", m.error_filename);
  ar("input_filename", m.input_filename);
  ar("multi_prog", m.multi_prog);
  ar("no_alloc", m.no_alloc);
  ar("slurmd_debug", m.slurmd_debug);
  ar("het_job_node_offset", m.het_job_node_offset);
  ar("het_job_id", m.het_job_id);
  ar("het_job_nnodes", m.het_job_nnodes);
  ar("het_job_ntasks", m.het_job_ntasks);
  ar("het_job_step_cnt", m.het_job_step_cnt);
  ar("het_job_offset", m.het_job_offset);
  ar("het_job_task_offset", m.het_job_task_offset);
  ar("het_job_node_list", m.het_job_node_list);
  ar("parallel_debug", m.parallel_debug);
  ar("profile", m.profile);
  ar("task_prolog", m.task_prolog);
  ar("task_epilog", m.task_epilog);
  ar("cpu_bind_type", m.cpu_bind_type);
  ar("cpu_bind", m.cpu_bind);
  ar("cpu_freq_min", m.cpu_freq_min);
  ar("cpu_freq_max", m.cpu_freq_max);
  ar("cpu_freq_gov", m.cpu_freq_gov);
  ar("mem_bind_type", m.mem_bind_type);
  ar("mem_bind", m.mem_bind);
  ar("accel_bind_type", m.accel_bind_type);
  ar("max_sockets", m.max_sockets);
  ar("max_cores", m.max_cores);
  ar("max_threads", m.max_threads);
  ar("cpus_per_task", m.cpus_per_task);
  ar("cpt_compact_array", m.cpt_compact_array);
  ar("cpt_compact_reps", m.cpt_compact_reps);
  ar("threads_per_core", m.threads_per_core);
  ar("task_dist", m.task_dist);
  ar("tree_width", m.tree_width);
  ar("preserve_env", m.preserve_env);
  ar("mpi_plugin_name", m.mpi_plugin_name);
  ar("open_mode", m.open_mode);
  ar("acctg_freq", m.acctg_freq);
  ar("pty", m.pty);
  ar("spank_job_env", m.spank_job_env);
  ar("tres_bind", tres_text(m.tres_bind, TresForm::binding));
  ar("tres_freq", m.tres_freq);
  ar("oom_kill_step", m.oom_kill_step);
}

void fields(Archive& ar, JobStepCreateRequest& m) {
  ar("step_id", m.step_id);
  ar("array_task_id", m.array_task_id, since(v23_02));
  ar("user_id", m.user_id);
  ar("min_nodes", m.min_nodes);
  ar("max_nodes", m.max_nodes);
  ar("container", m.container);
  ar("container_id", m.container_id, since(v23_02));
  ar("container_type", m.container_type, since(v26_05));
  ar("cpu_count", m.cpu_count);
  ar("cpu_freq_min", m.cpu_freq_min);
  ar("cpu_freq_max", m.cpu_freq_max);
  ar("cpu_freq_gov", m.cpu_freq_gov);
  ar("num_tasks", m.num_tasks);
  ar("pn_min_memory", m.pn_min_memory);
  ar("time_limit", m.time_limit);
  ar("threads_per_core", m.threads_per_core);
  ar("ntasks_per_core", m.ntasks_per_core, since(v23_02));
  ar("relative", m.relative);
  ar("task_dist", m.task_dist);
  ar("plane_size", m.plane_size);
  ar("port", m.port);
  ar("immediate", m.immediate);
  ar("resv_port_cnt", m.resv_port_cnt);
  ar("srun_pid", m.srun_pid);
  ar("flags", m.flags);
  ar("host", m.host);
  ar("name", m.name);
  ar("network", m.network);
  ar("node_list", m.node_list);
  ar("exc_nodes", m.exc_nodes);
  ar("features", m.features);
  ar("step_het_comp_cnt", m.step_het_comp_cnt);
  ar("step_het_grps", m.step_het_grps);
  ar("cpus_per_tres", tres_text(m.cpus_per_tres));
  ar("mem_per_tres", tres_text(m.mem_per_tres));
  ar("ntasks_per_tres", m.ntasks_per_tres);
  ar("cwd", m.cwd, since(v25_05));
  ar("std_err", m.std_err, since(v25_05));
  ar("std_in", m.std_in, since(v25_05));
  ar("std_out", m.std_out, since(v25_05));
  ar("submit_line", m.submit_line);
  ar("tres_bind", tres_text(m.tres_bind, TresForm::binding));
  ar("tres_freq", m.tres_freq);
  ar("tres_per_step", tres_text(m.tres_per_step));
  ar("tres_per_node", tres_text(m.tres_per_node));
  ar("tres_per_socket", tres_text(m.tres_per_socket));
  ar("tres_per_task", tres_text(m.tres_per_task, TresForm::per_task));
  ar("launch_params", present_bool(m.launch_params), since(v26_05));
}

void fields(Archive& ar, JobStepCreateResponse& m) {
  ar("def_cpu_bind_type", m.def_cpu_bind_type);
  ar("resv_ports", m.resv_ports);
  ar("job_id", m.step_id.job_id, between(v23_02, v25_11));
  ar("job_step_id", m.step_id.step_id, until(v25_11));
  ar("step_id", m.step_id, since(v25_11));
  step_layout(ar, m.step_layout);
  ar("stepmgr", m.stepmgr, since(v24_05));
  if (ar.version() < v26_05) {
    Cred none;
    if (ar.fills()) m.cred.emplace();
    ar("cred", m.cred ? *m.cred : none);
  } else {
    ar("cred", present_bool(m.cred));
  }
  ar("state", m.state, since(v26_05));
  select_jobinfo(ar);
  if (ar.version() < v24_11) switch_stepinfo(ar);
  ar("use_protocol_ver", m.use_protocol_ver, until(v25_11));
}

void fields(Archive& ar, JobSbcastCred& m) {
  ar("job_id", m.job_id, until(v25_11));
  ar("node_list", m.node_list);
  ar("node_cnt", unused<std::uint32_t>(), until(v25_11));
  ar("sbcast_cred", m.sbcast_cred);
}

void fields(Archive& ar, UpdateJobStep& m) {
  ar("job_id", m.step_id.job_id, until(v25_11));
  ar("step_id", m.step_id.step_id, until(v25_11));
  ar("step_id", m.step_id, since(v25_11));
  ar("time_limit", m.time_limit);
}

}  // namespace flurm::wire
