// acct/policy_submit.cpp — whether a job may be submitted. Limits on sizes and times refuse only where a QOS has the
// flag DenyOnLimit, or where there is no QOS; else the job waits for them. Limits on the number of jobs always refuse.
// Source: slurm 22.05 src/slurmctld/acct_policy.c _acct_policy_validate(), _qos_policy_validate().
#include "acct/limit_reason.hpp"
#include "acct/policy.hpp"
#include "acct/taken.hpp"

namespace flurm::acct {
namespace {

class Check {
 public:
  Check(const Books& books, const Submitted& submitted, Claimant& job)
      : books_(books), submitted_(submitted), job_(job), order_(qos_order(books, job)) {
    const std::uint32_t flags = (order_.first ? order_.first->flags : 0u) | (order_.second ? order_.second->flags : 0u);
    strict_ = !order_.first || (flags & qos_flag::deny_limit);
  }

  std::uint32_t run() {
    for (const Qos* qos : {order_.first, order_.second})
      if (qos)
        if (const std::uint32_t reason = qos_limits(*qos)) return reason;
    bool own = true;
    for (const Assoc* assoc = books_.assocs().find(job_.assoc); assoc;
         assoc = books_.assocs().find(assoc->parent_id), own = false)
      if (const std::uint32_t reason = assoc_limits(*assoc, own)) return reason;
    return reason_none;
  }

 private:
  std::uint32_t reason(TresLimit limit, std::uint32_t id) const {
    return limit_reason(limit, id, tres_type(books_, id));
  }
  bool too_many(std::uint64_t scope, std::uint32_t limit) const {
    const std::uint32_t* count = submitted_.find(scope);
    return std::uint64_t{count ? *count : 0} + job_.tasks > limit;
  }

  /// More (or with `least`, less) than one of the limits. A QOS takes them, an association only looks.
  std::uint32_t size_limit(const TresCounts& limits, std::uint64_t divisor, TresKind kind, bool takes,
                           double factor = -1, bool least = false) {
    if (!strict_) return 0;
    for (const auto& [id, limit] : limits) {
      if (taken_.has(kind, id)) continue;
      if (takes) taken_.take(kind, id);
      if (!takes && amount(job_.tres, id) == 0) continue;
      const std::uint64_t wanted = amount(job_.tres, id) / std::max<std::uint64_t>(divisor, 1);
      const std::uint64_t edge = factored(limit, factor);
      if (least ? wanted < edge : wanted > edge) return id;
    }
    return 0;
  }

  /// Gives the job that has no time limit this one, or less of what another limit gave it.
  void give_time(std::uint32_t minutes) {
    if (job_.time_limit == kNoVal32 || (time_given_ && job_.time_limit > minutes)) {
      job_.time_limit = minutes;
      time_given_ = true;
    }
  }
  std::uint32_t minutes_limit(const TresCounts& limits, TresKind kind, bool takes) {
    if (!strict_) return 0;
    for (const auto& [id, limit] : limits) {
      const std::uint64_t wanted = amount(job_.tres, id);
      if (wanted == 0 || taken_.has(kind, id)) continue;
      if (takes) taken_.take(kind, id);
      const auto minutes = static_cast<std::uint32_t>(std::min<std::uint64_t>(limit / wanted, kInfinite32));
      give_time(minutes);
      if (job_.time_limit > minutes) return id;
    }
    return 0;
  }
  bool wall_limit(std::uint32_t minutes) {
    give_time(minutes);
    return strict_ && job_.time_limit > minutes;
  }

