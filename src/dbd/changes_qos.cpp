// dbd/changes_qos.cpp — QOS, TRES and wckeys made, changed and taken away.
#include <algorithm>

#include "acct/edit.hpp"
#include "dbd/changes.hpp"
#include "dbd/select.hpp"
#include "dbd/translate.hpp"
#include "fmt/format.h"

namespace flurm::dbd {

Outcome add_qos(const Change& change, const wire::QosList& message) {
  if (!is_administrator(change.books, change.actor)) return Outcome::no_right();
  for (const wire::QosRec& each : message.list) {
    if (each.name.empty()) return Outcome::refused(Errc::error, "Failed to add qos.");
    const acct::Qos* old = change.books.find_qos(each.name);
    if (old && !old->deleted) continue;
    acct::Qos qos;
    qos.id = old ? old->id : change.books.next_qos_id++;
    qos.name = each.name;
    qos.created = old ? old->created : change.now;
    qos.modified = change.now;
    dbd::change(qos, each);
    if (acct::preemption_loop(change.books, qos.id, qos.preempt))
      return Outcome::refused(Errc::qos_preemption_loop, "QOS Preemption loop detected");
    change.books.qos.set(qos.id, std::move(qos));
    change.note(each.name, fmt::format("description='{}'", each.description));
  }
  return Outcome::done();
}

namespace {

std::vector<std::uint32_t> select_qos(const acct::Books& books, const wire::QosCond& cond) {
  std::vector<std::uint32_t> ids;
  for (const auto& [id, each] : books.qos.rows())
    if (!each->deleted && wanted(cond.name_list, each->name) && wanted(cond.id_list, id) &&
        wanted(cond.description_list, each->description))
      ids.push_back(id);
  // In the order of their names, as they are told.
  std::ranges::sort(ids, {}, [&](std::uint32_t id) { return books.qos.find(id)->name; });
  return ids;
}

}  // namespace

Outcome modify_qos(const Change& change, const wire::ModifyQos& message) {
  if (!is_administrator(change.books, change.actor)) return Outcome::no_right();
  std::vector<std::string> names;
  std::string where;
  for (std::uint32_t id : select_qos(change.books, message.cond)) {
    acct::Qos changed = *change.books.qos.find(id);
    dbd::change(changed, message.rec);
    changed.modified = change.now;
    if (acct::preemption_loop(change.books, id, changed.preempt))
      return Outcome::refused(Errc::qos_preemption_loop, "QOS Preemption loop detected");
    names.push_back(changed.name);
    where += fmt::format("{}name='{}'", where.empty() ? "(" : " || ", changed.name);
    change.books.qos.set(id, std::move(changed));
  }
  if (names.empty()) return Outcome::nothing();
  change.note(where + ")", "limits");
  return Outcome::list(std::move(names));
}

Outcome remove_qos(const Change& change, const wire::QosCond& cond) {
  if (!is_administrator(change.books, change.actor)) return Outcome::no_right();
  std::vector<std::string> names;
  std::string where;
  for (std::uint32_t id : select_qos(change.books, cond)) {
    const std::string name = change.books.qos.find(id)->name;
    bool used = false;
    const auto read = change.store.read([&](store::Reader& reader) { used = reader.has_jobs_of_qos(id); });
    if (!read) return Outcome::refused(read.error().code, read.error().text);
    acct::forget_qos(change.books, id, change.now);
    if (used) {
      // Jobs refer to its number: it stays, without limits.
      acct::Qos kept;
      kept.id = id;
      kept.name = name;
      kept.created = change.books.qos.find(id)->created;
      kept.modified = change.now;
      kept.deleted = true;
      change.books.qos.set(id, std::move(kept));
    } else {
      change.books.qos.erase(id);
    }
    names.push_back(name);
    where += fmt::format("{}id={}", where.empty() ? "" : " || ", id);
  }
  if (names.empty()) return Outcome::nothing();
  change.note(where, "");
  return Outcome::list(std::move(names));
}

Outcome add_tres(const Change& change, const wire::TresList& message) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  for (const wire::TresRec& each : message.list) {
    if (each.type.empty() || change.books.find_tres(each.type, each.name)) continue;
    acct::Tres tres;
    tres.id = change.books.next_tres_id++;
    tres.type = each.type;
    tres.name = each.name;
    change.books.tres.set(tres.id, std::move(tres));
    change.note(fmt::format("id={}", change.books.next_tres_id - 1),
                fmt::format("type='{}', name='{}'", each.type, each.name));
  }
  return Outcome::done();
}

bool make_default_wckey(const Change& change, const std::string& cluster, const std::string& user,
                        const std::string& name) {
  const acct::Wckey* chosen = change.books.find_wckey(cluster, user, name);
  if (!chosen || chosen->deleted) return false;
  const std::uint32_t chosen_id = chosen->id;
  for (const auto& [id, each] : change.books.wckeys.copy()) {
    if (each->cluster != cluster || each->user != user || each->is_default == (id == chosen_id)) continue;
    acct::Wckey changed = *each;
    changed.is_default = id == chosen_id;
    changed.modified = change.now;
    change.books.wckeys.set(id, std::move(changed));
  }
  return true;
}

Outcome add_wckeys(const Change& change, const wire::WckeyList& message) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  for (const wire::WckeyRec& each : message.list) {
    if (each.cluster.empty() || each.user.empty())
      return Outcome::refused(Errc::error, "A wckey needs a cluster and a user");
    const acct::Wckey* old = change.books.find_wckey(each.cluster, each.user, each.name);
    if (!old || old->deleted) {
      acct::Wckey wckey;
      wckey.id = old ? old->id : change.books.next_wckey_id++;
      wckey.cluster = each.cluster;
      wckey.user = each.user;
      wckey.name = each.name;
      wckey.created = wckey.modified = change.now;
      change.note(fmt::format("id_wckey={}", wckey.id), fmt::format("wckey='{}', user='{}'", each.name, each.user),
                  each.cluster);
      change.books.wckeys.set(wckey.id, std::move(wckey));
    }
    if (each.is_def == 1) make_default_wckey(change, each.cluster, each.user, each.name);
  }
  return Outcome::done();
}

Outcome remove_wckeys(const Change& change, const wire::WckeyCond& cond) {
  if (!is_operator(change.books, change.actor)) return Outcome::no_right();
  std::vector<std::string> names;
  for (const auto& [id, each] : change.books.wckeys.copy()) {
    if (each->deleted || !wanted(cond.cluster_list, each->cluster) || !wanted(cond.user_list, each->user) ||
        !wanted(cond.name_list, each->name) || !wanted(cond.id_list, id))
      continue;
    acct::Wckey kept = *each;
    kept.deleted = true;
    kept.is_default = false;
    kept.modified = change.now;
    change.books.wckeys.set(id, std::move(kept));
    names.push_back(fmt::format("C = {:<10} W = {:<20} U = {:<9}", each->cluster, each->name, each->user));
  }
  if (names.empty()) return Outcome::nothing();
  change.note(fmt::format("{} wckeys", names.size()), "");
  return Outcome::list(std::move(names));
}

}  // namespace flurm::dbd
