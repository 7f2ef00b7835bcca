// dbd/changes_assocs.cpp — associations made, changed and taken away.
#include <algorithm>
#include <set>

#include "acct/edit.hpp"
#include "dbd/changes.hpp"
#include "dbd/select.hpp"
#include "dbd/translate.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

namespace {

/// A coordinator may only give away QOS that the account has.
bool has_all_qos(const Change& change, const std::string& cluster, const std::string& account,
                 const std::optional<std::vector<std::string>>& wish) {
  if (is_operator(change.books, change.actor) || !wish) return true;
  const acct::Assoc* own = change.books.account_assoc(cluster, account);
  if (!own) return false;
  const std::vector<std::uint32_t> has = change.books.effective_qos(*own);
  for (const std::string& item : *wish) {
    const bool sign = !item.empty() && (item[0] == '+' || item[0] == '-');
    if (!item.empty() && item[0] == '-') continue;
    for (std::uint32_t id : numbers({item.substr(sign ? 1 : 0)}))
      if (std::ranges::find(has, id) == has.end()) return false;
  }
  return true;
}

std::string names_of(const acct::Assoc& assoc) {
  std::string text = fmt::format("acct='{}'", assoc.account);
  if (!assoc.user.empty()) text += fmt::format(", user='{}', partition='{}'", assoc.user, assoc.partition);
  return text;
}

}  // namespace

Outcome add_assocs(const Change& change, const wire::AssocList& message) {
  acct::Books& books = change.books;
  const bool is_op = is_operator(books, change.actor);
  if (!is_op) {
    if (!books.users.find_live(change.actor.name))
      return Outcome::refused(Errc::error, "Your user has not been added to the accounting system yet.");
    const auto own = acct::coordinated(books, change.actor.name);
    for (const wire::AssocRec& each : message.list) {
      const std::string account = !each.user.empty() ? each.acct : each.parent_acct.empty() ? "root" : each.parent_acct;
      if (!own.contains(account)) return Outcome::no_right();
    }
  }
  std::uint32_t rank = 0;
  std::pair<std::string, std::string> last_place;
  std::set<std::pair<std::string, std::string>> touched;
  // sacctmgr names each account with all its clusters; neighbours are those of one cluster.
  std::vector<wire::AssocRec> wishes = message.list;
  std::ranges::stable_sort(wishes, {}, &wire::AssocRec::cluster);
  for (const wire::AssocRec& each : wishes) {
    if (each.cluster.empty() || each.acct.empty())
      return Outcome::refused(Errc::error, "An association needs a cluster and an account");
    if (!has_all_qos(change, each.cluster, each.acct, each.qos_list)) return Outcome::no_right();
    acct::Assoc wish;
    wish.cluster = each.cluster;
    wish.account = each.acct;
    wish.user = each.user;
    wish.partition = each.user.empty() ? "" : each.partition;
    dbd::change(wish, each);
    const std::string parent = each.parent_acct.empty() ? "root" : each.parent_acct;
    // Neighbours made one after the other stand in that order, before those that were there.
    const std::pair place(each.cluster, each.user.empty() ? parent : each.acct);
    if (place != std::exchange(last_place, place)) rank = books.next_assoc_id;
    auto added = acct::add_assoc(books, wish, parent, rank, change.now);
    if (!added) return Outcome::refused(Errc::error, added.error().text);
    if (!*added) continue;
    const std::uint32_t id = (*added)->id;
    change.note(fmt::format("id_assoc={}", id), names_of(**added), each.cluster);
    if (each.user.empty()) continue;
    touched.emplace(each.cluster, each.user);
    // A coordinator chooses the default only for users that have none.
    if (each.is_def == 1 && (is_op || !books.default_assoc(each.cluster, each.user)))
      acct::make_default(books, id, change.now);
  }
  for (const auto& [cluster, user] : touched) acct::ensure_default(books, cluster, user, change.now);
  return Outcome::done();
}

