// dbd/changes_entities.cpp — clusters, accounts, users and coordinators made, changed and taken away.
#include <algorithm>
#include <set>

#include "acct/edit.hpp"
#include "dbd/changes.hpp"
#include "dbd/select.hpp"
#include "dbd/translate.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

namespace {

/// "(name='a' || name='b')", as the transaction log says which.
std::string named(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& each : names) text += fmt::format("{}name='{}'", text.empty() ? "(" : " || ", each);
  return text + ")";
}

template <class Keep>
std::set<std::uint32_t> assocs_where(const acct::Books& books, Keep&& keep) {
  std::set<std::uint32_t> ids;
  for (const auto& [id, each] : books.assocs().rows())
    if (!each->deleted && keep(*each)) ids.insert(id);
  return ids;
}

/// A record that goes: away altogether, or marked where an association that stays refers to it.
template <class T>
void retire(const Change& change, acct::Table<std::string, T>& table, const std::string& name, bool referred) {
  if (!referred) return table.erase(name);
  T kept = *table.find(name);
  kept.deleted = true;
  kept.modified = change.now;
  table.set(name, std::move(kept));
}

bool selected(const acct::Cluster& cluster, const wire::ClusterCond& cond) {
  return !cluster.deleted && wanted(cond.cluster_list, cluster.name) &&
         wanted(cond.federation_list, cluster.federation) &&
         (cond.classification == 0 || cond.classification == cluster.classification);
}

}  // namespace

Outcome add_clusters(const Change& change, const wire::ClusterList& message) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  for (const wire::ClusterRec& each : message.list) {
    if (each.name.empty()) return Outcome::refused(Errc::error, "Failed to add cluster.");
    if (change.books.clusters.find_live(each.name)) continue;
    acct::Cluster cluster;
    cluster.name = each.name;
    cluster.classification = each.classification;
    cluster.flags = each.flags == kNoVal32 ? 0 : each.flags;
    cluster.dimensions = each.dimensions ? each.dimensions : 1;
    if (auto joined = change_federation(change.books, cluster, each); !joined)
      return Outcome::refused(joined.error().code, "Failed to add cluster.");
    acct::Assoc root;
    dbd::change(root, each.root_assoc);
    if (root.qos.empty()) root.qos = default_qos(change.books, change.policy);
    acct::add_cluster(change.books, std::move(cluster), root, change.now);
    change.note(each.name, fmt::format("name='{}'", each.name));
  }
  return Outcome::done();
}

Outcome modify_clusters(const Change& change, const wire::ModifyClusters& message) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  std::vector<std::string> names;
  for (const auto& [name, each] : change.books.clusters.copy()) {
    if (!selected(*each, message.cond)) continue;
    acct::Cluster changed = *each;
    if (message.rec.classification) changed.classification = message.rec.classification;
    if (message.rec.flags != kNoVal32 && message.rec.flags != 0) changed.flags = message.rec.flags;
    if (auto joined = change_federation(change.books, changed, message.rec); !joined)
      return Outcome::refused(joined.error().code, joined.error().text);
    changed.modified = change.now;
    change.books.clusters.set(name, std::move(changed));
    names.push_back(name);
  }
  if (names.empty()) return Outcome::nothing();
  change.note(named(names), fmt::format("classification={}", message.rec.classification));
  return Outcome::list(std::move(names));
}

Outcome remove_clusters(const Change& change, const wire::ClusterCond& cond) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  std::vector<std::string> names;
  for (const auto& [name, each] : change.books.clusters.rows())
    if (selected(*each, cond)) names.push_back(name);
  if (names.empty()) return Outcome::nothing(Errc::no_change_in_data);
  const std::set<std::string> going(names.begin(), names.end());
  const auto ids = assocs_where(change.books, [&](const acct::Assoc& a) { return going.contains(a.cluster); });
  if (auto refused = take_assocs(change, ids, {})) return *refused;
  for (const std::string& name : names) {
    acct::Cluster cluster = *change.books.clusters.find(name);
    cluster.federation.clear();
    cluster.fed_id = cluster.fed_state = 0;
    change.books.clusters.set(name, std::move(cluster));
    retire(change, change.books.clusters, name, true);
  }
  change.note(named(names), "");
  return Outcome::list(std::move(names));
}

