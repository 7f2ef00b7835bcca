// ctld/handlers/assoc_mgr.cpp — scontrol show assoc_mgr: associations, QOS and users as the controller knows them, with
// what is in use of their limits. Source: slurm 22.05 src/common/assoc_mgr.c assoc_mgr_info_get_pack_msg().
#include <algorithm>

#include "acct/claim.hpp"
#include "acct/edit.hpp"
#include "acct_wire/translate.hpp"
#include "auth/users.hpp"
#include "ctld/handlers/accounts.hpp"
#include "ctld/handlers/handlers.hpp"
#include "io/worker.hpp"
#include "wire/msg/assoc_mgr.hpp"

namespace flurm::ctld {
namespace {

/// slurm 22.05 slurm/slurm.h ASSOC_MGR_INFO_FLAG_*.
constexpr std::uint32_t kAssocs = 1, kUsers = 2, kQos = 4;

/// The TRES that always exist, where no accounting daemon has told of any; scontrol reads TRES= of a reservation by it.
const std::vector<std::string>& usual_tres() {
  static const std::vector<std::string> kNames = {"cpu",     "mem",     "energy", "node",
                                                  "billing", "fs/disk", "vmem",   "pages"};
  return kNames;
}

class Report {
 public:
  Report(Controller& c, const state::ClusterState& state)
      : c_(c), state_(state), books_(*state.books), policy_(state.books, state.assoc_usage, state.qos_usage, false) {
    for (const auto& [id, tres] : books_.tres.rows()) {
      ids_.push_back(id);
      names_.push_back(tres_name(*tres));
    }
    acct::begin_active(policy_, books_, state.active, state.settings, state.now,
                       [&](std::string_view name) { return state.partition(name); });
  }

  const std::vector<std::string>& tres_names() const { return ids_.empty() ? usual_tres() : names_; }

  wire::AssocWithUsage assoc(const acct::Assoc& assoc) const {
    wire::AssocWithUsage out;
    out.object = acct::to_wire(assoc);
    out.object.lft = kInfinite32 - assoc.rank;
    if (const acct::Assoc* above = books_.assocs().find(assoc.parent_id); above && assoc.user.empty())
      out.object.parent_acct = above->account;
    if (assoc.limits.priority == kInfinite32) out.object.priority = 0;
    out.object.uid = assoc.user.empty() ? kNoVal32 : uid_of(assoc.user);
    const acct::AssocLimits& limits = assoc.limits;
    out.grp_tres_mins_ctld = row(limits.grp_tres_mins, kInfinite64);
    out.grp_tres_run_mins_ctld = row(limits.grp_tres_run_mins, kInfinite64);
    out.grp_tres_ctld = row(limits.grp_tres, kInfinite64);
    out.max_tres_mins_ctld = row(limits.max_tres_mins_pj, kInfinite64);
    out.max_tres_run_mins_ctld = row(limits.max_tres_run_mins, kInfinite64);
    out.max_tres_ctld = row(limits.max_tres_pj, kInfinite64);
    out.max_tres_pn_ctld = row(limits.max_tres_pn, kInfinite64);

    wire::AssocUsageRec& usage = out.usage;
    const std::uint64_t scope = acct::scope_key(acct::Scope::assoc, assoc.id);
    fill(usage, scope, state_.assoc_usage.find(assoc.id));
    if (const acct::InUse* used = policy_.in_use(scope)) usage.used_jobs = used->jobs;
    usage.used_submit_jobs = submitted(scope);
    usage.valid_qos = wire::Bits(books_.qos.last_id() + 1);
    for (std::uint32_t id : assoc.qos)
      if (id < usage.valid_qos.size()) usage.valid_qos.set(id);
    return out;
  }

  wire::QosWithUsage qos(const acct::Qos& qos) const {
    wire::QosWithUsage out;
    out.object = acct::to_wire(qos, books_);
    out.grp_tres_mins_ctld = row(qos.grp_tres_mins, kInfinite64);
    out.grp_tres_run_mins_ctld = row(qos.grp_tres_run_mins, kInfinite64);
    out.grp_tres_ctld = row(qos.grp_tres, kInfinite64);
    out.max_tres_mins_pj_ctld = row(qos.max_tres_mins_pj, kInfinite64);
    out.max_tres_run_mins_pa_ctld = row(qos.max_tres_run_mins_pa, kInfinite64);
    out.max_tres_run_mins_pu_ctld = row(qos.max_tres_run_mins_pu, kInfinite64);
    out.max_tres_pa_ctld = row(qos.max_tres_pa, kInfinite64);
    out.max_tres_pj_ctld = row(qos.max_tres_pj, kInfinite64);
    out.max_tres_pn_ctld = row(qos.max_tres_pn, kInfinite64);
    out.max_tres_pu_ctld = row(qos.max_tres_pu, kInfinite64);
    out.min_tres_pj_ctld = row(qos.min_tres_pj, kInfinite64);

    wire::QosUsageRec& usage = out.usage;
    const std::uint64_t scope = acct::scope_key(acct::Scope::qos, qos.id);
    fill(usage, scope, state_.qos_usage.find(qos.id));
    if (const acct::InUse* used = policy_.in_use(scope)) usage.grp_used_jobs = used->jobs;
    usage.grp_used_submit_jobs = submitted(scope);
    if (const std::uint32_t highest = highest_qos_priority()) usage.norm_priority = double(qos.priority) / highest;
    usage.user_limit_list = users_of(qos, acct::Scope::qos_user);
    usage.acct_limit_list = users_of(qos, acct::Scope::qos_account);
    return out;
  }

