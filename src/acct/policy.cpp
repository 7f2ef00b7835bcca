// acct/policy.cpp — see policy.hpp: what runs, and whether one more may.
#include "acct/policy.hpp"

#include <algorithm>

#include "acct/limit_reason.hpp"
#include "acct/taken.hpp"

namespace flurm::acct {
namespace {

constexpr std::uint32_t kNone = kInfinite32;

/// Of the QOS that the job asked for; 1 where it has none.
double usage_factor(const Books& books, const Claimant& job) {
  const Qos* qos = books.qos.find(job.qos);
  return qos && qos->usage_factor >= 0 ? qos->usage_factor : 1;
}

/// Its time limit, as limits of used time count it.
std::uint32_t counted_minutes(const Books& books, const Claimant& job, std::uint32_t minutes) {
  const Qos* qos = books.qos.find(job.qos);
  if (!qos || !(qos->flags & qos_flag::usage_factor_safe) || qos->usage_factor < 0) return minutes;
  if (minutes == kInfinite32 && qos->usage_factor >= 1) return minutes;
  return static_cast<std::uint32_t>(minutes * qos->usage_factor);
}

TresCounts times(const TresCounts& tres, std::uint64_t factor) {
  TresCounts out = tres;
  for (auto& [id, count] : out) count *= factor;
  return out;
}

std::uint32_t minutes_of(double seconds) { return static_cast<std::uint32_t>(seconds / 60); }

/// Nodes that the job would have and that none of the others has yet.
std::uint64_t new_nodes(const Claimant& job, const InUse* used) {
  const std::uint64_t all = amount(job.tres, tres_node);
  if (!used) return all;
  const auto shared = std::ranges::count_if(job.nodes, [&](std::uint32_t node) { return used->nodes.contains(node); });
  return all - std::min(all, static_cast<std::uint64_t>(shared));
}

/// A group's limits on what its jobs have at one time. Returns the id of the resource at fault, or 0.
std::uint32_t over_limit(const TresCounts& limits, const Claimant& job, const InUse* used, TresKind kind, Taken* sets,
                         const Taken& taken, double factor) {
  for (const auto& [id, limit] : limits) {
    if (taken.has(kind, id)) continue;
    if (sets) sets->take(kind, id);
    const std::uint64_t wanted = id == tres_node ? new_nodes(job, used) : amount(job.tres, id);
    const std::uint64_t most = factored(limit, factor);
    if (wanted > most || (wanted != 0 && wanted + (used ? amount(used->tres, id) : 0) > most)) return id;
  }
  return 0;
}

/// Limits on one job alone; `divisor` 0: none. `least`: it needs as much at least.
std::uint32_t beyond(const TresCounts& limits, const TresCounts& wanted, std::uint64_t divisor, TresKind kind,
                     Taken* sets, const Taken& taken, double factor = -1, bool least = false) {
  for (const auto& [id, limit] : limits) {
    if (taken.has(kind, id)) continue;
    if (sets) sets->take(kind, id);
    if (!sets && amount(wanted, id) == 0) continue;
    const std::uint64_t has = amount(wanted, id) / std::max<std::uint64_t>(divisor, 1);
    const std::uint64_t edge = factored(limit, factor);
    if (least ? has < edge : has > edge) return id;
  }
  return 0;
}

/// GrpTRESMins: what has been used, and with `safe` what the running ones and this one may still use.
std::uint32_t used_up(const TresCounts& limits, const TresCounts& minutes, const Usage* usage, const InUse* used,
                      bool safe, bool free_of_charge, Taken* sets, const Taken& taken) {
  for (const auto& [id, limit] : limits) {
    if (taken.has(TresKind::grp_mins, id)) continue;
    if (sets) sets->take(TresKind::grp_mins, id);
    const std::uint64_t wanted = amount(minutes, id);
    std::uint64_t gone = 0;
    if (usage && !free_of_charge)
      if (const auto at = usage->tres.find(id); at != usage->tres.end())
        gone = static_cast<std::uint64_t>(at->second / 60);
    if (wanted != 0 && gone >= limit) return id;
    if (!safe) continue;
    const std::uint64_t running = used && !free_of_charge ? amount(used->tres_run_s, id) / 60 : 0;
    if (wanted > limit || (wanted != 0 && wanted + running > limit - std::min(limit, gone))) return id;
  }
  return 0;
}

/// GrpTRESRunMins: what the running ones and this one may still use.
std::uint32_t running_over(const TresCounts& limits, const TresCounts& minutes, const InUse* used, bool free_of_charge,
                           Taken* sets, const Taken& taken) {
  for (const auto& [id, limit] : limits) {
    if (taken.has(TresKind::grp_run_mins, id)) continue;
    if (sets) sets->take(TresKind::grp_run_mins, id);
    const std::uint64_t wanted = amount(minutes, id);
    const std::uint64_t running = used && !free_of_charge ? amount(used->tres_run_s, id) / 60 : 0;
    if (wanted > limit || (wanted != 0 && wanted + running > limit)) return id;
  }
  return 0;
}

}  // namespace

QosOrder qos_order(const Books& books, const Claimant& job) {
  const Qos* own = books.qos.find_live(job.qos);
  const Qos* partition = books.qos.find_live(job.partition_qos);
  if (!own) return {partition, nullptr};
  if (!partition || partition == own) return {own, nullptr};
  return own->flags & qos_flag::over_part_qos ? QosOrder{own, partition} : QosOrder{partition, own};
}

double limit_factor(const QosOrder& order) {
  for (const Qos* qos : {order.first, order.second})
    if (qos && qos->limit_factor != Qos::kNoFactor) return qos->limit_factor;
  return -1;
}

std::uint64_t factored(std::uint64_t limit, double factor) {
  if (factor <= 0 || limit == kInfinite64) return limit;
  const double product = static_cast<double>(limit) * factor;
  return product >= 9.2e18 ? kInfinite64 : static_cast<std::uint64_t>(product);
}

std::string_view tres_type(const Books& books, std::uint32_t id) {
  const Tres* tres = books.tres.find(id);
  return tres ? std::string_view(tres->type) : std::string_view();
}

std::vector<std::uint64_t> scopes_of(const Books& books, const Claimant& job) {
  std::vector<std::uint64_t> keys;
  const Assoc* own = books.assocs().find(job.assoc);
  for (const Assoc* at = own; at; at = books.assocs().find(at->parent_id))
    keys.push_back(scope_key(Scope::assoc, at->id));
  const QosOrder order = qos_order(books, job);
  const Assoc* account = own ? books.account_assoc(own->cluster, own->account) : nullptr;
  for (const Qos* qos : {order.first, order.second}) {
    if (!qos) continue;
    keys.push_back(scope_key(Scope::qos, qos->id));
    keys.push_back(scope_key(Scope::qos_user, qos->id, job.user));
    if (account) keys.push_back(scope_key(Scope::qos_account, qos->id, account->id));
  }
  return keys;
}

Policy::Policy(std::shared_ptr<const Books> books, UsageById assoc_usage, UsageById qos_usage, bool safe)
    : books_(std::move(books)), assoc_usage_(std::move(assoc_usage)), qos_usage_(std::move(qos_usage)), safe_(safe) {}

const InUse* Policy::in_use(std::uint64_t scope) const {
  const auto at = in_use_.find(scope);
  return at == in_use_.end() ? nullptr : &at->second;
}

void Policy::begin(const Claimant& job, std::int64_t remaining_s) {
  ++version_;
  double seconds = static_cast<double>(remaining_s);
  if (remaining_s < 0) seconds = job.time_limit == kInfinite32 ? 4294967295.0 * 60 : job.time_limit * 60.0;
  const auto counted_s = static_cast<std::uint64_t>(seconds * usage_factor(*books_, job));
  for (std::uint64_t key : scopes_of(*books_, job)) {
    InUse& used = in_use_[key];
    ++used.jobs;
    for (std::uint32_t node : job.nodes) ++used.nodes[node];
    for (const auto& [id, count] : job.tres) {
      if (id == tres_energy) continue;
      used.tres_run_s[id] += count * counted_s;
      if (id != tres_node || job.nodes.empty()) used.tres[id] += count;
    }
    if (!used.nodes.empty()) used.tres[tres_node] = used.nodes.size();
  }
}

std::uint32_t Policy::before_qos(const Qos& qos, const Claimant& job, std::uint32_t time_limit, Taken& taken) const {
  const auto jobs = [&](Scope scope, std::uint32_t part = 0) {
    const InUse* used = in_use(scope_key(scope, qos.id, part));
    return used ? used->jobs : 0;
  };
  if (taken.take(Plain::grp_jobs, qos.grp_jobs) && jobs(Scope::qos) >= qos.grp_jobs) return reason_qos_grp_jobs;
  if (taken.take(Plain::grp_wall, qos.grp_wall)) {
    const Usage* usage = qos_usage_.find(qos.id);
    const std::uint32_t gone = usage ? minutes_of(usage->wall) : 0;
    const std::uint32_t own =
        counted_minutes(*books_, job, time_limit == kNoVal32 ? std::min(qos.grp_wall, qos.max_wall_pj) : time_limit);
    if (gone >= qos.grp_wall || (safe_ && std::uint64_t{gone} + own > qos.grp_wall)) return reason_qos_grp_wall;
  }
  if (taken.take(Plain::max_jobs_account, qos.max_jobs_pa)) {
    const Assoc* own = books_->assocs().find(job.assoc);
    const Assoc* account = own ? books_->account_assoc(own->cluster, own->account) : nullptr;
    if (account && jobs(Scope::qos_account, account->id) >= qos.max_jobs_pa) return reason_qos_max_jobs_account;
  }
  if (taken.take(Plain::max_jobs_user, qos.max_jobs_pu) && jobs(Scope::qos_user, job.user) >= qos.max_jobs_pu)
    return reason_qos_max_jobs_user;
  if (taken.take(Plain::max_wall, qos.max_wall_pj) && time_limit != kNoVal32 &&
      counted_minutes(*books_, job, time_limit) > qos.max_wall_pj)
    return reason_qos_max_wall;
  return reason_none;
}

std::uint32_t Policy::before(const Claimant& job) const {
  Taken taken;
  const QosOrder order = qos_order(*books_, job);
  for (const Qos* qos : {order.first, order.second})
    if (qos)
      if (const std::uint32_t reason = before_qos(*qos, job, job.time_limit, taken)) return reason;
  bool own = true;
  for (const Assoc* assoc = books_->assocs().find(job.assoc); assoc;
       assoc = books_->assocs().find(assoc->parent_id), own = false) {
    const AssocLimits& limits = assoc->limits;
    const InUse* used = in_use(scope_key(Scope::assoc, assoc->id));
    const std::uint32_t jobs = used ? used->jobs : 0;
    if (!taken.has(Plain::grp_jobs) && limits.grp_jobs != kNone && jobs >= limits.grp_jobs)
      return reason_assoc_grp_jobs;
    if (!taken.has(Plain::grp_wall) && limits.grp_wall != kNone) {
      const Usage* usage = assoc_usage_.find(assoc->id);
      const std::uint32_t gone = usage ? minutes_of(usage->wall) : 0;
      const std::uint32_t wanted = counted_minutes(
          *books_, job, job.time_limit == kNoVal32 ? std::min(limits.grp_wall, limits.max_wall_pj) : job.time_limit);
      if (gone >= limits.grp_wall || (safe_ && std::uint64_t{gone} + wanted > limits.grp_wall))
        return reason_assoc_grp_wall;
    }
    if (!own) continue;  // the rest has come down from there
    if (!taken.has(Plain::max_jobs_account) && !taken.has(Plain::max_jobs_user) && limits.max_jobs != kNone &&
        jobs >= limits.max_jobs)
      return reason_assoc_max_jobs;
    if (!taken.has(Plain::max_wall) && limits.max_wall_pj != kNone && job.time_limit != kNoVal32 &&
        counted_minutes(*books_, job, job.time_limit) > limits.max_wall_pj)
      return reason_assoc_max_wall;
  }
  return reason_none;
}

std::uint64_t Policy::nodes_at_most(const Claimant& job) const {
  const QosOrder order = qos_order(*books_, job);
  const auto limit = [](const TresCounts& limits) {
    const auto at = limits.find(tres_node);
    return at == limits.end() ? kInfinite64 : at->second;
  };
  // Of the two QOS the first one that limits something counts, and then no association does.
  const auto of_qos = [&](const TresCounts Qos::*member) {
    const std::uint64_t first = order.first ? limit(order.first->*member) : kInfinite64;
    return first == kInfinite64 && order.second ? limit(order.second->*member) : first;
  };
  const std::uint64_t group = of_qos(&Qos::grp_tres);
  const std::uint64_t own = std::min({of_qos(&Qos::max_tres_pa), of_qos(&Qos::max_tres_pj), of_qos(&Qos::max_tres_pu)});
  std::uint64_t least = std::min(group, own);
  const double factor = limit_factor(order);
  const Assoc* first = books_->assocs().find(job.assoc);
  if (first && own == kInfinite64) least = std::min(least, factored(limit(first->limits.max_tres_pj), factor));
  for (const Assoc* at = first; at && group == kInfinite64; at = books_->assocs().find(at->parent_id))
    if (const std::uint64_t nodes = factored(limit(at->limits.grp_tres), factor); nodes != kInfinite64)
      return std::min(least, nodes);
  return least;
}

std::uint32_t Policy::least_priority_that_reserves(const Claimant& job) const {
  const QosOrder order = qos_order(*books_, job);
  for (const Qos* qos : {order.first, order.second})
    if (qos && qos->min_prio_thresh != kNone) return qos->min_prio_thresh;
  const Assoc* own = books_->assocs().find(job.assoc);
  return own && own->limits.min_prio_thresh != kNone ? own->limits.min_prio_thresh : 0;
}

std::uint32_t Policy::after_qos(const Qos& qos, const Claimant& job, const TresCounts& minutes, Taken& taken) const {
  const auto reason = [&](TresLimit limit, std::uint32_t id) {
    return limit_reason(limit, id, tres_type(*books_, id));
  };
  const bool free_of_charge = usage_factor(*books_, job) == 0;
  const InUse* used = in_use(scope_key(Scope::qos, qos.id));
  const std::uint64_t nodes = amount(job.tres, tres_node);
  if (const auto id =
          used_up(qos.grp_tres_mins, minutes, qos_usage_.find(qos.id), used, safe_, free_of_charge, &taken, taken))
    return reason(TresLimit::qos_grp_mins, id);
  if (const auto id = over_limit(qos.grp_tres, job, used, TresKind::grp, &taken, taken, -1))
    return reason(TresLimit::qos_grp, id);
  if (const auto id = running_over(qos.grp_tres_run_mins, minutes, used, free_of_charge, &taken, taken))
    return reason(TresLimit::qos_grp_run_mins, id);
  if (const auto id = beyond(qos.max_tres_mins_pj, minutes, 0, TresKind::max_mins, &taken, taken))
    return reason(TresLimit::qos_max_mins_job, id);
  if (const auto id = beyond(qos.max_tres_pj, job.tres, 0, TresKind::max_job, &taken, taken))
    return reason(TresLimit::qos_max_job, id);
  if (const auto id = beyond(qos.max_tres_pn, job.tres, nodes, TresKind::max_node, &taken, taken))
    return reason(TresLimit::qos_max_node, id);
  if (const auto id = beyond(qos.min_tres_pj, job.tres, 0, TresKind::min_job, &taken, taken, -1, true))
    return reason(TresLimit::qos_min_job, id);
  const Assoc* own = books_->assocs().find(job.assoc);
  const Assoc* account = own ? books_->account_assoc(own->cluster, own->account) : nullptr;
  if (account)
    if (const auto id = over_limit(qos.max_tres_pa, job, in_use(scope_key(Scope::qos_account, qos.id, account->id)),
                                   TresKind::max_account, &taken, taken, -1))
      return reason(TresLimit::qos_max_account, id);
  if (const auto id = over_limit(qos.max_tres_pu, job, in_use(scope_key(Scope::qos_user, qos.id, job.user)),
                                 TresKind::max_user, &taken, taken, -1))
    return reason(TresLimit::qos_max_user, id);
  return reason_none;
}

std::uint32_t Policy::after(const Claimant& job) const {
  Taken taken;
  const QosOrder order = qos_order(*books_, job);
  const TresCounts minutes =
      times(job.tres, counted_minutes(*books_, job, job.time_limit == kNoVal32 ? kInfinite32 : job.time_limit));
  for (const Qos* qos : {order.first, order.second})
    if (qos)
      if (const std::uint32_t reason = after_qos(*qos, job, minutes, taken)) return reason;
  const double factor = limit_factor(order);
  const bool free_of_charge = usage_factor(*books_, job) == 0;
  const auto reason = [&](TresLimit limit, std::uint32_t id) {
    return limit_reason(limit, id, tres_type(*books_, id));
  };
  bool own = true;
  for (const Assoc* assoc = books_->assocs().find(job.assoc); assoc;
       assoc = books_->assocs().find(assoc->parent_id), own = false) {
    const AssocLimits& limits = assoc->limits;
    const InUse* used = in_use(scope_key(Scope::assoc, assoc->id));
    if (const auto id = used_up(limits.grp_tres_mins, minutes, assoc_usage_.find(assoc->id), used, safe_,
                                free_of_charge, nullptr, taken))
      return reason(TresLimit::assoc_grp_mins, id);
    if (const auto id = over_limit(limits.grp_tres, job, used, TresKind::grp, nullptr, taken, factor))
      return reason(TresLimit::assoc_grp, id);
    if (const auto id = running_over(limits.grp_tres_run_mins, minutes, used, free_of_charge, nullptr, taken))
      return reason(TresLimit::assoc_grp_run_mins, id);
    if (!own) continue;  // the rest has come down from there
    if (const auto id = beyond(limits.max_tres_mins_pj, minutes, 0, TresKind::max_mins, nullptr, taken))
      return reason(TresLimit::assoc_max_mins_job, id);
    if (const auto id = beyond(limits.max_tres_pj, job.tres, 0, TresKind::max_job, nullptr, taken, factor))
      return reason(TresLimit::assoc_max_job, id);
    if (const auto id =
            beyond(limits.max_tres_pn, job.tres, amount(job.tres, tres_node), TresKind::max_node, nullptr, taken))
      return reason(TresLimit::assoc_max_node, id);
  }
  return reason_none;
}

bool Policy::exhausted(const Claimant& job, std::int64_t ran_s) const {
  if (safe_) return false;
  Taken taken;
  TresCounts minutes = times(job.tres, static_cast<std::uint64_t>(std::max<std::int64_t>(ran_s, 0) / 60));
  minutes.erase(tres_energy);
  for (auto& [id, count] : minutes) ++count;  // to have all of a limit is too much
  const auto wall_gone = [](const Usage* usage, std::uint32_t limit) {
    return usage && minutes_of(usage->wall) >= limit;
  };
  const QosOrder order = qos_order(*books_, job);
  for (const Qos* qos : {order.first, order.second}) {
    if (!qos) continue;
    const Usage* usage = qos_usage_.find(qos->id);
    if (used_up(qos->grp_tres_mins, minutes, usage, nullptr, false, false, &taken, taken)) return true;
    if (taken.take(Plain::grp_wall, qos->grp_wall) && wall_gone(usage, qos->grp_wall)) return true;
    if (beyond(qos->max_tres_mins_pj, minutes, 0, TresKind::max_mins, &taken, taken)) return true;
  }
  for (const Assoc* assoc = books_->assocs().find(job.assoc); assoc && assoc->parent_id != 0;
       assoc = books_->assocs().find(assoc->parent_id)) {
    const AssocLimits& limits = assoc->limits;
    const Usage* usage = assoc_usage_.find(assoc->id);
    if (used_up(limits.grp_tres_mins, minutes, usage, nullptr, false, false, nullptr, taken)) return true;
    if (!taken.has(Plain::grp_wall) && limits.grp_wall != kNone && wall_gone(usage, limits.grp_wall)) return true;
    if (beyond(limits.max_tres_mins_pj, minutes, 0, TresKind::max_mins, nullptr, taken)) return true;
  }
  return false;
}

}  // namespace flurm::acct
