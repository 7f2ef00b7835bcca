// acct/edit.cpp — the changes that books go through.
#include "acct/edit.hpp"

#include <algorithm>

#include "fmt/format.h"

namespace flurm::acct {

void add_cluster(Books& books, Cluster cluster, const Assoc& root, TimeS now) {
  const std::string name = cluster.name;
  cluster.deleted = false;
  cluster.created = cluster.modified = now;
  books.clusters.set(name, std::move(cluster));

  Assoc account = root;
  account.cluster = name;
  account.account = "root";
  account.user.clear();
  account.partition.clear();
  if (account.qos.empty()) account.qos = {1};  // the QOS "normal"
  const Assoc* old = books.find_assoc(name, "root", "", "");
  account.id = old ? old->id : books.next_assoc_id++;
  account.parent_id = 0;
  account.deleted = false;
  account.created = account.modified = now;
  books.set_assoc(account);

  Assoc user;
  user.cluster = name;
  user.account = user.user = "root";
  user.is_default = true;
  (void)add_assoc(books, user, "root", books.next_assoc_id, now);
}

Result<const Assoc*> add_assoc(Books& books, const Assoc& wish, const std::string& parent, std::uint32_t rank,
                               TimeS now) {
  const Assoc* above = books.account_assoc(wish.cluster, wish.user.empty() ? parent : wish.account);
  if (!above) return fail(Errc::invalid_parent_account, "no account {} on {}", parent, wish.cluster);
  const Assoc* old = books.find_assoc(wish.cluster, wish.account, wish.user, wish.partition);
  if (old && !old->deleted) return nullptr;
  Assoc assoc = wish;
  assoc.id = old ? old->id : books.next_assoc_id++;
  assoc.parent_id = above->id;
  assoc.rank = old ? old->rank : rank;
  assoc.deleted = false;
  assoc.created = old ? old->created : now;
  assoc.modified = now;
  const std::uint32_t id = assoc.id;
  books.set_assoc(std::move(assoc));
  return books.assocs().find(id);
}

Result<void> move_account(Books& books, std::uint32_t id, const std::string& parent, TimeS now) {
  const Assoc* account = books.assocs().find(id);
  const Assoc* above = books.account_assoc(account->cluster, parent);
  if (!above) return fail(Errc::invalid_parent_account, "no account {}", parent);
  if (above->id == account->parent_id) return fail(Errc::same_parent_account, "{} is there already", parent);
  if (above->id == id || account->parent_id == 0)
    return fail(Errc::invalid_parent_account, "{} stays", account->account);
  const auto put = [&](std::uint32_t which, std::uint32_t beneath) {
    Assoc moved = *books.assocs().find(which);
    moved.parent_id = beneath;
    moved.rank = books.next_assoc_id++;  // comes first among its new neighbours
    moved.modified = now;
    books.set_assoc(std::move(moved));
  };
  const std::uint32_t old_parent = account->parent_id, new_parent = above->id;
  // Beneath one of its own: that one takes its place first.
  if (books.below(*above, id)) put(new_parent, old_parent);
  put(id, new_parent);
  return {};
}

void make_default(Books& books, std::uint32_t id, TimeS now) {
  const Assoc chosen = *books.assocs().find(id);
  std::vector<Assoc> changed;
  for (const auto& [other_id, each] : books.assocs().rows()) {
    if (each->user != chosen.user || each->cluster != chosen.cluster || each->user.empty()) continue;
    const bool wanted = each->account == chosen.account && !each->deleted;
    if (each->is_default != wanted) changed.push_back(*each);
  }
  for (Assoc& each : changed) {
    each.is_default = !each.is_default;
    each.modified = now;
    books.set_assoc(std::move(each));
  }
}

void ensure_default(Books& books, const std::string& cluster, const std::string& user, TimeS now) {
  if (books.default_assoc(cluster, user)) return;
  for (const auto& [id, each] : books.assocs().rows()) {
    if (each->deleted || each->user != user || each->cluster != cluster) continue;
    return make_default(books, id, now);
  }
}

std::set<std::uint32_t> with_below(const Books& books, const std::set<std::uint32_t>& ids) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> children;
  for (const auto& [id, each] : books.assocs().rows())
    if (!each->deleted) children[each->parent_id].push_back(id);
  std::set<std::uint32_t> all;
  std::vector<std::uint32_t> open(ids.begin(), ids.end());
  while (!open.empty()) {
    const std::uint32_t id = open.back();
    open.pop_back();
    if (!all.insert(id).second) continue;
    const auto& below = children[id];
    open.insert(open.end(), below.begin(), below.end());
  }
  return all;
}