  std::uint32_t qos_limits(const Qos& qos) {
    if (const auto id = size_limit(qos.max_tres_pa, 0, TresKind::max_account, true))
      return reason(TresLimit::qos_max_account, id);
    if (const auto id = size_limit(qos.max_tres_pu, 0, TresKind::max_user, true))
      return reason(TresLimit::qos_max_user, id);
    if (const auto id = size_limit(qos.grp_tres, 0, TresKind::grp, true)) return reason(TresLimit::qos_grp, id);
    if (taken_.take(Plain::grp_submit, qos.grp_submit_jobs) &&
        too_many(scope_key(Scope::qos, qos.id), qos.grp_submit_jobs))
      return reason_qos_grp_submit;
    if (const auto id = minutes_limit(qos.max_tres_mins_pj, TresKind::max_mins, true))
      return reason(TresLimit::qos_max_mins_job, id);
    if (const auto id = minutes_limit(qos.grp_tres_mins, TresKind::grp_mins, true))
      return reason(TresLimit::qos_grp_mins, id);
    if (const auto id = minutes_limit(qos.grp_tres_run_mins, TresKind::grp_run_mins, true))
      return reason(TresLimit::qos_grp_run_mins, id);
    if (taken_.take(Plain::max_wall, qos.max_wall_pj) && wall_limit(qos.max_wall_pj)) return reason_qos_max_wall;
    if (taken_.take(Plain::grp_wall, qos.grp_wall) && wall_limit(qos.grp_wall)) return reason_qos_grp_wall;
    if (const auto id = size_limit(qos.max_tres_pj, 0, TresKind::max_job, true))
      return reason(TresLimit::qos_max_job, id);
    if (const auto id = size_limit(qos.max_tres_pn, amount(job_.tres, tres_node), TresKind::max_node, true))
      return reason(TresLimit::qos_max_node, id);
    if (taken_.take(Plain::max_submit_account, qos.max_submit_jobs_pa)) {
      const Assoc* own = books_.assocs().find(job_.assoc);
      const Assoc* account = own ? books_.account_assoc(own->cluster, own->account) : nullptr;
      if (account && too_many(scope_key(Scope::qos_account, qos.id, account->id), qos.max_submit_jobs_pa))
        return reason_qos_max_submit_account;
    }
    if (taken_.take(Plain::max_submit_user, qos.max_submit_jobs_pu) &&
        too_many(scope_key(Scope::qos_user, qos.id, job_.user), qos.max_submit_jobs_pu))
      return reason_qos_max_submit_user;
    if (const auto id = size_limit(qos.min_tres_pj, 0, TresKind::min_job, true, -1, true))
      return reason(TresLimit::qos_min_job, id);
    return reason_none;
  }

  std::uint32_t assoc_limits(const Assoc& assoc, bool own) {
    const AssocLimits& limits = assoc.limits;
    const double factor = limit_factor(order_);
    const std::uint64_t scope = scope_key(Scope::assoc, assoc.id);
    if (const auto id = size_limit(limits.grp_tres, 0, TresKind::grp, false, factor))
      return reason(TresLimit::assoc_grp, id);
    if (!taken_.has(Plain::grp_submit) && limits.grp_submit_jobs != kInfinite32 &&
        too_many(scope, limits.grp_submit_jobs))
      return reason_assoc_grp_submit;
    if (const auto id = minutes_limit(limits.grp_tres_mins, TresKind::grp_mins, false))
      return reason(TresLimit::assoc_grp_mins, id);
    if (const auto id = minutes_limit(limits.grp_tres_run_mins, TresKind::grp_run_mins, false))
      return reason(TresLimit::assoc_grp_run_mins, id);
    if (!taken_.has(Plain::grp_wall) && limits.grp_wall != kInfinite32 && wall_limit(limits.grp_wall))
      return reason_assoc_grp_wall;
    if (!own) return reason_none;  // the rest has come down from there
    if (const auto id = size_limit(limits.max_tres_pj, 0, TresKind::max_job, false, factor))
      return reason(TresLimit::assoc_max_job, id);
    if (const auto id = size_limit(limits.max_tres_pn, amount(job_.tres, tres_node), TresKind::max_node, false))
      return reason(TresLimit::assoc_max_node, id);
    if (!taken_.has(Plain::max_submit_account) && !taken_.has(Plain::max_submit_user) &&
        limits.max_submit_jobs != kInfinite32 && too_many(scope, limits.max_submit_jobs))
      return reason_assoc_max_submit;
    if (const auto id = minutes_limit(limits.max_tres_mins_pj, TresKind::max_mins, false))
      return reason(TresLimit::assoc_max_mins_job, id);
    if (!taken_.has(Plain::max_wall) && limits.max_wall_pj != kInfinite32 && wall_limit(limits.max_wall_pj))
      return reason_assoc_max_wall;
    return reason_none;
  }

  const Books& books_;
  const Submitted& submitted_;
  Claimant& job_;
  const QosOrder order_;
  Taken taken_;
  bool strict_ = false, time_given_ = false;
};

}  // namespace

std::uint32_t check_submission(const Books& books, const Submitted& submitted, Claimant& job) {
  return Check(books, submitted, job).run();
}

}  // namespace flurm::acct
