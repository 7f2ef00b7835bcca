// acct/fair_share.hpp — who has used less than their share: priority/multifactor's fair share, by the Fair Tree or the
// classic way. Pure. Source: slurm 22.05 src/plugins/priority/multifactor/{fair_tree,priority_multifactor}.c.
#pragma once
#include <cstdint>
#include <map>

#include "acct/books.hpp"
#include "acct/usage.hpp"
#include "base/persistent_map.hpp"
#include "model/priority.hpp"

namespace flurm::acct {

/// "fairshare=parent": an association has no shares of its own and is ranked with those of the account above.
inline constexpr std::uint32_t kSharesOfParent = 0x7fffffff;

/// How an association stands; what sshare shows.
struct FairShare {
  double shares_norm = 0;  ///< of its siblings' shares (Fair Tree), or of the whole cluster
  double usage_norm = 0;   ///< of all that was used
  double usage_efctv = 0;  ///< of what was used at its level (Fair Tree), or what is laid to it
  double level = 0;        ///< Fair Tree: shares by usage among its siblings; above 1 it is under-served
  double factor = 0;       ///< 0 … 1: what the weight is multiplied with for its jobs
};

/// Of all associations of the books, by id. Members of any machine come to the same numbers, so that these may be
/// compared in apply().
std::map<std::uint32_t, FairShare> fair_shares(const Books& books, const PersistentMap<Usage>& usage,
                                               const model::PriorityRule& rule);

/// What associations and QOS add to the priority of their jobs. Nothing that weighs nothing is computed.
model::AccountFactors account_factors(const Books& books, const PersistentMap<Usage>& usage,
                                      const model::PriorityRule& rule);

}  // namespace flurm::acct