void remove_assocs(Books& books, const std::set<std::uint32_t>& ids, const std::set<std::uint32_t>& used, TimeS now) {
  // What stays needs what is above it.
  std::set<std::uint32_t> needed = used;
  for (const auto& [id, each] : books.assocs().rows()) {
    if (ids.contains(id) && !used.contains(id) && !each->deleted) continue;
    for (const Assoc* at = each.get(); at; at = books.assocs().find(at->parent_id)) needed.insert(at->id);
  }
  for (std::uint32_t id : ids) {
    const Assoc* old = books.assocs().find(id);
    if (!old) continue;
    if (!needed.contains(id)) {
      books.erase_assoc(id);
      continue;
    }
    Assoc kept;
    kept.id = id;
    kept.cluster = old->cluster;
    kept.account = old->account;
    kept.user = old->user;
    kept.partition = old->partition;
    kept.parent_id = old->parent_id;
    kept.rank = old->rank;
    kept.created = old->created;
    kept.modified = now;
    kept.deleted = true;
    books.set_assoc(std::move(kept));
  }
}

bool preemption_loop(const Books& books, std::uint32_t id, const std::set<std::uint32_t>& preempt) {
  std::set<std::uint32_t> seen;
  std::vector<std::uint32_t> open(preempt.begin(), preempt.end());
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (at == id) return true;
    if (!seen.insert(at).second) continue;
    if (const Qos* qos = books.qos.find_live(at)) open.insert(open.end(), qos->preempt.begin(), qos->preempt.end());
  }
  return false;
}

void forget_qos(Books& books, std::uint32_t id, TimeS now) {
  std::vector<Qos> others;
  for (const auto& [other_id, each] : books.qos.rows())
    if (each->preempt.contains(id)) others.push_back(*each);
  for (Qos& each : others) {
    each.preempt.erase(id);
    books.qos.set(each.id, std::move(each));
  }
  const std::string plus = fmt::format("+{}", id), minus = fmt::format("-{}", id);
  std::vector<Assoc> changed;
  for (const auto& [assoc_id, each] : books.assocs().rows()) {
    Assoc copy = *each;
    std::erase(copy.qos, id);
    std::erase_if(copy.delta_qos, [&](const std::string& delta) { return delta == plus || delta == minus; });
    if (!(copy == *each)) changed.push_back(std::move(copy));
  }
  for (Assoc& each : changed) {
    each.modified = now;
    books.set_assoc(std::move(each));
  }
}

std::map<std::string, bool> coordinated(const Books& books, const std::string& user) {
  std::map<std::string, bool> result;
  std::set<std::uint32_t> tops;
  for (const auto& [name, each] : books.accounts.rows()) {
    if (each->deleted || !each->coordinators.contains(user)) continue;
    result[name] = true;
  }
  if (result.empty()) return result;
  for (const auto& [id, each] : books.assocs().rows())
    if (each->user.empty() && !each->deleted && result.contains(each->account)) tops.insert(id);
  for (std::uint32_t id : with_below(books, tops)) {
    const Assoc* assoc = books.assocs().find(id);
    if (assoc->user.empty()) result.emplace(assoc->account, false);
  }
  return result;
}

std::map<std::string, bool> coordinators(const Books& books, const std::string& account) {
  std::map<std::string, bool> result;
  // A controller's books only have accounts that somebody coordinates.
  if (const Account* own = books.accounts.find_live(account))
    for (const std::string& user : own->coordinators) result[user] = true;
  for (const auto& [id, each] : books.assocs().rows()) {
    if (each->deleted || !each->user.empty() || each->account != account) continue;
    for (const Assoc* at = books.assocs().find(each->parent_id); at; at = books.assocs().find(at->parent_id)) {
      const Account* above = books.accounts.find_live(at->account);
      if (!above) continue;
      for (const std::string& user : above->coordinators) result.emplace(user, false);
    }
  }
  return result;
}

}  // namespace flurm::acct
