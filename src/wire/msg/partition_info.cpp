// wire/msg/partition_info.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/partition_info.hpp"

#include "wire/msg/records.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::as, codec::count, codec::items, codec::since, codec::until;

void fields(Archive& ar, JobDefaults& m) {
  ar("type", m.type);
  ar("value", m.value);
}

void fields(Archive& ar, PartitionInfo& m) {
  ar("name", m.name);
  ar("cpu_bind", m.cpu_bind);
  ar("grace_time", m.grace_time);
  ar("max_time", m.max_time);
  ar("default_time", m.default_time);
  ar("max_nodes", m.max_nodes);
  ar("min_nodes", m.min_nodes);
  ar("total_nodes", m.total_nodes);
  ar("total_cpus", m.total_cpus);
  ar("def_mem_per_cpu", m.def_mem_per_cpu);
  ar("max_cpus_per_node", m.max_cpus_per_node);
  ar("max_cpus_per_socket", m.max_cpus_per_socket, since(v23_02));
  ar("max_mem_per_cpu", m.max_mem_per_cpu);
  ar("flags", as<std::uint16_t>(m.flags), until(v24_05));
  ar("flags", m.flags, since(v24_05));
  ar("max_share", m.max_share);
  ar("over_time_limit", m.over_time_limit);
  ar("preempt_mode", m.preempt_mode);
  ar("priority_job_factor", m.priority_job_factor);
  ar("priority_tier", m.priority_tier);
  ar("state_up", m.state_up);
  ar("cr_type", m.cr_type);
  ar("resume_timeout", m.resume_timeout);
  ar("suspend_timeout", m.suspend_timeout);
  ar("suspend_time", m.suspend_time);
  ar("allow_accounts", m.allow_accounts);
  ar("allow_groups", m.allow_groups);
  ar("allow_alloc_nodes", m.allow_alloc_nodes);
  ar("allow_qos", m.allow_qos);
  ar("qos_char", m.qos_char);
  ar("alternate", m.alternate);
  ar("deny_accounts", m.deny_accounts);
  ar("deny_qos", m.deny_qos);
  ar("nodes", m.nodes);
  ar("nodesets", m.nodesets);
  ar("node_inx", m.node_inx);
  ar("billing_weights_str", m.billing_weights_str);
  ar("topology_name", m.topology_name, since(v25_05));
  ar("tres_fmt_str", m.tres_fmt_str);
  ar("job_defaults_list", m.job_defaults_list);
}

void fields(Archive& ar, PartitionInfoArray& m) {
  auto n = static_cast<std::uint32_t>(m.partition_array.size());
  ar("record_count", count(n));
  ar("last_update", m.last_update);
  ar("partition_array", items(m.partition_array, n));
}

std::string pack_partition_info(const PartitionInfo& partition, std::uint16_t version) {
  return pack_record(partition, version);
}

std::string pack_partition_info_array(TimeS last_update, std::span<const std::string_view> records,
                                      std::uint16_t version) {
  PartitionInfoArray empty;
  empty.last_update = last_update;
  return pack_with_records(empty, records, version);
}

}  // namespace flurm::wire
