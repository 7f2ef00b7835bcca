// wire/msg/gres.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/gres.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::items, codec::Kind, codec::present_items, codec::present_u8, codec::since, codec::unused;

namespace {

void magic(Archive& ar) { ar("magic", unused<std::uint32_t>(0x438a34d4)); }

/// Not codec::count: arrays over the nodes may all be absent, so the bytes left do not bound it.
void node_count(Archive& ar, std::uint32_t& node_cnt) {
  ar("node_cnt", node_cnt);
  if (ar.kind() == Kind::fuzz) node_cnt = static_cast<std::uint32_t>(ar.choose(4));
}

}  // namespace

void fields(Archive& ar, GresPerBit& m) { ar("counts", present_u8(m.counts)); }

void fields(Archive& ar, GresJobState& m) {
  magic(ar);
  ar("plugin_id", m.plugin_id);
  ar("cpus_per_gres", m.cpus_per_gres);
  ar("flags", m.flags);
  ar("gres_per_job", m.gres_per_job);
  ar("gres_per_node", m.gres_per_node);
  ar("gres_per_socket", m.gres_per_socket);
  ar("gres_per_task", m.gres_per_task);
  ar("mem_per_gres", m.mem_per_gres);
  ar("ntasks_per_gres", m.ntasks_per_gres);
  ar("total_gres", m.total_gres);
  ar("type_name", m.type_name);
  node_count(ar, m.node_cnt);
  ar("gres_cnt_node_alloc", present_u8(m.gres_cnt_node_alloc));
  ar("gres_bit_alloc", present_items(m.gres_bit_alloc, m.node_cnt));
  ar("gres_per_bit_alloc", items(m.gres_per_bit_alloc, m.node_cnt), since(v23_11));
  ar("gres_bit_step_alloc", present_items(m.gres_bit_step_alloc, m.node_cnt));
  ar("gres_cnt_step_alloc", present_items(m.gres_cnt_step_alloc, m.node_cnt));
  ar("gres_per_bit_step_alloc", items(m.gres_per_bit_step_alloc, m.node_cnt), since(v23_11));
}

void fields(Archive& ar, GresStepState& m) {
  magic(ar);
  ar("plugin_id", m.plugin_id);
  ar("cpus_per_gres", m.cpus_per_gres);
  ar("flags", m.flags);
  ar("gres_per_step", m.gres_per_step);
  ar("gres_per_node", m.gres_per_node);
  ar("gres_per_socket", m.gres_per_socket);
  ar("gres_per_task", m.gres_per_task);
  ar("mem_per_gres", m.mem_per_gres);
  ar("total_gres", m.total_gres);
  ar("type_name", m.type_name, since(v24_05));
  node_count(ar, m.node_cnt);
  ar("node_in_use", m.node_in_use);
  ar("gres_cnt_node_alloc", present_u8(m.gres_cnt_node_alloc));
  ar("gres_bit_alloc", present_items(m.gres_bit_alloc, m.node_cnt));
  ar("gres_per_bit_alloc", items(m.gres_per_bit_alloc, m.node_cnt), since(v23_11));
}

void fields(Archive& ar, GresPrep& m) {
  magic(ar);
  ar("plugin_id", m.plugin_id);
  node_count(ar, m.node_cnt);
  ar("gres_cnt_node_alloc", present_u8(m.gres_cnt_node_alloc));
  ar("gres_bit_alloc", present_items(m.gres_bit_alloc, m.node_cnt));
}

void fields(Archive& ar, GresNodeRecord& m) {
  magic(ar);
  ar("count", m.count);
  ar("cpu_cnt", m.cpu_cnt);
  ar("config_flags", m.config_flags);
  ar("plugin_id", m.plugin_id);
  ar("cpus", m.cpus);
  ar("links", m.links);
  ar("name", m.name);
  ar("type_name", m.type_name);
  ar("unique_id", m.unique_id);
}

void fields(Archive& ar, GresNodeReport& m) {
  std::uint16_t version = ar.version();  // of its writer; the layout is the same in all
  ar("version", version);
  ar("records", codec::counted<std::uint16_t>(m.records));
}

std::uint32_t gres_plugin_id(std::string_view name) {
  std::uint32_t id = 0;
  int shift = 0;
  for (char c : name) {
    id += static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << shift;
    shift = (shift + 8) % 32;
  }
  return id;
}

}  // namespace flurm::wire
