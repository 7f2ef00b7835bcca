// acct_wire/received.cpp — see received.hpp.
#include "acct_wire/received.hpp"

#include <algorithm>

#include "acct_wire/translate.hpp"

namespace flurm::acct {
namespace {

using wire::UpdateType;

/// A '=' says that the list is whole; that is how it is meant here anyway.
wire::AssocRec plain(wire::AssocRec rec) {
  if (rec.qos_list)
    for (std::string& item : *rec.qos_list)
      if (!item.empty() && item[0] == '=') item.erase(0, 1);
  return rec;
}

/// The order of the tree is told by numbers that grow from left to right; in the books higher ranks go first.
std::uint32_t rank_of(std::uint32_t left) { return kInfinite32 - left; }

void take(Assoc& assoc, const wire::AssocRec& rec) {
  change(assoc, plain(rec));
  // What is added to or taken from a list that is whole already.
  for (const std::string& delta : assoc.delta_qos)
    for (std::uint32_t id : numbers({delta.substr(1)})) {
      std::erase(assoc.qos, id);
      if (delta[0] == '+') assoc.qos.push_back(id);
    }
  assoc.delta_qos.clear();
  if (rec.lft != kNoVal32) assoc.rank = rank_of(rec.lft);
  if (rec.parent_id != 0) assoc.parent_id = rec.parent_id;
  if (rec.is_def != kNoVal16) assoc.is_default = rec.is_def == 1;
}

/// The books as they were with what the update has changed so far.
class Reader {
 public:
  Reader(const Books& books, const std::string& cluster) : books_(books), cluster_(cluster) {}

  void read(const wire::UpdateObject& object) {
    for (const wire::TresRec& rec : object.tres) news_.records.tres.set(rec.id, received(rec));
    for (const wire::QosRec& rec : object.qos) read_qos(object.type, rec);
    for (const wire::UserRec& rec : object.users) read_user(object.type, rec);
    for (const wire::AssocRec& rec : object.assocs) read_assoc(object.type, rec);
    for (const wire::WckeyRec& rec : object.wckeys) read_wckey(object.type, rec);
    for (const wire::ResRec& rec : object.res) read_resource(object.type, rec);
  }
  News take_news() { return std::move(news_); }

 private:
  template <class T, class Key>
  const T* find(const Table<Key, T>& fresh, const Table<Key, T>& known, const Key& key) const {
    const T* row = fresh.find(key);
    return row ? row : known.find(key);
  }
  const Assoc* find_assoc(std::uint32_t id) const {
    const Assoc* row = news_.records.assocs().find(id);
    return row ? row : books_.assocs().find(id);
  }

  void read_assoc(UpdateType type, const wire::AssocRec& rec) {
    if (!rec.cluster.empty() && rec.cluster != cluster_) return;
    switch (type) {
      case UpdateType::add_assoc:
        put(received(rec));
        return;
      case UpdateType::modify_assoc:
        if (const Assoc* known = find_assoc(rec.id)) {
          Assoc changed = *known;
          take(changed, rec);
          put(std::move(changed));
        }
        return;
      case UpdateType::remove_assoc:
        news_.assocs_gone.push_back(rec.id);
        news_.records.erase_assoc(rec.id);
        return;
      case UpdateType::remove_assoc_usage:
        news_.assocs_unused.push_back(rec.id);
        return;
      default:
        return;
    }
  }
  /// Of a user's associations one is the default.
  void put(Assoc assoc) {
    assoc.cluster = cluster_;
    if (assoc.is_default) {
      std::vector<Assoc> others;
      const auto unmark = [&](const Assoc& other) {
        if (other.user != assoc.user || !other.is_default || other.id == assoc.id) return;
        others.push_back(other);
        others.back().is_default = false;
      };
      for (const auto& [id, other] : books_.assocs().rows())
        if (!news_.records.assocs().find(id)) unmark(*other);
      for (const auto& [id, other] : news_.records.assocs().rows()) unmark(*other);
      for (Assoc& other : others) news_.records.set_assoc(std::move(other));
    }
    std::erase(news_.assocs_gone, assoc.id);
    news_.records.erase_assoc(assoc.id);
    news_.records.set_assoc(std::move(assoc));
  }

  void read_qos(UpdateType type, const wire::QosRec& rec) {
    Table<std::uint32_t, Qos>& fresh = news_.records.qos;
    switch (type) {
      case UpdateType::add_qos:
        fresh.set(rec.id, received(rec));
        return;
      case UpdateType::modify_qos:
        if (const Qos* known = find(fresh, books_.qos, rec.id)) {
          Qos changed = *known;
          change(changed, rec);
          if (rec.preempt_bitstr.size() != 0) changed.preempt = received(rec).preempt;
          fresh.set(rec.id, std::move(changed));
        }
        return;
      case UpdateType::remove_qos:
        news_.qos_gone.push_back(rec.id);
        fresh.erase(rec.id);
        return;
      case UpdateType::remove_qos_usage:
        news_.qos_unused.push_back(rec.id);
        return;
      default:
        return;
    }
  }

