// dbd/changes_cond.cpp — accounts and users as clients since 23.11 add them: names, and one association for all of
// them. What is said of it is said here, not by the client. Source: slurm 24.11
// src/plugins/accounting_storage/mysql/as_mysql_acct.c, as_mysql_user.c, as_mysql_assoc.c, as_mysql_wckey.c.
#include <algorithm>

#include "acct/edit.hpp"
#include "dbd/changes.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

namespace {

/// Those of the condition, else all there are.
std::vector<std::string> clusters_of(const acct::Books& books, const wire::AddAssocCond& cond) {
  if (!cond.cluster_list.empty()) return cond.cluster_list;
  std::vector<std::string> names;
  for (const auto& [name, each] : books.clusters.rows())
    if (!each->deleted) names.push_back(name);
  return names;
}

void say_added(std::string& text, const wire::AssocRec& rec) {
  if (text.empty()) text = " Associations =\n";
  text += fmt::format("  C = {:<10} A = {:<20}", rec.cluster, rec.acct);
  if (!rec.user.empty()) text += fmt::format(" U = {:<9}", rec.user);
  if (!rec.partition.empty()) text += " P = " + rec.partition;
  text += '\n';
}

/// How an addition ended: with words of what was done, or of why there was nothing to do.
Outcome ended(bool added, std::string text) {
  return added ? Outcome{Errc::success, std::move(text), false, {}}
               : Outcome::refused(Errc::no_change_in_data, std::move(text));
}

const char* level_name(std::uint16_t level) {
  constexpr const char* kNames[] = {"Not Set", "None", "Operator", "Administrator"};
  return kNames[std::min<std::size_t>(level, std::size(kNames) - 1)];
}

/// The transaction log has it as what the older request is called.
Change as(const Change& change, wire::MsgType type) {
  return {change.books, change.log, change.store, change.actor, change.now, type, change.policy};
}

}  // namespace

Outcome add_accounts_cond(const Change& change, const wire::AddAccountsCond& message) {
  const acct::Books& books = change.books;
  if (!is_operator(books, change.actor) && acct::coordinated(books, change.actor.name).empty())
    return Outcome::refused(Errc::access_denied, "Only admins/operators/coordinators can add accounts");
  const std::string parent = message.cond.assoc.parent_acct.empty() ? "root" : message.cond.assoc.parent_acct;
  const wire::AccountRec& wish = message.rec;
  std::string text, places;
  wire::AccountList accounts;
  for (const std::string& name : message.cond.acct_list) {
    if (books.accounts.find_live(name)) continue;
    if (text.empty()) text = " Adding Account(s)\n";
    text += fmt::format("  {}\n", name);
    wire::AccountRec& rec = accounts.list.emplace_back();
    rec.name = name;
    rec.description = wish.description.empty() ? name : wish.description;
    rec.organization = !wish.organization.empty() ? wish.organization : parent != "root" ? parent : name;
  }
  if (!text.empty())
    text += fmt::format(" Settings\n  Description     = {}\n  Organization    = {}\n",
                        wish.description.empty() ? "Account Name" : wish.description,
                        wish.organization.empty() ? "Parent/Account Name" : wish.organization);
  wire::AssocList assocs;
  for (const std::string& cluster : clusters_of(books, message.cond)) {
    if (!books.account_assoc(cluster, parent)) {
      if (parent == "root")
        return Outcome::refused(
            Errc::invalid_cluster_name,
            fmt::format("Cluster '{}' has not been added yet, please contact your admin before adding accounts to it",
                        cluster));
      return Outcome::refused(Errc::invalid_parent_account,
                              fmt::format("No parent account '{}' on cluster '{}'", parent, cluster));
    }
    for (const std::string& name : message.cond.acct_list) {
      if (books.account_assoc(cluster, name)) {
        places += fmt::format("Already existing account {} on cluster {}\n", name, cluster);
        continue;
      }
      wire::AssocRec rec = message.cond.assoc;
      rec.cluster = cluster;
      rec.acct = name;
      rec.parent_acct = parent;
      say_added(places, rec);
      assocs.list.push_back(std::move(rec));
    }
  }
  if (!accounts.list.empty())
    if (Outcome made = add_accounts(as(change, wire::MsgType::DBD_ADD_ACCOUNTS), accounts); !made.changed())
      return made;
  if (!assocs.list.empty())
    if (Outcome made = add_assocs(as(change, wire::MsgType::DBD_ADD_ASSOCS), assocs); !made.changed()) return made;
  return ended(!accounts.list.empty() || !assocs.list.empty(), text + places);
}

