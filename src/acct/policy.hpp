// acct/policy.hpp — the limits of associations and QOS: whether a job may be submitted, and whether it may run now.
//
// A job's limits are those of its QOS, of its partition's QOS, and of its association and all above that one. The
// partition's QOS goes before the job's unless the latter has the flag OverPartQOS; what one of them limits, none after
// it limits again. Source: slurm 22.05 src/slurmctld/acct_policy.c.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "acct/books.hpp"
#include "acct/usage.hpp"
#include "base/persistent_map.hpp"

namespace flurm::acct {

/// Bits of Qos::flags (slurm 22.05 slurm/slurmdb.h QOS_FLAG_*).
namespace qos_flag {
inline constexpr std::uint32_t part_min_node = 1u << 0, part_max_node = 1u << 1, part_time_limit = 1u << 2,
                               enforce_usage_thres = 1u << 3, no_reserve = 1u << 4, req_resv = 1u << 5,
                               deny_limit = 1u << 6, over_part_qos = 1u << 7, no_decay = 1u << 8,
                               usage_factor_safe = 1u << 9;
}

/// A job, as far as limits look at it.
struct Claimant {
  std::uint32_t assoc = 0, qos = 0, partition_qos = 0;  ///< ids; 0: none
  std::uint32_t user = 0;                               ///< uid
  std::uint32_t tasks = 1;                              ///< of an array, that are submitted together
  std::uint32_t time_limit = kInfinite32;               ///< minutes; NO_VAL: nobody has set one
  TresCounts tres;                                      ///< asked for, or held
  std::vector<std::uint32_t> nodes;                     ///< held, or about to be
};

/// What the limits of one association, QOS, or user or account of a QOS are held against.
struct InUse {
  std::uint32_t jobs = 0;
  TresCounts tres, tres_run_s;                   ///< tres_run_s: until the jobs' time limits; times their usage factor
  std::map<std::uint32_t, std::uint32_t> nodes;  ///< and how many of the jobs have each
};

/// Who uses something, as one number: an association; a QOS; a user or an account (by its association) of a QOS.
enum class Scope : std::uint8_t { assoc, qos, qos_user, qos_account };
constexpr std::uint64_t scope_key(Scope scope, std::uint32_t id, std::uint32_t part = 0) {
  return static_cast<std::uint64_t>(scope) << 62 | static_cast<std::uint64_t>(id & 0x3fffffff) << 32 | part;
}
/// All keys under which the job counts, each once.
std::vector<std::uint64_t> scopes_of(const Books& books, const Claimant& job);

/// Submitted jobs that have not ended, by scope_key(); a task of an array is one job.
using Submitted = PersistentMap<std::uint32_t>;

/// Whether the job may be submitted, and the time limit that it gets for want of one: from MaxWall and the like.
/// Returns the reason why not, as a number (acct/limit_reason.hpp), or 0.
std::uint32_t check_submission(const Books& books, const Submitted& submitted, Claimant& job);

/// What runs, and whether one job more may.
class Policy {
 public:
  using UsageById = PersistentMap<Usage>;

  /// `safe`: a job starts only if what it may use up to its time limit is left (AccountingStorageEnforce=safe).
  Policy(std::shared_ptr<const Books> books, UsageById assoc_usage, UsageById qos_usage, bool safe);

  /// The job runs, for another `remaining_s` at most; -1: as long as its time limit says.
  void begin(const Claimant& job, std::int64_t remaining_s = -1);

  /// Whether a job may start whatever resources it would get: 0, or the reason why not.
  std::uint32_t before(const Claimant& job) const;
  /// The same with the resources that it would get.
  std::uint32_t after(const Claimant& job) const;

  /// The job has run for `ran_s` and must end: it, or its group, has no minutes left. Never with `safe`: it would not have
  /// started. Source: slurm 22.05 acct_policy_job_time_out().
  bool exhausted(const Claimant& job, std::int64_t ran_s) const;

  /// The limits on nodes, whatever is in use of them: a job that may do with fewer nodes gets no more. kInfinite64: none.
  /// Source: slurm 22.05 acct_policy_get_max_nodes().
  std::uint64_t nodes_at_most(const Claimant& job) const;

  /// MinPrioThreshold: jobs below keep nobody waiting. 0: there is none.
  std::uint32_t least_priority_that_reserves(const Claimant& job) const;

  /// Of a scope; null: nothing.
  const InUse* in_use(std::uint64_t scope) const;
  /// Changes with each begin(): an answer holds as long as this is the same.
  std::uint64_t version() const { return version_; }

 private:
  std::uint32_t before_qos(const Qos& qos, const Claimant& job, std::uint32_t time_limit, struct Taken& taken) const;
  std::uint32_t after_qos(const Qos& qos, const Claimant& job, const TresCounts& minutes, struct Taken& taken) const;

  std::shared_ptr<const Books> books_;
  UsageById assoc_usage_, qos_usage_;
  bool safe_;
  std::map<std::uint64_t, InUse> in_use_;
  std::uint64_t version_ = 0;
};

}  // namespace flurm::acct