  wire::UserRec user(const acct::User& user) const {
    wire::UserRec out = acct::to_wire(user);
    out.uid = uid_of(user.name);
    if (const acct::Assoc* usual = books_.default_assoc(state_.settings.cluster_name, user.name))
      out.default_acct = usual->account;
    for (const auto& [id, wckey] : books_.wckeys.rows())
      if (wckey->user == user.name && wckey->is_default) out.default_wckey = wckey->name;
    for (const auto& [account, direct] : acct::coordinated(books_, user.name))
      out.coord_accts.push_back({account, static_cast<std::uint16_t>(direct)});
    return out;
  }

 private:
  std::vector<std::uint64_t> row(const acct::TresCounts& counts, std::uint64_t missing) const {
    std::vector<std::uint64_t> out;
    for (std::uint32_t id : ids_) {
      const auto at = counts.find(id);
      out.push_back(at == counts.end() ? missing : at->second);
    }
    return out;
  }
  template <class Rec>
  void fill(Rec& rec, std::uint64_t scope, const acct::Usage* past) const {
    static const acct::TresCounts kNothing;
    const acct::InUse* used = policy_.in_use(scope);
    rec.grp_used_tres = row(used ? used->tres : kNothing, 0);
    rec.grp_used_tres_run_secs = row(used ? used->tres_run_s : kNothing, 0);
    rec.grp_used_wall = past ? past->wall : 0;
    rec.usage_raw = past ? past->raw : 0;
    for (std::uint32_t id : ids_) {
      const bool known = past && past->tres.contains(id);
      rec.usage_tres_raw.push_back(known ? past->tres.at(id) : 0);
    }
  }
  std::uint32_t submitted(std::uint64_t scope) const {
    const std::uint32_t* count = state_.submitted.find(scope);
    return count ? *count : 0;
  }
  /// Who has jobs of the QOS, waiting ones too.
  std::vector<wire::UsedLimits> users_of(const acct::Qos& qos, acct::Scope scope) const {
    std::vector<wire::UsedLimits> out;
    const std::uint64_t first = acct::scope_key(scope, qos.id);
    state_.submitted.for_each_from(first, [&](std::uint64_t key, const auto&) {
      if (key >> 32 != first >> 32) return false;
      wire::UsedLimits one;
      const auto part = static_cast<std::uint32_t>(key);
      const acct::Assoc* account = scope == acct::Scope::qos_account ? books_.assocs().find(part) : nullptr;
      if (account) one.acct = account->account;
      if (scope == acct::Scope::qos_user) one.uid = part;
      static const acct::TresCounts kNothing;
      const acct::InUse* used = policy_.in_use(key);
      one.jobs = used ? used->jobs : 0;
      one.submit_jobs = submitted(key);
      one.tres = row(used ? used->tres : kNothing, 0);
      one.tres_run_secs = row(used ? used->tres_run_s : kNothing, 0);
      out.push_back(std::move(one));
      return true;
    });
    return out;
  }
  std::uint32_t highest_qos_priority() const {
    std::uint32_t highest = 0;
    for (const auto& [id, qos] : books_.qos.rows()) highest = std::max(highest, qos->priority);
    return highest;
  }
  std::uint32_t uid_of(const std::string& name) const {
    const auto user = c_.users.cached_by_name(name);
    return user ? user->uid : kNoVal32;
  }

  Controller& c_;
  const state::ClusterState& state_;
  const acct::Books& books_;
  acct::Policy policy_;
  std::vector<std::uint32_t> ids_;
  std::vector<std::string> names_;
};

}  // namespace

io::Task<Answer> assoc_mgr_info(Controller& c, Call call) {
  const auto* request = call.as<wire::AssocMgrInfoRequest>();
  if (!request) co_return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  auto numbers = io::on_worker(c.loop, [&users = c.users, books = state->books] {
    for (const auto& [name, user] : books->users.rows()) (void)users.by_name(name);
    return true;
  });
  co_await numbers;
  const acct::Books& books = *state->books;
  const Report report(c, *state);
  wire::AssocMgrInfo response;
  response.tres_names = report.tres_names();
  const auto sender = c.users.cached_by_uid(call.uid);
  const std::string self = sender ? sender->name : "";
  const bool privileged = c.is_operator(call.uid);
  if (request->flags & kAssocs)
    for (const acct::Assoc* each : by_name(books)) {
      const acct::Assoc& assoc = *each;
      if (!assoc.user.empty() && !wanted(request->user_list, assoc.user)) continue;
      if (!wanted(request->acct_list, assoc.account)) continue;
      if (c.config->private_data & conf::kPrivateUsage && !privileged && assoc.user != self &&
          !c.coordinates(call.uid, assoc.account))
        continue;
      response.assoc_list.push_back(report.assoc(assoc));
    }
  if (request->flags & kQos)
    for (const auto& [id, qos] : books.qos.rows())
      if (wanted(request->qos_list, qos->name)) response.qos_list.push_back(report.qos(*qos));
  if (request->flags & kUsers)
    for (const auto& [name, user] : books.users.rows()) {
      if (!wanted(request->user_list, name)) continue;
      if (c.config->private_data & conf::kPrivateUsers && !privileged && name != self) continue;
      response.user_list.push_back(report.user(*user));
    }
  co_return answer(call, wire::MsgType::RESPONSE_ASSOC_MGR_INFO, response);
}

}  // namespace flurm::ctld
