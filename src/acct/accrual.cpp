// acct/accrual.cpp — see accrual.hpp.
#include "acct/accrual.hpp"

namespace flurm::acct {

std::uint32_t accrual_room(const Books& books, const Accruing& accruing, const Claimant& job) {
  std::uint32_t room = kInfinite32;
  const auto limited = [&](std::uint32_t limit, std::uint64_t scope) {
    if (limit == kInfinite32) return false;
    const auto at = accruing.find(scope);
    const std::uint32_t count = at == accruing.end() ? 0 : at->second;
    room = limit > count ? limit - count : 0;
    return true;
  };
  const Assoc* own = books.assocs().find(job.assoc);
  if (const Qos* qos = books.qos.find_live(job.qos)) {
    if (limited(qos->grp_jobs_accrue, scope_key(Scope::qos, qos->id))) return room;
    const Assoc* account = own ? books.account_assoc(own->cluster, own->account) : nullptr;
    if (account && limited(qos->max_jobs_accrue_pa, scope_key(Scope::qos_account, qos->id, account->id))) return room;
    if (limited(qos->max_jobs_accrue_pu, scope_key(Scope::qos_user, qos->id, job.user))) return room;
  }
  for (const Assoc* at = own; at; at = books.assocs().find(at->parent_id)) {
    if (limited(at->limits.grp_jobs_accrue, scope_key(Scope::assoc, at->id))) return room;
    // What is above has come down to the job's own.
    if (at == own && limited(at->limits.max_jobs_accrue, scope_key(Scope::assoc, at->id))) return room;
  }
  return room;
}

void add_accruing(const Books& books, Accruing& accruing, const Claimant& job, std::uint32_t count) {
  for (std::uint64_t key : scopes_of(books, job)) accruing[key] += count;
}

}  // namespace flurm::acct
