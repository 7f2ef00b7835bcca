// wire/msg/node_registration.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/node_registration.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::counted, codec::Kind, codec::since, codec::sized;

void fields(Archive& ar, NodeRegistrationStatus& m) {
  ar("timestamp", m.timestamp);
  ar("slurmd_start_time", m.slurmd_start_time);
  ar("status", m.status);
  ar("extra", m.extra, since(v23_11));
  ar("features_active", m.features_active);
  ar("features_avail", m.features_avail);
  ar("hostname", m.hostname);
  ar("instance_id", m.instance_id, since(v23_11));
  ar("instance_type", m.instance_type, since(v23_11));
  ar("node_name", m.node_name);
  ar("arch", m.arch);
  ar("cpu_spec_list", m.cpu_spec_list);
  ar("mem_spec_limit", m.mem_spec_limit, since(v25_05));
  ar("os", m.os);
  ar("parameters", m.parameters, since(v25_11));
  ar("cpus", m.cpus);
  ar("boards", m.boards);
  ar("sockets", m.sockets);
  ar("cores", m.cores);
  ar("threads", m.threads);
  ar("real_memory", m.real_memory);
  ar("tmp_disk", m.tmp_disk);
  ar("up_time", m.up_time);
  ar("hash_val", m.hash_val);
  ar("cpu_load", m.cpu_load);
  ar("free_mem", m.free_mem);
  ar("step_id", m.step_id);
  ar("flags", m.flags);
  auto gres_bytes = static_cast<std::uint32_t>(m.gres_info.size());
  ar("gres_info_size", count(gres_bytes));
  if (gres_bytes != 0 || ar.kind() == Kind::layout) ar("gres_info", sized(m.gres_info, gres_bytes));
  ar("energy", m.energy);
  ar("version", m.version);
  ar("dynamic_type", m.dynamic_type);
  ar("dynamic_conf", m.dynamic_conf);
  ar("dynamic_feature", m.dynamic_feature);
}

void fields(Archive& ar, NodeRegistrationResponse& m) {
  ar("tres_list", m.tres_list);
  ar("node_name", m.node_name);
}

void fields(Archive& ar, PingSlurmdResponse& m) {
  ar("cpu_load", m.cpu_load);
  ar("free_mem", m.free_mem);
  ar("node_name", m.node_name, since(v26_05));
}

void fields(Archive& ar, AcctGatherNodeResponse& m) {
  ar("node_name", m.node_name);
  ar("energy", counted<std::uint16_t>(m.energy));
}

void fields(Archive& ar, AcctGatherEnergyRequest& m) {
  ar("context_id", m.context_id);
  ar("delta", m.delta);
}

void fields(Archive& ar, SlurmdStatus& m) {
  ar("booted", m.booted);
  ar("last_slurmctld_msg", m.last_slurmctld_msg);
  ar("slurmd_debug", m.slurmd_debug);
  ar("actual_cpus", m.actual_cpus);
  ar("actual_boards", m.actual_boards);
  ar("actual_sockets", m.actual_sockets);
  ar("actual_cores", m.actual_cores);
  ar("actual_threads", m.actual_threads);
  ar("actual_real_mem", m.actual_real_mem);
  ar("actual_tmp_disk", m.actual_tmp_disk);
  ar("pid", m.pid);
  ar("hostname", m.hostname);
  ar("slurmd_logfile", m.slurmd_logfile);
  ar("step_list", m.step_list);
  ar("version", m.version);
}

}  // namespace flurm::wire
