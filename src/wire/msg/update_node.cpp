// wire/msg/update_node.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/update_node.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::as, codec::secret, codec::since, codec::until;

void fields(Archive& ar, UpdateNode& m) {
  ar("cert_token", secret(m.cert_token), since(v24_11));
  ar("comment", m.comment);
  ar("cpu_bind", m.cpu_bind);
  ar("extra", m.extra);
  ar("features", m.features);
  ar("features_act", m.features_act);
  ar("gres", m.gres);
  ar("instance_id", m.instance_id, since(v23_11));
  ar("instance_type", m.instance_type, since(v23_11));
  ar("node_addr", m.node_addr);
  ar("node_hostname", m.node_hostname);
  ar("node_names", m.node_names);
  ar("node_state", m.node_state);
  ar("power_action_name", m.power_action_name, since(v26_05));
  ar("reason", m.reason);
  ar("resume_after", m.resume_after);
  ar("topology_str", m.topology_str, since(v25_05));
  ar("weight", m.weight);
}

void fields(Archive& ar, UpdatePartition& m) {
  ar("allow_accounts", m.allow_accounts);
  ar("allow_alloc_nodes", m.allow_alloc_nodes);
  ar("allow_groups", m.allow_groups);
  ar("allow_qos", m.allow_qos);
  ar("alternate", m.alternate);
  ar("billing_weights_str", m.billing_weights_str);
  ar("cpu_bind", m.cpu_bind);
  ar("def_mem_per_cpu", m.def_mem_per_cpu);
  ar("default_time", m.default_time);
  ar("deny_accounts", m.deny_accounts);
  ar("deny_qos", m.deny_qos);
  ar("flags", as<std::uint16_t>(m.flags), until(v24_05));
  ar("flags", m.flags, since(v24_05));
  ar("job_defaults_str", m.job_defaults_str);
  ar("grace_time", m.grace_time);
  ar("max_cpus_per_node", m.max_cpus_per_node);
  ar("max_cpus_per_socket", m.max_cpus_per_socket, since(v23_02));
  ar("max_mem_per_cpu", m.max_mem_per_cpu);
  ar("max_nodes", m.max_nodes);
  ar("max_share", m.max_share);
  ar("max_time", m.max_time);
  ar("min_nodes", m.min_nodes);
  ar("name", m.name);
  ar("nodes", m.nodes);
  ar("over_time_limit", m.over_time_limit);
  ar("preempt_mode", m.preempt_mode);
  ar("priority_job_factor", m.priority_job_factor);
  ar("priority_tier", m.priority_tier);
  ar("qos_char", m.qos_char);
  ar("state_up", m.state_up);
  ar("topology_name", m.topology_name, since(v25_05));
}

void fields(Archive& ar, DeletePartition& m) { ar("name", m.name); }

}  // namespace flurm::wire
