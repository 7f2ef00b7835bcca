// wire/msg/jobacct.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/jobacct.hpp"

namespace flurm::wire {

using codec::Archive;

void fields(Archive& ar, TresRec& m) {
  ar("alloc_secs", m.alloc_secs);
  ar("count", m.count);
  ar("id", m.id);
  ar("name", m.name);
  ar("type", m.type);
}

void fields(Archive& ar, JobAcctInfo& m) {
  ar("user_cpu_sec", m.user_cpu_sec);
  ar("user_cpu_usec", m.user_cpu_usec);
  ar("sys_cpu_sec", m.sys_cpu_sec);
  ar("sys_cpu_usec", m.sys_cpu_usec);
  ar("act_cpufreq", m.act_cpufreq);
  ar("consumed_energy", m.consumed_energy);
  ar("tres_ids", m.tres_ids);
  ar("tres_list", m.tres_list);
  ar("tres_usage_in_max", m.tres_usage_in_max);
  ar("tres_usage_in_max_nodeid", m.tres_usage_in_max_nodeid);
  ar("tres_usage_in_max_taskid", m.tres_usage_in_max_taskid);
  ar("tres_usage_in_min", m.tres_usage_in_min);
  ar("tres_usage_in_min_nodeid", m.tres_usage_in_min_nodeid);
  ar("tres_usage_in_min_taskid", m.tres_usage_in_min_taskid);
  ar("tres_usage_in_tot", m.tres_usage_in_tot);
  ar("tres_usage_out_max", m.tres_usage_out_max);
  ar("tres_usage_out_max_nodeid", m.tres_usage_out_max_nodeid);
  ar("tres_usage_out_max_taskid", m.tres_usage_out_max_taskid);
  ar("tres_usage_out_min", m.tres_usage_out_min);
  ar("tres_usage_out_min_nodeid", m.tres_usage_out_min_nodeid);
  ar("tres_usage_out_min_taskid", m.tres_usage_out_min_taskid);
  ar("tres_usage_out_tot", m.tres_usage_out_tot);
}

}  // namespace flurm::wire