Outcome add_accounts(const Change& change, const wire::AccountList& message) {
  const bool is_op = is_operator(change.books, change.actor);
  if (!is_op && acct::coordinated(change.books, change.actor.name).empty()) return Outcome::no_right();
  wire::AssocList assocs;
  for (const wire::AccountRec& each : message.list) {
    if (each.name.empty()) return Outcome::refused(Errc::error, "An account needs a name");
    const acct::Account* old = change.books.accounts.find(each.name);
    acct::Account account;
    account.name = each.name;
    account.description = each.description;
    account.organization = each.organization;
    account.created = old ? old->created : change.now;
    account.modified = change.now;
    if (old && !old->deleted) account.coordinators = old->coordinators;
    change.books.accounts.set(each.name, std::move(account));
    change.note(each.name, fmt::format("description='{}', organization='{}'", each.description, each.organization));
    assocs.list.insert(assocs.list.end(), each.assoc_list.begin(), each.assoc_list.end());
  }
  return assocs.list.empty() ? Outcome::done() : add_assocs(change, assocs);
}

namespace {

std::vector<std::string> select_accounts(const acct::Books& books, const wire::AccountCond& cond) {
  std::vector<std::string> names;
  for (const auto& [name, each] : books.accounts.rows())
    if (!each->deleted && wanted(cond.assoc_cond.acct_list, name) && wanted(cond.description_list, each->description) &&
        wanted(cond.organization_list, each->organization))
      names.push_back(name);
  return names;
}

}  // namespace

Outcome modify_accounts(const Change& change, const wire::ModifyAccounts& message) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  if (message.rec.description.empty() && message.rec.organization.empty()) return Outcome::nothing();
  std::vector<std::string> names = select_accounts(change.books, message.cond);
  if (names.empty()) return Outcome::nothing();
  std::string info;
  for (const std::string& name : names) {
    acct::Account changed = *change.books.accounts.find(name);
    if (!message.rec.description.empty()) changed.description = message.rec.description;
    if (!message.rec.organization.empty()) changed.organization = message.rec.organization;
    changed.modified = change.now;
    change.books.accounts.set(name, std::move(changed));
  }
  if (!message.rec.description.empty()) info += fmt::format("description='{}'", message.rec.description);
  if (!message.rec.organization.empty())
    info += fmt::format("{}organization='{}'", info.empty() ? "" : ", ", message.rec.organization);
  change.note(named(names), info);
  return Outcome::list(std::move(names));
}

Outcome remove_accounts(const Change& change, const wire::AccountCond& cond) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  std::vector<std::string> names = select_accounts(change.books, cond);
  if (names.empty()) return Outcome::nothing(Errc::no_change_in_data);
  const std::set<std::string> going(names.begin(), names.end());
  const auto ids = assocs_where(change.books, [&](const acct::Assoc& a) { return going.contains(a.account); });
  if (auto refused = take_assocs(change, ids, ids)) return *refused;
  for (const std::string& name : names) {
    const bool referred =
        std::ranges::any_of(change.books.assocs().rows(), [&](const auto& row) { return row.second->account == name; });
    retire(change, change.books.accounts, name, referred);
  }
  change.note(named(names), "");
  return Outcome::list(std::move(names));
}

