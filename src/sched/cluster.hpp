// sched/cluster.hpp — the nodes as flat arrays, and what is in use on them. Inside the planner a node is its position
// in name order, which is the order in which Slurm fills nodes.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bitmap.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"
#include "sched/cores.hpp"
#include "sched/demand.hpp"
#include "sched/plan.hpp"

namespace flurm::sched {

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = 0xffffffff;

/// What a node is, apart from its use.
struct NodeInfo {
  model::NodeId id = 0;
  std::string name;
  std::uint16_t sockets = 1, cores = 1;  // cores: per socket
  std::uint16_t threads = 1;             // per core, of hardware
  std::uint16_t cpus_per_core = 1;       // that Slurm gives out: 1 where CPUs counts cores
  std::uint16_t cpus = 1;                // without those kept for the system
  std::uint64_t memory_mib = 0;          // without what is kept for the system
  std::uint64_t real_memory_mib = 0;
  std::uint32_t tmp_disk_mib = 0, weight = 1;
  bool usable = false;
  std::vector<model::GresPool> gres;
  std::uint32_t kind = 0;  // nodes of one kind have the same sockets, cores, and CPUs per core

  std::uint32_t core_count() const { return std::uint32_t{sockets} * cores; }
};

/// One partition as the planner sees it.
struct PartitionInfo {
  std::shared_ptr<const model::Partition> config;
  Bitmap nodes;
  std::uint64_t total_cpus = 0;
};

/// A switch of topology/tree.
struct SwitchInfo {
  std::uint16_t level = 0;
  Bitmap nodes;
};

/// The part of a cluster that changes only with its configuration and its nodes' states.
class Cluster {
 public:
  explicit Cluster(const View& view);

  std::size_t size() const { return nodes_.size(); }
  std::size_t words() const { return words_; }  // per node, in every core array
  const NodeInfo& node(NodeIndex index) const { return nodes_[index]; }
  /// A node of each kind.
  const std::vector<NodeIndex>& kinds() const { return kinds_; }
  NodeIndex index_of(model::NodeId id) const { return id < by_id_.size() ? by_id_[id] : kNoNode; }
  NodeIndex index_of(std::string_view name) const;

  /// Cores that jobs may use.
  ConstCores cores(NodeIndex index) const { return {cores_.data() + index * words_, words_}; }
  const std::vector<Word>& all_cores() const { return cores_; }

  const Bitmap& usable() const { return usable_; }
  const Bitmap& with_feature(std::string_view feature) const;
  bool has_feature(std::string_view feature) const { return features_.contains(feature); }

  const std::vector<PartitionInfo>& partitions() const { return partitions_; }
  /// Position in partitions(), or their number.
  std::size_t partition_index(std::string_view name) const;

  /// Lowest first. Empty: nodes are chosen without regard to switches.
  const std::vector<SwitchInfo>& switches() const { return switches_; }
  /// Only jobs that ask for few switches heed them.
  bool topology_optional() const { return topology_optional_; }
  /// A partition's jobs have the cores of lower tiers, and theirs are safe from them.
  bool preempts_by_partition() const { return preempts_by_partition_; }
  model::McsSelect mcs_select() const { return mcs_select_; }

  /// The hostlist of a set of nodes.
  std::string hostlist(const Bitmap& nodes) const;
  /// The nodes of a hostlist. Errors: invalid_node_name for text out of form or an unknown name.
  Result<Bitmap> nodes_of(std::string_view hostlist) const;

 private:
  void add_nodes(const View& view);
  void add_features(const View& view);
  void keep_system_cores(NodeIndex index, const model::NodeConfig& config);

