// sched/cluster.cpp — building the flat arrays from a view.
#include "sched/cluster.hpp"

#include <algorithm>
#include <tuple>

#include "base/hostlist.hpp"

namespace flurm::sched {
namespace {

NodeInfo make_info(const model::Node& node, std::string_view gres_types) {
  const model::NodeConfig& config = node.config;
  NodeInfo info;
  info.id = node.id;
  info.name = config.name;
  info.sockets = std::max<std::uint16_t>(config.sockets, 1);
  info.cores = std::max<std::uint16_t>(config.cores, 1);
  info.threads = std::max<std::uint16_t>(config.threads, 1);
  info.cpus = config.cpus;
  info.cpus_per_core = static_cast<std::uint16_t>(std::max<std::uint32_t>(config.cpus / info.core_count(), 1));
  info.real_memory_mib = config.real_memory;
  info.memory_mib = config.real_memory - std::min(config.real_memory, config.mem_spec_limit);
  info.tmp_disk_mib = config.tmp_disk;
  info.weight = config.weight;
  info.usable = node.usable();
  if (!config.gres.empty())
    info.gres = model::gres_pools(gres_types, config.gres, node.gres_reported, node.core_count());
  return info;
}

template <class F>
void for_each_item(std::string_view list, F f) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma > 0) f(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

}  // namespace

Cluster::Cluster(const View& view) {
  add_nodes(view);
  add_features(view);
  for (const auto& partition : view.partitions) {
    Bitmap nodes(size());
    std::uint64_t cpus = 0;
    for (model::NodeId id : partition->nodes) {
      const NodeIndex index = index_of(id);
      if (index == kNoNode) continue;
      nodes.set(index);
      cpus += nodes_[index].cpus;
    }
    partitions_.push_back({partition, std::move(nodes), cpus});
  }
  topology_optional_ = view.settings.topology_optional;
  const model::PreemptRule& preempt = view.settings.preempt;
  preempts_by_partition_ = preempt.enabled() && preempt.by == model::PreemptRule::By::partition;
  mcs_select_ = view.settings.mcs_select;
  for (const model::Switch& each : view.settings.switches) {
    SwitchInfo info{.level = each.level, .nodes = Bitmap(size())};
    const auto names = expand_hosts(each.nodes);
    if (!names) continue;
    for (const std::string& name : *names)
      if (const NodeIndex index = index_of(name); index != kNoNode) info.nodes.set(index);
    switches_.push_back(std::move(info));
  }
}

void Cluster::add_nodes(const View& view) {
  std::vector<const model::Node*> sorted;
  view.nodes.for_each([&](std::uint64_t, const std::shared_ptr<const model::Node>& node) {
    if (!node->removed) sorted.push_back(node.get());
    return true;
  });
  std::sort(sorted.begin(), sorted.end(), [](const model::Node* a, const model::Node* b) {
    const int order = compare_hosts(a->config.name, b->config.name);
    return order != 0 ? order < 0 : a->id < b->id;
  });
  usable_ = none_ = Bitmap(sorted.size());
  std::size_t cores_max = 1;
  for (const model::Node* node : sorted) {
    nodes_.push_back(make_info(*node, view.settings.gres_types));
    cores_max = std::max<std::size_t>(cores_max, nodes_.back().core_count());
    if (by_id_.size() <= node->id) by_id_.resize(node->id + 1, kNoNode);
    const auto index = static_cast<NodeIndex>(nodes_.size() - 1);
    by_id_[node->id] = index;
    by_name_.emplace(node->config.name, index);
    if (nodes_.back().usable) usable_.set(index);
    const auto same_kind = std::ranges::find_if(kinds_, [&](NodeIndex other) {
      const NodeInfo &a = nodes_[other], &b = nodes_.back();
      return std::tuple(a.sockets, a.cores, a.cpus_per_core) == std::tuple(b.sockets, b.cores, b.cpus_per_core);
    });
    nodes_.back().kind = static_cast<std::uint32_t>(same_kind - kinds_.begin());
    if (same_kind == kinds_.end()) kinds_.push_back(index);
  }
  words_ = (cores_max + 63) / 64;
  cores_.assign(size() * words_, 0);
  for (NodeIndex i = 0; i < size(); ++i) {
    Cores cores{cores_.data() + i * words_, words_};
    for (std::size_t core = 0; core < nodes_[i].core_count(); ++core) set(cores, core);
    keep_system_cores(i, sorted[i]->config);
  }
}

/// CpuSpecList names logical CPUs; CoreSpecCount takes cores from the last of each socket, last socket first.
void Cluster::keep_system_cores(NodeIndex index, const model::NodeConfig& config) {
  NodeInfo& info = nodes_[index];
  Cores cores{cores_.data() + index * words_, words_};
  const std::uint32_t before = count(cores);
  if (!config.cpu_spec_list.empty()) {
    if (const auto cpus = Bitmap::from_list(config.cpu_spec_list, config.cpus))
      cpus->for_each([&](std::size_t cpu) { clear(cores, cpu / info.cpus_per_core); });
  } else {
    std::uint32_t left = std::min<std::uint32_t>(config.core_spec_count, info.core_count() - 1);
    for (std::uint32_t core = info.cores; core-- > 0;)
      for (std::uint32_t socket = info.sockets; socket-- > 0 && left > 0; --left)
        clear(cores, socket * info.cores + core);
  }
  const std::uint32_t kept = (before - count(cores)) * info.cpus_per_core;
  info.cpus = static_cast<std::uint16_t>(info.cpus - std::min<std::uint32_t>(kept, info.cpus));
}

void Cluster::add_features(const View& view) {
  view.nodes.for_each([&](std::uint64_t, const std::shared_ptr<const model::Node>& node) {
    if (node->removed) return true;
    const std::string& names = node->features_active.empty() ? node->config.features : node->features_active;
    for_each_item(names, [&](std::string_view name) {
      auto found = features_.find(name);
      if (found == features_.end()) found = features_.emplace(std::string(name), Bitmap(size())).first;
      found->second.set(by_id_[node->id]);
    });
    return true;
  });
}

NodeIndex Cluster::index_of(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kNoNode : found->second;
}

const Bitmap& Cluster::with_feature(std::string_view feature) const {
  const auto found = features_.find(feature);
  return found == features_.end() ? none_ : found->second;
}

std::size_t Cluster::partition_index(std::string_view name) const {
  const auto found = std::ranges::find_if(partitions_, [&](const auto& p) { return p.config->name == name; });
  return static_cast<std::size_t>(found - partitions_.begin());
}

std::string Cluster::hostlist(const Bitmap& nodes) const {
  std::vector<std::string> names;
  nodes.for_each([&](std::size_t i) { names.push_back(nodes_[i].name); });
  return compress_hosts_sorted(names);
}

Result<Bitmap> Cluster::nodes_of(std::string_view hostlist) const {
  FLURM_TRY(const std::vector<std::string> names, expand_hosts(hostlist));
  Bitmap nodes(size());
  for (const std::string& name : names) {
    const NodeIndex index = index_of(name);
    if (index == kNoNode) return fail(Errc::invalid_node_name, "node {}", name);
    nodes.set(index);
  }
  return nodes;
}

Usage::Usage(const Cluster& cluster)
    : cluster_(&cluster),
      words_(cluster.words()),
      nodes_(cluster.size()),
      busy_(cluster.size() * cluster.words()),
      by_partition_(cluster.partitions().size()) {
  counts_partitions_ = std::ranges::any_of(cluster.partitions(), [](const PartitionInfo& partition) {
    return partition.config->max_share > 1 || partition.config->max_cpus_per_node != kInfinite32;
  });
}

void add_use(NodeUse& use, Cores busy, const Holding& holding, const Share& share) {
  use.only_user = use.jobs == 0 || use.only_user == holding.user ? holding.user : kInfinite32;
  ++use.jobs;
  use.label = holding.label;
  use.memory_mib += share.memory_mib;
  if (holding.sharing != Sharing::row) ++use.unshared_jobs;
  if (holding.whole_node || holding.sharing == Sharing::exclusive) ++use.exclusive_jobs;
  if (holding.user_exclusive) use.user = use.user == kNoVal32 || use.user == holding.user ? holding.user : kInfinite32;
  for (std::size_t w = 0; w < share.cores.size() && w < busy.size(); ++w) busy[w] |= share.cores[w];
  use.gres.insert(use.gres.end(), share.gres.begin(), share.gres.end());
}

void Usage::add(const Holding& holding) {
  for (const Share& share : holding.shares) add_to_node(holding, share);
  if (holding.user_exclusive) count_owner(true);
  if (counts_partitions_) add_to_partition(holding);
}

void Usage::clear(NodeIndex node) {
  nodes_[node] = {};
  std::ranges::fill(busy(node), 0);
}

void Usage::clear_partitions() { by_partition_.assign(by_partition_.size(), {}); }

void Usage::add_to_partition(const Holding& holding) {
  if (holding.partition >= by_partition_.size() || holding.shares.empty()) return;
  PartitionUse& use = by_partition_[holding.partition];
  if (use.busy.empty()) use.busy.assign(busy_.size(), 0);
  for (const Share& share : holding.shares)
    for (std::size_t w = 0; w < share.cores.size() && w < words_; ++w)
      use.busy[share.node * words_ + w] |= share.cores[w];
  if (cluster_->partitions()[holding.partition].config->max_share > 1) add_to_row(use, holding);
}

/// The first row without an overlap; else a new one.
void Usage::add_to_row(PartitionUse& use, const Holding& holding) {
  const auto overlaps = [&](const std::vector<Word>& row) {
    for (const Share& share : holding.shares)
      for (std::size_t w = 0; w < share.cores.size() && w < words_; ++w)
        if (row[share.node * words_ + w] & share.cores[w]) return true;
    return false;
  };
  auto row = std::ranges::find_if_not(use.rows, overlaps);
  if (row == use.rows.end()) row = use.rows.insert(row, std::vector<Word>(busy_.size()));
  for (const Share& share : holding.shares)
    for (std::size_t w = 0; w < share.cores.size() && w < words_; ++w)
      (*row)[share.node * words_ + w] |= share.cores[w];
}

const Word* Usage::busy_by(std::size_t partition, NodeIndex node) const {
  const auto& busy = by_partition_[partition].busy;
  return busy.empty() ? nullptr : busy.data() + node * words_;
}

ConstCores Usage::row(std::size_t partition, std::size_t row, NodeIndex node) const {
  return {by_partition_[partition].rows[row].data() + node * words_, words_};
}

bool Usage::shared_here(NodeIndex node, std::size_t except) const {
  for (std::size_t p = 0; p < by_partition_.size(); ++p) {
    const std::uint16_t rows = cluster_->partitions()[p].config->max_share & ~model::kShareForce;
    if (p == except || rows < 2 || by_partition_[p].rows.empty()) continue;
    const Word* busy = busy_by(p, node);
    if (std::any_of(busy, busy + words_, [](Word word) { return word != 0; })) return true;
  }
  return false;
}

Holding holding_of(const model::Job& job, const Cluster& cluster) {
  Holding held;
  if (!job.allocation) return held;
  const std::string_view names = job.partition;
  held.partition = cluster.partition_index(names.substr(0, names.find(',')));
  held.user = job.request->user_id;
  held.label = label_number(*job.request, cluster.mcs_select());
  held.whole_node = job.allocation->whole_node;
  if (held.partition < cluster.partitions().size()) {
    const model::Partition& partition = *cluster.partitions()[held.partition].config;
    const bool asked = job.request->shared == 1 && partition.max_share > 1;
    if (partition.max_share == 0)
      held.sharing = Sharing::exclusive;
    else if ((partition.max_share & model::kShareForce) || asked)
      held.sharing = Sharing::row;
    held.user_exclusive = job.request->shared == 2 || (partition.flags & model::partition_flag::exclusive_user);
  }
  const bool cleaning_up = job.state.completing();
  for (const model::NodeShare& share : job.allocation->shares) {
    if (cleaning_up && std::ranges::find(job.completing_nodes, share.node) == job.completing_nodes.end()) continue;
    const NodeIndex index = cluster.index_of(share.node);
    if (index == kNoNode) continue;
    held.shares.push_back({index, share.cpus, share.memory_mib, share.cores, share.gres});
  }
  return held;
}

}  // namespace flurm::sched
