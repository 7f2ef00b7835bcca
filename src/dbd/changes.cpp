// dbd/changes.cpp — rights, the table of changing requests, and taking associations away.
#include "dbd/changes.hpp"

#include <algorithm>
#include <map>

#include "acct/edit.hpp"
#include "dbd/select.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

namespace {

acct::AdminLevel level_of(const acct::Books& books, const Actor& actor) {
  if (actor.super) return acct::AdminLevel::admin;
  const acct::User* user = books.users.find_live(actor.name);
  return user ? user->admin_level : acct::AdminLevel::none;
}

/// The function behind a message that carries an M.
template <class M, Outcome (*function)(const Change&, const M&)>
Outcome call(const Change& change, const void* message) {
  return function(change, *static_cast<const M*>(message));
}

}  // namespace

bool is_operator(const acct::Books& books, const Actor& actor) {
  return level_of(books, actor) >= acct::AdminLevel::op;
}
bool is_administrator(const acct::Books& books, const Actor& actor) {
  return level_of(books, actor) >= acct::AdminLevel::admin;
}

std::vector<std::uint32_t> default_qos(const acct::Books& books, const Policy& policy) {
  std::vector<std::uint32_t> ids;
  for (const std::string& name : policy.default_qos)
    if (const acct::Qos* qos = books.find_qos(name); qos && !qos->deleted) ids.push_back(qos->id);
  return ids;
}

bool may_change(const Change& change, const std::string& account) {
  return is_operator(change.books, change.actor) ||
         acct::coordinated(change.books, change.actor.name).contains(account);
}

ChangeFunction find_change(wire::MsgType type) {
  using enum wire::MsgType;
  using namespace wire;
  static const std::map<MsgType, ChangeFunction> kFunctions = {
      {DBD_ADD_CLUSTERS, call<ClusterList, add_clusters>},
      {DBD_MODIFY_CLUSTERS, call<ModifyClusters, modify_clusters>},
      {DBD_REMOVE_CLUSTERS, call<ClusterCond, remove_clusters>},
      {DBD_ADD_ACCOUNTS, call<AccountList, add_accounts>},
      {DBD_MODIFY_ACCOUNTS, call<ModifyAccounts, modify_accounts>},
      {DBD_REMOVE_ACCOUNTS, call<AccountCond, remove_accounts>},
      {DBD_ADD_ACCOUNTS_COND, call<AddAccountsCond, add_accounts_cond>},
      {DBD_ADD_USERS_COND, call<AddUsersCond, add_users_cond>},
      {DBD_ADD_USERS, call<UserList, add_users>},
      {DBD_MODIFY_USERS, call<ModifyUsers, modify_users>},
      {DBD_REMOVE_USERS, call<UserCond, remove_users>},
      {DBD_ADD_ACCOUNT_COORDS, call<AcctCoord, add_coordinators>},
      {DBD_REMOVE_ACCOUNT_COORDS, call<AcctCoord, remove_coordinators>},
      {DBD_ADD_ASSOCS, call<AssocList, add_assocs>},
      {DBD_MODIFY_ASSOCS, call<ModifyAssocs, modify_assocs>},
      {DBD_REMOVE_ASSOCS, call<AssocCond, remove_assocs>},
      {DBD_ADD_QOS, call<QosList, add_qos>},
      {DBD_MODIFY_QOS, call<ModifyQos, modify_qos>},
      {DBD_REMOVE_QOS, call<QosCond, remove_qos>},
      {DBD_ADD_TRES, call<TresList, add_tres>},
      {DBD_ADD_WCKEYS, call<WckeyList, add_wckeys>},
      {DBD_REMOVE_WCKEYS, call<WckeyCond, remove_wckeys>},
      {DBD_ADD_RES, call<ResList, add_resources>},
      {DBD_MODIFY_RES, call<ModifyRes, modify_resources>},
      {DBD_REMOVE_RES, call<ResCond, remove_resources>},
      {DBD_ADD_FEDERATIONS, call<FederationList, add_federations>},
      {DBD_MODIFY_FEDERATIONS, call<ModifyFederations, modify_federations>},
      {DBD_REMOVE_FEDERATIONS, call<FederationCond, remove_federations>},
  };
  auto at = kFunctions.find(type);
  return at == kFunctions.end() ? nullptr : at->second;
}

std::optional<Outcome> take_assocs(const Change& change, const std::set<std::uint32_t>& ids,
                                   const std::set<std::uint32_t>& guarded) {
  const acct::Books& books = change.books;
  const std::set<std::uint32_t> all = acct::with_below(books, ids);
  std::vector<const acct::Assoc*> users;
  for (std::uint32_t id : guarded)
    if (const acct::Assoc* assoc = books.assocs().find(id); assoc && !assoc->user.empty()) users.push_back(assoc);
  std::ranges::stable_sort(users, [](const acct::Assoc* a, const acct::Assoc* b) {
    return std::tie(a->user, a->is_default) < std::tie(b->user, b->is_default);
  });
  std::vector<std::string> refused;
  bool other = false;
  for (const acct::Assoc* each : users) {
    if (!each->is_default)
      other = true;
    else if (other)
      refused.push_back(fmt::format("C = {:<15} A = {:<10} U = {:<9}", each->cluster, each->account, each->user));
  }
  if (!refused.empty()) return Outcome::list(std::move(refused), Errc::no_remove_default_account);
  std::map<std::string, std::vector<std::uint32_t>> by_cluster;
  for (std::uint32_t id : all)
    if (const acct::Assoc* assoc = books.assocs().find(id)) by_cluster[assoc->cluster].push_back(id);
  std::vector<std::string> running;
  std::set<std::uint32_t> used;
  const auto read = change.store.read([&](store::Reader& reader) {
    for (const auto& [cluster, list] : by_cluster) {
      for (const acct::Job& job : reader.running_jobs(cluster, list)) {
        const acct::Assoc* assoc = books.assocs().find(job.assoc_id);
        std::string text = fmt::format("JobID = {:<10} C = {:<10} A = {:<10} U = {:<9}", job.job_id, cluster,
                                       assoc->account, assoc->user);
        if (!assoc->partition.empty()) text += " P = " + assoc->partition;
        running.push_back(std::move(text));
      }
      for (std::uint32_t id : list)
        if (reader.has_jobs(cluster, std::span(&id, 1))) used.insert(id);
    }
  });
  if (!read) return Outcome::refused(read.error().code, read.error().text);
  if (!running.empty()) return Outcome::list(std::move(running), Errc::jobs_running_on_assoc);
  acct::remove_assocs(change.books, all, used, change.now);
  return std::nullopt;
}

}  // namespace flurm::dbd