  void read_user(UpdateType type, const wire::UserRec& rec) {
    Table<std::string, User>& fresh = news_.records.users;
    switch (type) {
      case UpdateType::add_user:
        fresh.set(rec.name, received(rec));
        coordinate(rec);
        return;
      case UpdateType::add_coord:
      case UpdateType::remove_coord:
        coordinate(rec);
        return;
      case UpdateType::modify_user: {
        const std::string& name = rec.old_name.empty() ? rec.name : rec.old_name;
        const User* known = find(fresh, books_.users, name);
        User changed = known ? *known : User{};
        changed.name = rec.name;
        if (rec.admin_level != 0) changed.admin_level = static_cast<AdminLevel>(rec.admin_level);
        if (name != rec.name) {
          news_.users_gone.push_back(name);
          fresh.erase(name);
        }
        fresh.set(rec.name, std::move(changed));
        return;
      }
      case UpdateType::remove_user:
        news_.users_gone.push_back(rec.name);
        fresh.erase(rec.name);
        coordinate({.name = rec.name});
        return;
      default:
        return;
    }
  }
  /// The user's list, in place of the one before.
  void coordinate(const wire::UserRec& rec) {
    for (const auto& [name, account] : books_.accounts.rows()) {
      if (!account->coordinators.contains(rec.name)) continue;
      const Account* known = find(news_.records.accounts, books_.accounts, name);
      Account changed = *known;
      changed.coordinators.erase(rec.name);
      news_.records.accounts.set(name, std::move(changed));
    }
    for (const wire::CoordRec& coord : rec.coord_accts) {
      if (coord.direct == 0) continue;
      const Account* known = find(news_.records.accounts, books_.accounts, coord.name);
      Account changed = known ? *known : Account{.name = coord.name};
      changed.coordinators.insert(rec.name);
      news_.records.accounts.set(coord.name, std::move(changed));
    }
  }

  void read_wckey(UpdateType type, const wire::WckeyRec& rec) {
    if (!rec.cluster.empty() && rec.cluster != cluster_) return;
    Table<std::uint32_t, Wckey>& fresh = news_.records.wckeys;
    if (type == UpdateType::remove_wckey) {
      news_.wckeys_gone.push_back(rec.id);
      fresh.erase(rec.id);
      return;
    }
    const Wckey* known = find(fresh, books_.wckeys, rec.id);
    Wckey changed = known ? *known : received(rec);
    changed.cluster = cluster_;
    if (rec.is_def != kNoVal16) changed.is_default = rec.is_def == 1;
    if (changed.is_default)
      for (const auto& [id, other] : books_.wckeys.rows())
        if (other->user == changed.user && other->is_default && id != changed.id) {
          Wckey unmarked = *other;
          unmarked.is_default = false;
          fresh.set(id, std::move(unmarked));
        }
    fresh.set(rec.id, std::move(changed));
  }

  /// Of a resource a cluster is told its own share.
  void read_resource(UpdateType type, const wire::ResRec& rec) {
    if (!rec.clus_res_rec || rec.clus_res_rec->cluster != cluster_) return;
    Table<std::uint32_t, Resource>& fresh = news_.records.resources;
    if (type == UpdateType::remove_res) {
      news_.resources_gone.push_back(rec.id);
      fresh.erase(rec.id);
      return;
    }
    const Resource* known = find(fresh, books_.resources, rec.id);
    Resource changed = known ? *known : received(rec);
    change(changed, rec);
    if (const auto share = share_of(*rec.clus_res_rec)) changed.shares[cluster_] = *share;
    std::erase(news_.resources_gone, rec.id);
    fresh.set(rec.id, std::move(changed));
  }

  const Books& books_;
  const std::string& cluster_;
  News news_;
};

}  // namespace

bool News::empty() const {
  return records.assocs().size() + records.qos.size() + records.users.size() + records.accounts.size() +
             records.wckeys.size() + records.tres.size() + records.resources.size() + resources_gone.size() +
             assocs_gone.size() + qos_gone.size() + wckeys_gone.size() + users_gone.size() + accounts_gone.size() +
             assocs_unused.size() + qos_unused.size() ==
         0;
}

Assoc received(const wire::AssocRec& rec) {
  Assoc assoc;
  assoc.id = rec.id;
  assoc.cluster = rec.cluster;
  assoc.account = rec.acct;
  assoc.user = rec.user;
  assoc.partition = rec.partition;
  take(assoc, rec);
  return assoc;
}

Qos received(const wire::QosRec& rec) {
  Qos qos;
  qos.id = rec.id;
  qos.name = rec.name;
  change(qos, rec);
  for (std::size_t id = 0; id < rec.preempt_bitstr.size(); ++id)
    if (rec.preempt_bitstr.test(id)) qos.preempt.insert(static_cast<std::uint32_t>(id));
  return qos;
}

User received(const wire::UserRec& rec) {
  User user;
  user.name = rec.name;
  if (rec.admin_level != 0) user.admin_level = static_cast<AdminLevel>(rec.admin_level);
  return user;
}

Wckey received(const wire::WckeyRec& rec) {
  return {.id = rec.id, .cluster = rec.cluster, .user = rec.user, .name = rec.name, .is_default = rec.is_def == 1};
}

Tres received(const wire::TresRec& rec) { return {.id = rec.id, .type = rec.type, .name = rec.name}; }

Resource received(const wire::ResRec& rec) {
  Resource resource;
  resource.id = rec.id;
  resource.name = rec.name;
  resource.server = rec.server;
  change(resource, rec);
  for (const wire::ClusResRec& each : rec.clus_res_list)
    if (const auto share = share_of(each)) resource.shares[each.cluster] = *share;
  return resource;
}

void receive_coordinator(Books& books, const wire::UserRec& rec) {
  for (const wire::CoordRec& coord : rec.coord_accts) {
    if (coord.direct == 0) continue;
    const Account* known = books.accounts.find(coord.name);
    Account changed = known ? *known : Account{.name = coord.name};
    changed.coordinators.insert(rec.name);
    books.accounts.set(coord.name, std::move(changed));
  }
}

News read_update(const Books& books, const wire::AccountingUpdate& update, const std::string& cluster) {
  Reader reader(books, cluster);
  for (const wire::UpdateObject& object : update.update_list) reader.read(object);
  return reader.take_news();
}

}  // namespace flurm::acct
