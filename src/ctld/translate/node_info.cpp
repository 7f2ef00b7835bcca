// ctld/translate/node_info.cpp — nodes and partitions as clients see them.
// Source: slurm 22.05 node_mgr.c _pack_node(), partition_mgr.c pack_part().
#include <algorithm>

#include "base/hostlist.hpp"
#include "ctld/translate/info.hpp"
#include "ctld/translate/tres.hpp"

namespace flurm::ctld {

wire::NodeInfo node_info(const model::Node& node) {
  const model::NodeConfig& config = node.config;
  wire::NodeInfo info;
  info.name = config.name;
  info.node_hostname = config.hostname;
  info.node_addr = config.address;
  info.bcast_address = config.bcast_address;
  info.port = config.port;
  info.node_state = node.state_number();
  info.version = node.version;
  info.cpus = config.cpus;
  info.boards = config.boards;
  info.sockets = config.sockets;
  info.cores = config.cores;
  info.threads = config.threads;
  info.real_memory = config.real_memory;
  info.tmp_disk = config.tmp_disk;
  info.mcs_label = node.mcs_label;
  info.owner = node.owner;
  info.core_spec_cnt = config.core_spec_count;
  info.cpu_bind = config.cpu_bind;
  info.mem_spec_limit = config.mem_spec_limit;
  info.cpu_spec_list = config.cpu_spec_list;
  info.cpus_efctv = static_cast<std::uint16_t>(config.cpus - config.core_spec_count * config.threads);
  info.cpu_load = node.cpu_load;
  info.free_mem = node.free_memory;
  info.weight = config.weight;
  info.reason_uid = node.reason_uid;
  info.boot_time = node.boot_time;
  info.last_busy = node.last_busy;
  info.reason_time = node.reason_time;
  info.slurmd_start_time = node.daemon_start_time;
  info.alloc_cpus = static_cast<std::uint16_t>(node.exclusive ? config.cpus : std::min<std::uint32_t>(node.cpus_used, config.cpus));
  info.alloc_memory = node.memory_used;
  info.alloc_tres_fmt_str = used_tres(node);
  info.alloc_tres_weighted = node.cpus_used;
  info.arch = node.arch;
  info.features = config.features;
  info.features_act = node.features_active;
  info.gres = config.gres;
  info.res_cores_per_gpu = 0;
  if (config.gres.empty()) info.gres_drain = "N/A";
  info.os = node.os;
  info.comment = node.comment;
  info.extra = node.extra;
  info.reason = node.reason;
  info.tres_fmt_str = configured_tres(config.cpus, config.real_memory, 1, false);
  return info;
}

wire::PartitionInfo partition_info(const state::ClusterState& state, const model::Partition& partition) {
  wire::PartitionInfo info;
  info.name = partition.name;
  info.cpu_bind = partition.cpu_bind;
  info.grace_time = partition.grace_time;
  info.max_time = partition.max_time;
  info.default_time = partition.default_time;
  info.max_nodes = partition.max_nodes;
  info.min_nodes = partition.min_nodes;
  info.total_nodes = partition.total_nodes;
  info.total_cpus = partition.total_cpus;
  info.def_mem_per_cpu = partition.def_mem_per_cpu;
  info.max_cpus_per_node = partition.max_cpus_per_node;
  info.max_cpus_per_socket = partition.max_cpus_per_socket;
  info.max_mem_per_cpu = partition.max_mem_per_cpu;
  info.flags = partition.flags;
  info.max_share = partition.max_share;
  info.over_time_limit = partition.over_time_limit;
  info.preempt_mode = partition.preempt_mode;
  info.priority_job_factor = partition.priority_job_factor;
  info.priority_tier = partition.priority_tier;
  info.state_up = partition.state_up;
  info.cr_type = partition.cr_type;
  info.resume_timeout = partition.resume_timeout;
  info.suspend_timeout = partition.suspend_timeout;
  info.suspend_time = partition.suspend_time;
  info.allow_accounts = partition.allow_accounts;
  info.allow_groups = partition.allow_groups;
  info.allow_alloc_nodes = partition.allow_alloc_nodes;
  info.allow_qos = partition.allow_qos;
  info.qos_char = partition.qos;
  info.alternate = partition.alternate;
  info.deny_accounts = partition.deny_accounts;
  info.deny_qos = partition.deny_qos;
  std::vector<std::string> names;
  std::uint64_t memory = 0;
  for (model::NodeId id : partition.nodes) {
    const model::NodeConfig& config = state.node(id)->config;
    names.push_back(config.name);
    memory += config.real_memory;
  }
  info.nodes = compress_hosts_sorted(names);
  info.nodesets = partition.nodesets;
  info.node_inx = node_bits(state, partition.nodes);
  info.billing_weights_str = partition.billing_weights;
  info.tres_fmt_str = configured_tres(partition.total_cpus, memory, partition.total_nodes, true);
  return info;
}

}  // namespace flurm::ctld
