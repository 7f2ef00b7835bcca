// ctld/handlers/shares.cpp — who has used how much of their share (sshare).
// Source: slurm 22.05 src/common/assoc_mgr.c assoc_mgr_get_shares().
#include "acct/claim.hpp"
#include "acct/fair_share.hpp"
#include "auth/users.hpp"
#include "ctld/handlers/accounts.hpp"
#include "ctld/handlers/handlers.hpp"
#include "wire/msg/priority.hpp"

namespace flurm::ctld {
namespace {

bool wanted(const std::optional<std::vector<std::string>>& names, std::string_view name) {
  return !names || ctld::wanted(*names, name);
}

}  // namespace

Answer share_info(Controller& c, const Call& call) {
  const auto* request = call.as<wire::SharesRequest>();
  if (!request) return rc_answer(call, Errc::communications_receive);
  const auto state = c.replica.snapshot();
  const acct::Books& books = *state->books;
  wire::SharesResponse response;
  for (const auto& [id, tres] : books.tres.rows()) response.tres_names.push_back(tres_name(*tres));
  acct::Policy policy(state->books, state->assoc_usage, state->qos_usage, false);
  acct::begin_active(policy, books, state->active, state->settings, state->now,
                     [&](std::string_view name) { return state->partition(name); });
  const auto shares = acct::fair_shares(books, state->assoc_usage, state->settings.priority);
  const auto sender = c.users.cached_by_uid(call.uid);
  const bool own_only = c.config->private_data & conf::kPrivateUsage && !c.is_operator(call.uid);

  for (const acct::Assoc* each : by_name(books)) {
    const acct::Assoc& assoc = *each;
    if (assoc.deleted || !wanted(request->acct_list, assoc.account)) continue;
    if (!assoc.user.empty() && !wanted(request->user_list, assoc.user)) continue;
    if (own_only && !(sender && assoc.user == sender->name) && !c.coordinates(call.uid, assoc.account)) continue;
    wire::AssocSharesObject& told = response.assoc_shares_list.emplace_back();
    const acct::Assoc* above = books.assocs().find(assoc.parent_id);
    told.assoc_id = assoc.id;
    told.cluster = assoc.cluster;
    told.user = assoc.user.empty() ? 0 : 1;
    told.name = told.user ? assoc.user : assoc.account;
    told.parent = told.user ? assoc.account : above ? above->account : "";
    told.partition = assoc.partition;
    told.shares_raw = above ? assoc.shares : kNoVal32;
    if (auto at = shares.find(assoc.id); at != shares.end()) {
      told.shares_norm = at->second.shares_norm;
      told.usage_norm = above ? at->second.usage_norm : kNoVal32;
      told.usage_efctv = at->second.usage_efctv;
      told.level_fs = at->second.level;
      told.fs_factor = at->second.factor;
    }
    const acct::Usage* past = state->assoc_usage.find(assoc.id);
    const acct::InUse* now = policy.in_use(acct::scope_key(acct::Scope::assoc, assoc.id));
    if (past) told.usage_raw = static_cast<std::uint64_t>(past->raw);
    const auto amount = [](const auto& amounts, std::uint32_t id, auto missing) {
      const auto at = amounts.find(id);
      return at == amounts.end() ? missing : at->second;
    };
    for (const auto& [id, tres] : books.tres.rows()) {
      told.usage_tres_raw.push_back(past ? amount(past->tres, id, 0.0) : 0.0);
      told.tres_run_secs.push_back(now ? amount(now->tres_run_s, id, std::uint64_t{0}) : 0);
      told.tres_grp_mins.push_back(amount(assoc.limits.grp_tres_mins, id, kInfinite64));
    }
  }
  return answer(call, wire::MsgType::RESPONSE_SHARE_INFO, response);
}

}  // namespace flurm::ctld
