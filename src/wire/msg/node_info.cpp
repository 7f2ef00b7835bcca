// wire/msg/node_info.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/node_info.hpp"

#include "wire/msg/records.hpp"
#include "wire/plugin_data.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::items, codec::since, codec::until, codec::unused;

void fields(Archive& ar, AcctGatherEnergy& m) {
  ar("base_consumed_energy", m.base_consumed_energy);
  ar("ave_watts", m.ave_watts);
  ar("consumed_energy", m.consumed_energy);
  ar("current_watts", m.current_watts);
  ar("previous_consumed_energy", m.previous_consumed_energy);
  ar("poll_time", m.poll_time);
  ar("slurmd_start_time", m.slurmd_start_time, since(v24_11));
}

namespace {

/// What the select plugin (cons_tres) knew about the node before 25.05.
void select_nodeinfo(Archive& ar, NodeInfo& m) {
  if (ar.version() >= v25_05) return;
  ar("select_plugin_id", unused<std::uint32_t>(kSelectPlugin));
  ar("alloc_cpus", m.alloc_cpus);
  ar("alloc_memory", m.alloc_memory);
  ar("alloc_tres_fmt_str", m.alloc_tres_fmt_str);
  ar("alloc_tres_weighted", m.alloc_tres_weighted);
}

/// External sensors and power capping, gone since 24.05: "not set" as Slurm sends it.
void unused_sensors(Archive& ar) {
  ar("ext_sensors.consumed_energy", unused<std::uint64_t>(kNoVal64), until(v24_05));
  ar("ext_sensors.temperature", unused<std::uint32_t>(kNoVal32), until(v24_05));
  ar("ext_sensors.energy_update_time", unused<TimeS>(), until(v24_05));
  ar("ext_sensors.current_watts", unused<std::uint32_t>(), until(v24_05));
  ar("power.cap_watts", unused<std::uint32_t>(kNoVal32), until(v24_05));
}

}  // namespace

void fields(Archive& ar, NodeInfo& m) {
  ar("name", m.name);
  ar("node_hostname", m.node_hostname);
  ar("node_addr", m.node_addr);
  ar("bcast_address", m.bcast_address);
  ar("cert_flags", m.cert_flags, since(v25_05));
  ar("port", m.port);
  ar("next_state", m.next_state);
  ar("node_state", m.node_state);
  ar("version", m.version);
  ar("cpus", m.cpus);
  ar("boards", m.boards);
  ar("sockets", m.sockets);
  ar("cores", m.cores);
  ar("threads", m.threads);
  ar("real_memory", m.real_memory);
  ar("tmp_disk", m.tmp_disk);
  ar("gpu_spec", m.gpu_spec, since(v24_05));
  ar("mcs_label", m.mcs_label);
  ar("owner", m.owner);
  ar("core_spec_cnt", m.core_spec_cnt);
  ar("cpu_bind", m.cpu_bind);
  ar("mem_spec_limit", m.mem_spec_limit);
  ar("cpu_spec_list", m.cpu_spec_list);
  ar("cpus_efctv", m.cpus_efctv);
  ar("cpu_load", m.cpu_load);
  ar("free_mem", m.free_mem);
  ar("weight", m.weight);
  ar("res_cores_per_gpu", m.res_cores_per_gpu, since(v24_05));
  ar("reason_uid", m.reason_uid);
  ar("suspend_time", m.suspend_time, since(v26_05));
  ar("boot_time", m.boot_time);
  ar("last_busy", m.last_busy);
  ar("reason_time", m.reason_time);
  ar("resume_after", m.resume_after, since(v23_02));
  ar("slurmd_start_time", m.slurmd_start_time);
  select_nodeinfo(ar, m);
  ar("cert_last_renewal", m.cert_last_renewal, since(v25_05));
  ar("alloc_cpus", m.alloc_cpus, since(v25_05));
  ar("alloc_memory", m.alloc_memory, since(v25_05));
  ar("alloc_tres_fmt_str", m.alloc_tres_fmt_str, since(v25_05));
  ar("arch", m.arch);
  ar("features", m.features);
  ar("features_act", m.features_act);
  ar("gres", m.gres);
  ar("gres_drain", m.gres_drain);
  ar("gres_used", m.gres_used);
  ar("os", m.os);
  ar("comment", m.comment);
  ar("extra", m.extra);
  ar("instance_id", m.instance_id, since(v23_11));
  ar("instance_type", m.instance_type, since(v23_11));
  ar("parameters", m.parameters, since(v25_11));
  ar("reason", m.reason);
  ar("energy", m.energy);
  unused_sensors(ar);
  ar("tres_fmt_str", m.tres_fmt_str);
  ar("resv_name", m.resv_name, since(v23_02));
  ar("topology_str", m.topology_str, since(v25_05));
}

void fields(Archive& ar, NodeInfoArray& m) {
  auto n = static_cast<std::uint32_t>(m.node_array.size());
  ar("record_count", count(n));
  ar("last_update", m.last_update);
  ar("hidden_nodes", m.hidden_nodes, since(v24_11));
  if (ar.version() < v24_11 || !m.hidden_nodes.present()) return ar("node_array", items(m.node_array, n));
  if (ar.fills()) m.node_array.clear();
  for (std::uint32_t i = 0; i < n && ar.ok(); ++i) {
    if (ar.fills()) m.node_array.emplace_back();
    if (!m.hidden_nodes.test(i)) ar("node_array", m.node_array[i]);
  }
}

std::string pack_node_info(const NodeInfo& node, std::uint16_t version) { return pack_record(node, version); }

std::string pack_node_info_array(TimeS last_update, std::span<const std::string_view> records, std::uint16_t version) {
  NodeInfoArray empty;
  empty.last_update = last_update;
  return pack_with_records(empty, records, version);
}

}  // namespace flurm::wire
