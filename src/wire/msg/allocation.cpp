// wire/msg/allocation.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/allocation.hpp"

#include "wire/plugin_data.hpp"
#include "wire/tres_text.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::between, codec::counted, codec::present_bool, codec::present_u8, codec::since,
    codec::until, codec::unused;

void fields(Archive& ar, ResourceAllocationResponse& m) {
  ar("account", m.account);
  ar("alias_list", m.alias_list, until(v25_05));
  ar("batch_host", m.batch_host);
  ar("environment", m.environment);
  ar("error_code", m.error_code);
  ar("gid", m.gid, since(v23_02));
  ar("group_name", m.group_name, since(v23_02));
  ar("job_submit_user_msg", m.job_submit_user_msg);
  ar("job_id", m.step_id.job_id, until(v25_11));
  ar("node_cnt", m.node_cnt);
  ar("node_addr", present_u8(m.node_addr), until(v23_11));
  ar("node_addr", unused<std::uint8_t>(), between(v23_11, v25_05));
  ar("node_list", m.node_list);
  ar("ntasks_per_board", m.ntasks_per_board);
  ar("ntasks_per_core", m.ntasks_per_core);
  ar("ntasks_per_tres", m.ntasks_per_tres);
  ar("ntasks_per_socket", m.ntasks_per_socket);
  cpu_groups(ar, m.cpus_per_node, m.cpu_count_reps);
  ar("partition", m.partition);
  ar("pn_min_memory", m.pn_min_memory);
  ar("qos", m.qos);
  ar("resv_name", m.resv_name);
  ar("segment_size", m.segment_size, since(v25_11));
  ar("start_protocol_ver", m.start_protocol_ver, since(v25_11));
  ar("step_id", m.step_id, since(v25_11));
  select_jobinfo(ar);
  ar("tres_per_node", tres_text(m.tres_per_node), since(v23_02));
  ar("tres_per_task", tres_text(m.tres_per_task, TresForm::per_task), since(v25_05));
  ar("uid", m.uid, since(v23_02));
  ar("user_name", m.user_name, since(v23_02));
  ar("working_cluster_rec", present_u8(m.working_cluster_rec));
}

void fields(Archive& ar, HetJobAllocation& m) { ar("components", counted<std::uint16_t>(m.components)); }

void fields(Archive& ar, NodeGresLayout& m) {
  ar("name", m.name);
  ar("type", m.type);
  ar("count", m.count);
  ar("index", present_bool(m.index));
}

void fields(Archive& ar, NodeLayout& m) {
  ar("node", m.node);
  ar("mem_alloc", m.mem_alloc);
  ar("sockets_per_node", m.sockets_per_node);
  ar("cores_per_socket", m.cores_per_socket);
  ar("channel", m.channel);
  ar("core_bitmap", m.core_bitmap);
  ar("gres", m.gres);
}

void fields(Archive& ar, ResourceLayout& m) { ar("nodes", m.nodes); }

}  // namespace flurm::wire