namespace {

/// Users below an account that have none of the limits of its change themselves, and so get them too: what they are
/// called is appended.
void name_heirs(const acct::Books& books, const acct::Assoc& account, const wire::AssocRec& wish,
                std::vector<std::string>& names) {
  std::vector<acct::Books::Placed> below;
  for (const acct::Books::Placed& each : books.tree(account.cluster))
    if (each.assoc->parent_id == account.id && !each.assoc->deleted) below.push_back(each);
  for (const acct::Books::Placed& each : below) {
    const acct::AssocLimits& own = each.assoc->limits;
    wire::AssocRec inherited;
    bool any = false;
    const auto number = [&](std::uint32_t has, std::uint32_t wire::AssocRec::*member) {
      if (has != kInfinite32 || wish.*member == kNoVal32) return;
      inherited.*member = wish.*member;
      any = true;
    };
    number(own.def_qos_id, &wire::AssocRec::def_qos_id);
    number(own.max_jobs, &wire::AssocRec::max_jobs);
    number(own.max_jobs_accrue, &wire::AssocRec::max_jobs_accrue);
    number(own.min_prio_thresh, &wire::AssocRec::min_prio_thresh);
    number(own.max_submit_jobs, &wire::AssocRec::max_submit_jobs);
    number(own.max_wall_pj, &wire::AssocRec::max_wall_pj);
    number(own.priority, &wire::AssocRec::priority);
    for (auto member : {&wire::AssocRec::max_tres_pj, &wire::AssocRec::max_tres_pn, &wire::AssocRec::max_tres_mins_pj,
                        &wire::AssocRec::max_tres_run_mins}) {
      inherited.*member = wish.*member;
      any |= !(wish.*member).empty();
    }
    if (each.assoc->qos.empty() && wish.qos_list && !wish.qos_list->empty()) {
      inherited.qos_list = wish.qos_list;
      any = true;
    }
    if (!any) continue;
    if (each.assoc->user.empty())
      name_heirs(books, *each.assoc, inherited, names);
    else
      names.push_back(describe(books, *each.assoc, false));
  }
}

}  // namespace

Outcome modify_assocs(const Change& change, const wire::ModifyAssocs& message) {
  acct::Books& books = change.books;
  const wire::AssocRec& wish = message.rec;
  const bool is_op = is_operator(books, change.actor);
  // A user may choose the own default account, and nothing else.
  const bool own_default = !is_op && message.cond.user_list && message.cond.user_list->size() == 1 &&
                           message.cond.user_list->front() == change.actor.name && wish.is_def == 1;
  const auto coordinates = acct::coordinated(books, change.actor.name);
  if (!is_op && !own_default && coordinates.empty()) return Outcome::no_right();

  std::vector<std::string> names;
  std::string where;
  for (const acct::Books::Placed& placed : select_assocs(books, message.cond)) {
    const acct::Assoc* old = books.assocs().find(placed.assoc->id);
    // Without users named it is accounts that are meant.
    if (!message.cond.user_list && !old->user.empty()) continue;
    const acct::Assoc* above = books.assocs().find(old->parent_id);
    if (!is_op && !own_default) {
      const std::string& governing = old->user.empty() && above ? above->account : old->account;
      if (!coordinates.contains(governing) || !has_all_qos(change, old->cluster, governing, wish.qos_list))
        return Outcome::no_right();
    }
    const std::string name = describe(books, *old, false);
    if (old->user.empty() && !wish.parent_acct.empty()) {
      if (same_name(old->account, wish.parent_acct)) continue;
      auto moved = acct::move_account(books, old->id, wish.parent_acct, change.now);
      if (!moved) continue;
    }
    names.push_back(name);
    acct::Assoc changed = *books.assocs().find(placed.assoc->id);
    dbd::change(changed, wish);
    changed.modified = change.now;
    const std::uint32_t id = changed.id;
    const bool user = !changed.user.empty();
    where += fmt::format("{}id_assoc={}", where.empty() ? "(" : " || ", id);
    books.set_assoc(std::move(changed));
    if (wish.is_def == 1 && user) acct::make_default(books, id, change.now);
    if (!user) name_heirs(books, *books.assocs().find(id), wish, names);
  }
  if (names.empty()) return Outcome::nothing();
  change.note(where + ")", wish.parent_acct.empty() ? "limits" : fmt::format("parent_acct='{}'", wish.parent_acct));
  return Outcome::list(std::move(names));
}

Outcome remove_assocs(const Change& change, const wire::AssocCond& cond) {
  const acct::Books& books = change.books;
  const bool is_op = is_operator(books, change.actor);
  const auto coordinates = acct::coordinated(books, change.actor.name);
  if (!is_op && coordinates.empty()) return Outcome::no_right();
  std::vector<std::string> names;
  std::set<std::uint32_t> ids;
  std::string where;
  wire::AssocCond with_below = cond;
  with_below.with_sub_accts = true;
  for (const acct::Books::Placed& placed : select_assocs(books, with_below)) {
    const acct::Assoc& assoc = *placed.assoc;
    const acct::Assoc* above = books.assocs().find(assoc.parent_id);
    const std::string& governing = assoc.user.empty() && above ? above->account : assoc.account;
    if (!is_op && !coordinates.contains(governing)) return Outcome::refused(Errc::success, "No error");
    names.push_back(describe(books, assoc, true));
    ids.insert(assoc.id);
    where += fmt::format("{}id_assoc={}", where.empty() ? "" : " || ", assoc.id);
  }
  if (names.empty()) return Outcome::nothing(Errc::no_change_in_data);
  if (auto refused = take_assocs(change, ids, ids)) return *refused;
  change.note(where, "");
  return Outcome::list(std::move(names));
}

}  // namespace flurm::dbd
