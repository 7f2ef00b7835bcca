// wire/msg/step_info.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/step_info.hpp"

#include "wire/plugin_data.hpp"
#include "wire/tres_text.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::items, codec::since;

void fields(Archive& ar, JobStepInfoRequest& m) {
  ar("last_update", m.last_update);
  ar("step_id", m.step_id);
  ar("show_flags", m.show_flags);
}

void fields(Archive& ar, JobStepInfo& m) {
  ar("array_job_id", m.array_job_id);
  ar("array_task_id", m.array_task_id);
  ar("step_id", m.step_id);
  ar("user_id", m.user_id);
  ar("num_cpus", m.num_cpus);
  ar("cpu_freq_min", m.cpu_freq_min);
  ar("cpu_freq_max", m.cpu_freq_max);
  ar("cpu_freq_gov", m.cpu_freq_gov);
  ar("num_tasks", m.num_tasks);
  ar("task_dist", m.task_dist);
  ar("time_limit", m.time_limit);
  ar("state", m.state);
  ar("srun_pid", m.srun_pid);
  ar("start_time", m.start_time);
  ar("run_time", m.run_time);
  ar("cluster", m.cluster);
  ar("container", m.container);
  ar("container_id", m.container_id, since(v23_02));
  ar("container_type", m.container_type, since(v26_05));
  ar("partition", m.partition);
  ar("srun_host", m.srun_host);
  ar("resv_ports", m.resv_ports);
  ar("nodes", m.nodes);
  ar("name", m.name);
  ar("network", m.network);
  ar("node_inx", m.node_inx);
  select_jobinfo(ar);
  ar("tres_fmt_alloc_str", m.tres_fmt_alloc_str);
  ar("start_protocol_ver", m.start_protocol_ver);
  ar("cpus_per_tres", tres_text(m.cpus_per_tres));
  ar("mem_per_tres", tres_text(m.mem_per_tres));
  ar("job_name", m.job_name, since(v25_05));
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
}

void fields(Archive& ar, StepmgrJobInfo& m) {
  job_or_step_id(ar, m.step_id);
  ar("stepmgr", m.stepmgr);
}

void fields(Archive& ar, JobStepInfoResponse& m) {
  auto n = static_cast<std::uint32_t>(m.job_steps.size());
  ar("job_step_count", count(n));
  ar("last_update", m.last_update);
  ar("job_steps", items(m.job_steps, n));
  ar("stepmgr_jobs", m.stepmgr_jobs, since(v24_05));
}

}  // namespace flurm::wire