  std::vector<NodeInfo> nodes_;
  std::vector<NodeIndex> kinds_;
  std::vector<NodeIndex> by_id_;
  std::map<std::string, NodeIndex, std::less<>> by_name_;
  std::size_t words_ = 1;
  std::vector<Word> cores_;
  Bitmap usable_, none_;
  std::map<std::string, Bitmap, std::less<>> features_;
  std::vector<PartitionInfo> partitions_;
  std::vector<SwitchInfo> switches_;
  bool topology_optional_ = false, preempts_by_partition_ = false;
  model::McsSelect mcs_select_ = model::McsSelect::never;
};

/// What is held on one node at some moment.
struct NodeUse {
  std::uint32_t version = 0;  // grows with every change, within a pass
  std::uint64_t memory_mib = 0;
  std::uint32_t jobs = 0;
  std::uint32_t unshared_jobs = 0;     // that do not share their cores
  std::uint32_t exclusive_jobs = 0;    // that have the whole node
  std::uint32_t user = kNoVal32;       // with exclusive use
  std::uint32_t only_user = kNoVal32;  // of all jobs here; kInfinite32 when they are several
  std::uint64_t label = 0;             // label_number() of the jobs here, which never differ in it
  std::vector<model::GresShare> gres;  // of each job
};

/// What one node gives to a job, in the planner's terms.
struct Share {
  NodeIndex node = 0;
  std::uint16_t cpus = 0;
  std::uint64_t memory_mib = 0;
  std::vector<Word> cores;
  std::vector<model::GresShare> gres;
};

/// What a job holds, and how it shares it.
struct Holding {
  std::vector<Share> shares;
  std::size_t partition = 0;
  Sharing sharing = Sharing::cores;
  bool whole_node = false;
  bool user_exclusive = false;
  std::uint32_t user = 0;
  std::uint64_t label = 0;  // label_number()
  bool preferred = false;  // on nodes with the features of --prefer
};

/// Counts one share of a holding in.
void add_use(NodeUse& use, Cores busy, const Holding& holding, const Share& share);

/// The use of all nodes at one moment: flat arrays beside Cluster's.
class Usage {
 public:
  explicit Usage(const Cluster& cluster);

  const NodeUse& at(NodeIndex node) const { return nodes_[node]; }
  NodeUse& at(NodeIndex node) { return nodes_[node]; }
  /// Cores that somebody holds.
  ConstCores busy(NodeIndex node) const { return {busy_.data() + node * words_, words_}; }
  Cores busy(NodeIndex node) { return {busy_.data() + node * words_, words_}; }
  bool idle(NodeIndex node) const { return nodes_[node].jobs == 0; }

  void add(const Holding& holding);
  /// A node is in exclusive use by one user: what fits depends on whose the job is.
  bool has_owner() const { return owners_ != 0; }

  // the same in parts, for use that is brought up to date
  void clear(NodeIndex node);
  void add_to_node(const Holding& holding, const Share& share) {
    ++nodes_[share.node].version;
    add_use(nodes_[share.node], busy(share.node), holding, share);
  }
  void add_to_partition(const Holding& holding);
  void clear_partitions();
  void count_owner(bool more) { owners_ += more ? 1u : ~0u; }
  /// Some partition's jobs have to be told from the others' (rows, or MaxCPUsPerNode).
  bool counts_partitions() const { return counts_partitions_; }

  /// Cores that jobs of one partition hold; null when none does, or counts_partitions() is false.
  const Word* busy_by(std::size_t partition, NodeIndex node) const;
  /// Rows of a partition whose jobs may share cores: each row's jobs do not overlap. Empty when it has no jobs.
  std::size_t row_count(std::size_t partition) const { return by_partition_[partition].rows.size(); }
  ConstCores row(std::size_t partition, std::size_t row, NodeIndex node) const;
  /// A partition with rows has a job on this node, the partition `except` left out.
  bool shared_here(NodeIndex node, std::size_t except) const;

 private:
  struct PartitionUse {
    std::vector<Word> busy;
    std::vector<std::vector<Word>> rows;
  };
  void add_to_row(PartitionUse& use, const Holding& holding);

  const Cluster* cluster_;
  std::size_t words_;
  std::vector<NodeUse> nodes_;
  std::vector<Word> busy_;
  std::vector<PartitionUse> by_partition_;
  bool counts_partitions_ = false;
  std::uint32_t owners_ = 0;  // jobs that want nodes for their user alone
};

/// What `job` holds in `cluster` now: all of its nodes while it runs or is suspended, those not cleaned up yet while
/// it completes.
Holding holding_of(const model::Job& job, const Cluster& cluster);

}  // namespace flurm::sched
