// ctld/translate/node_info.cpp — nodes and partitions as clients see them.
// Source: slurm 22.05 node_mgr.c _pack_node(), partition_mgr.c pack_part().
#include <algorithm>

#include "base/hostlist.hpp"
#include "conf/lines.hpp"
#include "ctld/job_defaults.hpp"
#include "ctld/translate/info.hpp"
#include "ctld/translate/tres.hpp"

namespace flurm::ctld {

namespace {

/// What jobs hold of the node, those that it is cleaning up too.
std::vector<model::GresUse> gres_use(const state::ClusterState& state, const model::Node& node,
                                     const std::vector<model::GresPool>& pools) {
  std::vector<model::GresUse> out(pools.size());
  for (const auto* jobs : {&node.jobs, &node.completing_jobs})
    for (JobId id : *jobs)
      for (const model::NodeShare& share : state.job(id)->allocation->shares)
        if (share.node == node.id)
          for (const model::GresShare& held : share.gres)
            for (std::size_t i = 0; i < pools.size(); ++i)
              if (pools[i].name == held.name) model::add_gres_use(out[i], pools[i], held);
  return out;
}

void set_gres(const state::ClusterState& state, const model::Node& node, wire::NodeInfo& info) {
  const model::NodeConfig& config = node.config;
  info.gres = config.gres;
  info.gres_drain = "N/A";
  const auto pools = model::gres_pools(state.settings.gres_types, config.gres, node.gres_reported, node.core_count());
  if (node.protocol_version != 0 || config.gres.empty())
    info.gres = model::gres_text(pools, config.sockets, config.cores);
  const std::vector<model::GresUse> use = gres_use(state, node, pools);
  for (std::size_t i = 0; i < pools.size(); ++i)
    info.gres_used += (i == 0 ? "" : ",") + model::gres_used_text(pools[i], use[i]);
  for (std::string_view counted : conf::split_list(state.settings.counted_gres)) {
    const std::string name(counted);
    std::uint64_t has = 0, used = 0;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      if (pools[i].name == name) has += pools[i].count, used += use[i].count;
      for (std::size_t t = 0; t < pools[i].types.size(); ++t)
        if (pools[i].name + ":" + pools[i].types[t].name == name) {
          has += pools[i].types[t].count;
          if (t < use[i].of_type.size()) used += use[i].of_type[t];
        }
    }
    if (has != 0) info.tres_fmt_str += fmt::format(",gres/{}={}", name, has);
    if (used != 0)
      info.alloc_tres_fmt_str += fmt::format("{}gres/{}={}", info.alloc_tres_fmt_str.empty() ? "" : ",", name, used);
  }
}

}  // namespace

wire::NodeInfo node_info(const state::ClusterState& state, const model::Node& node) {
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
  info.alloc_cpus =
      static_cast<std::uint16_t>(node.exclusive ? config.cpus : std::min<std::uint32_t>(node.cpus_used, config.cpus));
  info.alloc_memory = node.memory_used;
  info.alloc_tres_fmt_str = used_tres(node);
  info.alloc_tres_weighted = node.cpus_used;
  info.arch = node.arch;
  info.features = config.features;
  info.features_act = node.features_active;
  info.res_cores_per_gpu = 0;
  info.os = node.os;
  info.comment = node.comment;
  info.extra = node.extra;
  info.reason = node.reason;
  info.tres_fmt_str = configured_tres(config.cpus, config.real_memory, 1, false);
  set_gres(state, node, info);
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
  if (const auto defaults = parse_job_defaults(partition.job_defaults); defaults && *defaults != JobDefaults{}) {
    constexpr std::uint16_t kCpusPerGpu = 1, kMemoryPerGpu = 2;
    info.job_defaults_list.emplace();
    if (defaults->cpus_per_gpu) info.job_defaults_list->push_back({kCpusPerGpu, defaults->cpus_per_gpu});
    if (defaults->mib_per_gpu) info.job_defaults_list->push_back({kMemoryPerGpu, defaults->mib_per_gpu});
  }
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