Outcome add_users_cond(const Change& change, const wire::AddUsersCond& message) {
  const acct::Books& books = change.books;
  const wire::UserRec& wish = message.rec;
  const wire::AddAssocCond& cond = message.cond;
  if (!is_operator(books, change.actor)) {
    if (wish.admin_level != 0)
      return Outcome::refused(Errc::access_denied, "Only admins/operators can add an admin/operator");
    if (acct::coordinated(books, change.actor.name).empty())
      return Outcome::refused(Errc::access_denied, "Only admins/operators/coordinators can add accounts");
  }
  std::string text, places, keys;
  wire::UserList users;
  for (const std::string& name : cond.user_list) {
    if (books.users.find_live(name)) continue;
    if (text.empty()) text = " Adding User(s)\n";
    text += fmt::format("  {}\n", name);
    wire::UserRec& rec = users.list.emplace_back();
    rec.name = name;
    rec.admin_level = wish.admin_level ? wish.admin_level : static_cast<std::uint16_t>(acct::AdminLevel::none);
  }
  if (!text.empty()) {
    text += " Settings\n";
    if (!wish.default_acct.empty()) text += fmt::format("  Default Account = {}\n", wish.default_acct);
    if (!wish.default_wckey.empty()) text += fmt::format("  Default WCKey   = {}\n", wish.default_wckey);
    if (wish.admin_level != 0) text += fmt::format("  Admin Level     = {}\n", level_name(wish.admin_level));
  }
  wire::AssocList assocs;
  wire::WckeyList wckeys;
  std::vector<std::string> partitions = cond.partition_list;
  if (partitions.empty()) partitions.emplace_back();
  for (const std::string& cluster : clusters_of(books, cond)) {
    for (const std::string& account : cond.acct_list) {
      if (!books.account_assoc(cluster, account)) {
        places += fmt::format("No account {} on cluster {}, skipping.\n", account, cluster);
        continue;
      }
      for (const std::string& user : cond.user_list)
        for (const std::string& partition : partitions) {
          const acct::Assoc* old = books.find_assoc(cluster, account, user, partition);
          if (old && !old->deleted) continue;
          wire::AssocRec rec = cond.assoc;
          rec.cluster = cluster;
          rec.acct = account;
          rec.user = user;
          rec.partition = partition;
          rec.is_def = account == wish.default_acct ? 1 : 0;
          say_added(places, rec);
          assocs.list.push_back(std::move(rec));
        }
    }
    for (const std::string& user : cond.user_list)
      for (const std::string& key : cond.wckey_list) {
        const acct::Wckey* old = books.find_wckey(cluster, user, key);
        if (old && !old->deleted) continue;
        wire::WckeyRec& rec = wckeys.list.emplace_back();
        rec.cluster = cluster;
        rec.user = user;
        rec.name = key;
        rec.is_def = key == wish.default_wckey ? 1 : 0;
        keys += fmt::format("{}  C = {:<10.10} W = {:<10.10} U = {:<9.9}\n", keys.empty() ? " Wckey(s)\n" : "", cluster,
                            key, user);
      }
  }
  if (!users.list.empty())
    if (Outcome made = add_users(as(change, wire::MsgType::DBD_ADD_USERS), users); !made.changed()) return made;
  if (!assocs.list.empty())
    if (Outcome made = add_assocs(as(change, wire::MsgType::DBD_ADD_ASSOCS), assocs); !made.changed()) return made;
  if (!wckeys.list.empty())
    if (Outcome made = add_wckeys(as(change, wire::MsgType::DBD_ADD_WCKEYS), wckeys); !made.changed()) return made;
  return ended(!users.list.empty() || !assocs.list.empty() || !wckeys.list.empty(), text + places + keys);
}

}  // namespace flurm::dbd
