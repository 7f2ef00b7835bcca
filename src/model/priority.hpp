// model/priority.hpp — priority/multifactor: what makes up a job's priority. A function of the job, the cluster and the
// time, so it is computed where it is needed and stored nowhere. Source: slurm 22.05
// src/plugins/priority/multifactor/priority_multifactor.c.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/persistent_map.hpp"
#include "base/types.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"

namespace flurm::model {

/// Bits of PriorityRule::flags (slurm 22.05 src/common/read_config.h PRIORITY_FLAGS_*).
namespace priority_flag {
inline constexpr std::uint16_t accrue_always = 1 << 0, size_relative = 1 << 2, depth_oblivious = 1 << 3,
                               calculate_running = 1 << 4, fair_tree = 1 << 5, no_normal_association = 1 << 7,
                               no_normal_partition = 1 << 8, no_normal_qos = 1 << 9, no_normal_tres = 1 << 10;
}

/// The resources that can be weighed, in Slurm's order.
inline constexpr std::array<std::string_view, 8> kPriorityTres{"cpu",     "mem",     "energy", "node",
                                                               "billing", "fs/disk", "vmem",   "pages"};
using TresAmounts = std::array<double, kPriorityTres.size()>;

/// What accounting has to say: of a job's association and of its QOS, by id; not weighted yet. Who is not there has 0.
struct AccountFactors {
  struct OfAssociation {
    double fair_share = 0, priority = 0;
  };
  std::map<std::uint32_t, OfAssociation> associations;
  std::map<std::uint32_t, double> qos;
};

/// What is the same for all jobs for a while.
class PriorityScale {
 public:
  /// Ages are those at the last whole PriorityCalcPeriod before `now`.
  PriorityScale(const PriorityRule& rule, const PersistentMap<Node>& nodes,
                const std::vector<std::shared_ptr<const Partition>>& partitions, TimeS now,
                AccountFactors accounts = {});

  /// That moment: while it stays the same, so does the scale of the same cluster.
  static TimeS at(const PriorityRule& rule, TimeS now);

  const TresAmounts& tres_weights() const { return tres_weights_; }
  bool weighs_tres() const { return weighs_tres_; }

 private:
  friend struct PriorityFactors priority_factors(const PriorityScale&, const Job&, const Partition&);
  PriorityRule rule_;
  TimeS at_;
  double nodes_ = 0, cpus_ = 0, top_job_factor_ = 0;
  std::map<std::string, double, std::less<>> memory_mib_;  // by partition
  AccountFactors accounts_;
  TresAmounts tres_weights_{};
  bool weighs_tres_ = false;
};

/// Weighted.
struct PriorityFactors {
  double age = 0, association = 0, fair_share = 0, job_size = 0, partition = 0, qos = 0;
  TresAmounts tres{};
  std::int64_t site = 0, nice = 0;

  /// Their sum; 1 at least, because 0 means held.
  std::uint32_t total() const;
};

PriorityFactors priority_factors(const PriorityScale& scale, const Job& job, const Partition& partition);

/// The priority that counts: 0 held; as set by an operator; else by all factors if `scale` is given
/// (priority/multifactor), or as it was when the job came (priority/basic).
std::uint32_t priority_of(const PriorityScale* scale, const Job& job, const Partition& partition);

}  // namespace flurm::model
