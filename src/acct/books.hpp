// acct/books.hpp — all that accounting knows besides jobs, as one value.
//
// A copy shares the records and is cheap beside a transaction of a database: a request that changes something works on
// a copy, and the copy takes the place of the original when the change is committed.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <tuple>

#include "acct/records.hpp"
#include "base/result.hpp"

namespace flurm::acct {

/// Records under a key, shared between copies.
template <class Key, class T>
class Table {
 public:
  using Map = std::map<Key, std::shared_ptr<const T>>;

  const T* find(const Key& key) const {
    auto at = rows_.find(key);
    return at == rows_.end() ? nullptr : at->second.get();
  }
  /// The same, unless it is marked as deleted.
  const T* find_live(const Key& key) const {
    const T* row = find(key);
    return row && !row->deleted ? row : nullptr;
  }
  void set(const Key& key, T row) { rows_[key] = std::make_shared<const T>(std::move(row)); }
  void erase(const Key& key) { rows_.erase(key); }
  std::size_t size() const { return rows_.size(); }
  const Map& rows() const { return rows_; }
  /// To go through while the table changes.
  Map copy() const { return rows_; }
  std::uint32_t last_id() const requires std::is_same_v<Key, std::uint32_t> {
    return rows_.empty() ? 0 : rows_.rbegin()->first;
  }

 private:
  Map rows_;
};

class Books {
 public:
  Table<std::string, Cluster> clusters;
  Table<std::string, Account> accounts;
  Table<std::string, User> users;
  Table<std::uint32_t, Qos> qos;
  Table<std::uint32_t, Tres> tres;
  Table<std::uint32_t, Wckey> wckeys;
  Table<std::uint32_t, Resource> resources;
  Table<std::string, Federation> federations;

  const Table<std::uint32_t, Assoc>& assocs() const { return assocs_; }
  void set_assoc(Assoc assoc);
  void erase_assoc(std::uint32_t id);

  /// With `partition` empty: that of all partitions. Deleted ones too.
  const Assoc* find_assoc(const std::string& cluster, const std::string& account, const std::string& user,
                          const std::string& partition) const;
  /// The account's own association, if it is not deleted.
  const Assoc* account_assoc(const std::string& cluster, const std::string& account) const;
  const Qos* find_qos(std::string_view name) const;
  const Tres* find_tres(std::string_view type, std::string_view name) const;
  const Wckey* find_wckey(const std::string& cluster, const std::string& user, const std::string& name) const;
  const Resource* find_resource(std::string_view name, std::string_view server, std::uint32_t type) const;
  /// Licenses of servers that the cluster has shares of, as slurm.conf would say it: "fluent@server:20,idl@server:5".
  std::string remote_licenses(const std::string& cluster) const;
  /// The default association of the user on the cluster; null: none.
  const Assoc* default_assoc(const std::string& cluster, const std::string& user) const;

  /// The association with what the accounts above give it.
  Assoc effective(const Assoc& assoc) const;
  /// QOS that jobs of the association may use; `with_default` is of no concern here.
  std::vector<std::uint32_t> effective_qos(const Assoc& assoc) const;
  /// `assoc` is `ancestor` or below it.
  bool below(const Assoc& assoc, std::uint32_t ancestor) const;

  /// A cluster's associations as a tree is written: each before those below it. left and right number them so that
  /// those below another have numbers between its two. Deleted ones stand where they were.
  struct Placed {
    const Assoc* assoc;
    std::uint32_t left, right;
  };
  std::vector<Placed> tree(const std::string& cluster) const;

  /// Numbers for new records; they are never used twice.
  std::uint32_t next_assoc_id = 1, next_qos_id = 1, next_wckey_id = 1, next_tres_id = tres_first_dynamic,
                next_resource_id = 1;

 private:
  using Name = std::tuple<std::string, std::string, std::string, std::string>;
  Table<std::uint32_t, Assoc> assocs_;
  std::map<Name, std::uint32_t> assoc_by_name_;
};

/// What an empty set of books begins with: the TRES that always exist, the QOS "normal", the account and the user root.
Books founding_books(TimeS now);

}  // namespace flurm::acct
