// wire/msg/srun.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/srun.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::sized;

void fields(Archive& ar, SrunTimeout& m) {
  ar("step_id", m.step_id);
  ar("timeout", m.timeout);
}

void fields(Archive& ar, SrunNodeFail& m) {
  ar("step_id", m.step_id);
  ar("nodelist", m.nodelist);
}

void fields(Archive& ar, SrunUser& m) {
  job_or_step_id(ar, m.step_id);
  ar("msg", m.msg);
}

void fields(Archive& ar, NetForward& m) {
  ar("job_id", m.job_id);
  ar("flags", m.flags);
  ar("port", m.port);
  ar("target", m.target);
}

void fields(Archive& ar, LaunchTasksResponse& m) {
  ar("step_id", m.step_id);
  ar("return_code", m.return_code);
  ar("node_name", m.node_name);
  auto count_of_pids = static_cast<std::uint32_t>(m.local_pids.size());
  ar("count_of_pids", count(count_of_pids));
  ar("local_pids", sized(m.local_pids, count_of_pids));
  ar("task_ids", sized(m.task_ids, count_of_pids));
}

void fields(Archive& ar, TaskExit& m) {
  ar("return_code", m.return_code);
  auto num_tasks = static_cast<std::uint32_t>(m.task_id_list.size());
  ar("num_tasks", count(num_tasks));
  ar("task_id_list", sized(m.task_id_list, num_tasks));
  ar("step_id", m.step_id);
}

}  // namespace flurm::wire