Outcome add_users(const Change& change, const wire::UserList& message) {
  const bool is_op = is_operator(change.books, change.actor);
  if (!is_op && acct::coordinated(change.books, change.actor.name).empty()) return Outcome::no_right();
  wire::AssocList assocs;
  wire::WckeyList wckeys;
  for (const wire::UserRec& each : message.list) {
    if (each.name.empty()) return Outcome::refused(Errc::error, "A user needs a name");
    const auto level = static_cast<acct::AdminLevel>(each.admin_level);
    if (level > acct::AdminLevel::none && !is_administrator(change.books, change.actor)) return Outcome::no_right();
    const acct::User* old = change.books.users.find(each.name);
    acct::User user;
    user.name = each.name;
    user.admin_level = level != acct::AdminLevel::not_set ? level
                       : old && !old->deleted             ? old->admin_level
                                                          : acct::AdminLevel::none;
    user.created = old ? old->created : change.now;
    user.modified = change.now;
    change.books.users.set(each.name, std::move(user));
    change.note(each.name, fmt::format("admin_level={}", static_cast<unsigned>(level)));
    assocs.list.insert(assocs.list.end(), each.assoc_list.begin(), each.assoc_list.end());
    wckeys.list.insert(wckeys.list.end(), each.wckey_list.begin(), each.wckey_list.end());
  }
  if (!assocs.list.empty())
    if (Outcome added = add_assocs(change, assocs); !added.changed()) return added;
  if (!wckeys.list.empty()) return add_wckeys(change, wckeys);
  return Outcome::done();
}

namespace {

/// The default account of the user on the cluster, or on any where it is empty.
bool has_default(const acct::Books& books, const std::string& user, const std::vector<std::string>& accounts) {
  for (const auto& [id, each] : books.assocs().rows())
    if (!each->deleted && each->is_default && each->user == user && wanted(accounts, each->account)) return true;
  return false;
}

std::vector<std::string> select_users(const acct::Books& books, const wire::UserCond& cond) {
  std::vector<std::string> names;
  for (const auto& [name, each] : books.users.rows()) {
    if (each->deleted) continue;
    if (cond.assoc_cond.user_list && !wanted(*cond.assoc_cond.user_list, name)) continue;
    if (cond.admin_level != 0 && static_cast<std::uint16_t>(each->admin_level) != cond.admin_level) continue;
    if (!cond.def_acct_list.empty() && !has_default(books, name, cond.def_acct_list)) continue;
    names.push_back(name);
  }
  return names;
}

}  // namespace

Outcome modify_users(const Change& change, const wire::ModifyUsers& message) {
  acct::Books& books = change.books;
  const wire::UserRec& wish = message.rec;
  if (!is_operator(books, change.actor)) {
    const auto& users = message.cond.assoc_cond.user_list;
    if (!users || users->size() != 1 || users->front() != change.actor.name) return Outcome::no_right();
    if (wish.admin_level != 0)
      return Outcome::refused(Errc::access_denied,
                              "You can only change your own default account, default wckey nothing else");
  }
  if (wish.admin_level != 0 && !is_administrator(books, change.actor))
    return Outcome::refused(Errc::access_denied, "You must be a super user to modify a users admin level");
  std::vector<std::string> names = select_users(books, message.cond);
  if (names.empty() ||
      (wish.admin_level == 0 && wish.name.empty() && wish.default_acct.empty() && wish.default_wckey.empty()))
    return Outcome::nothing();
  if (!wish.name.empty() && names.size() != 1)
    return Outcome::refused(Errc::one_change, "Can only change one at a time");

  const auto& clusters = message.cond.assoc_cond.cluster_list;
  std::string info;
  for (const std::string& name : names) {
    acct::User changed = *books.users.find(name);
    if (wish.admin_level != 0) changed.admin_level = static_cast<acct::AdminLevel>(wish.admin_level);
    changed.modified = change.now;
    if (!wish.name.empty() && wish.name != name) {
      changed.name = wish.name;
      books.users.erase(name);
      std::vector<acct::Assoc> renamed;
      for (const auto& [id, each] : books.assocs().rows())
        if (each->user == name) renamed.push_back(*each);
      for (acct::Assoc& each : renamed) {
        books.erase_assoc(each.id);
        each.user = wish.name;
        books.set_assoc(std::move(each));
      }
    }
    const std::string now_called = changed.name;
    books.users.set(now_called, std::move(changed));
    if (!wish.default_acct.empty()) {
      for (const auto& [cluster, row] : books.clusters.rows()) {
        if (row->deleted || !wanted(clusters, cluster)) continue;
        const acct::Assoc* assoc = books.find_assoc(cluster, wish.default_acct, now_called, "");
        if (!assoc || assoc->deleted) continue;
        acct::make_default(books, assoc->id, change.now);
      }
    }
    if (!wish.default_wckey.empty()) {
      for (const auto& [cluster, row] : books.clusters.rows())
        if (!row->deleted && wanted(clusters, cluster))
          make_default_wckey(change, cluster, now_called, wish.default_wckey);
    }
  }
  if (wish.admin_level != 0) info += fmt::format("admin_level={}", wish.admin_level);
  if (!wish.name.empty()) info += fmt::format("name='{}'", wish.name);
  if (!wish.default_acct.empty()) info += fmt::format("default_acct='{}'", wish.default_acct);
  change.note(named(names), info);
  return Outcome::list(std::move(names));
}

Outcome remove_users(const Change& change, const wire::UserCond& cond) {
  acct::Books& books = change.books;
  const bool is_op = is_operator(books, change.actor);
  const auto coordinates = acct::coordinated(books, change.actor.name);
  if (!is_op && coordinates.empty()) return Outcome::no_right();
  std::vector<std::string> names = select_users(books, cond);
  if (names.empty()) return Outcome::nothing(Errc::no_change_in_data);
  const std::set<std::string> going(names.begin(), names.end());
  const auto ids = assocs_where(books, [&](const acct::Assoc& a) { return going.contains(a.user); });
  if (!is_op)
    for (std::uint32_t id : ids)
      if (!coordinates.contains(books.assocs().find(id)->account)) return Outcome::no_right();
  if (auto refused = take_assocs(change, ids, {})) return *refused;
  for (const auto& [name, each] : books.accounts.copy()) {
    acct::Account left = *each;
    if (std::erase_if(left.coordinators, [&](const std::string& user) { return going.contains(user); }) > 0)
      books.accounts.set(name, std::move(left));
  }
  for (const auto& [id, each] : books.wckeys.copy())
    if (going.contains(each->user)) books.wckeys.erase(id);
  for (const std::string& name : names) {
    const bool referred =
        std::ranges::any_of(books.assocs().rows(), [&](const auto& row) { return row.second->user == name; });
    retire(change, books.users, name, referred);
  }
  change.note(named(names), "");
  return Outcome::list(std::move(names));
}

Outcome add_coordinators(const Change& change, const wire::AcctCoord& message) {
  if (message.acct_list.empty() || !message.cond.assoc_cond.user_list || message.cond.assoc_cond.user_list->empty())
    return Outcome::refused(Errc::error, "Something was wrong with your query");
  for (const std::string& name : message.acct_list) {
    if (!may_change(change, name)) return Outcome::no_right();
    const acct::Account* old = change.books.accounts.find_live(name);
    if (!old) continue;
    acct::Account changed = *old;
    for (const std::string& user : *message.cond.assoc_cond.user_list) {
      changed.coordinators.insert(user);
      change.note(user, fmt::format("acct='{}'", name));
    }
    changed.modified = change.now;
    change.books.accounts.set(name, std::move(changed));
  }
  return Outcome::done();
}

Outcome remove_coordinators(const Change& change, const wire::AcctCoord& message) {
  std::vector<std::string> names;
  for (const auto& [name, each] : change.books.accounts.copy()) {
    if (each->deleted || !wanted(message.acct_list, name)) continue;
    acct::Account left = *each;
    for (const std::string& user : each->coordinators) {
      if (message.cond.assoc_cond.user_list && !wanted(*message.cond.assoc_cond.user_list, user)) continue;
      if (!may_change(change, name)) return Outcome::no_right();
      left.coordinators.erase(user);
      names.push_back(fmt::format("U = {:<9} A = {:<10}", user, name));
    }
    if (left.coordinators == each->coordinators) continue;
    left.modified = change.now;
    change.books.accounts.set(name, std::move(left));
  }
  if (names.empty()) return Outcome::unaffected();
  change.note(fmt::format("{} coordinators", names.size()), "");
  return Outcome::list(std::move(names));
}

}  // namespace flurm::dbd
