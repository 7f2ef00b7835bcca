// store/store.cpp — connections, transactions, and the books.
#include "store/store.hpp"

#include <sys/stat.h>

#include "store/columns.hpp"
#include "store/migrations.hpp"

namespace flurm::store {

namespace {

/// A transaction that ends with the scope unless it was committed.
class Transaction {
 public:
  explicit Transaction(Session& session) : session_(session) { session_.begin(); }
  ~Transaction() {
    if (!open_) return;
    try {
      session_.rollback();
    } catch (const DatabaseError&) {  // the database does it when the connection is gone
    }
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    session_.commit();
    open_ = false;
  }

 private:
  Session& session_;
  bool open_ = true;
};

Row key_of(const std::string& key) { return {key}; }
Row key_of(std::uint32_t key) { return {std::int64_t{key}}; }

template <class Key, class T>
void load_table(Session& session, const char* table, acct::Table<Key, T>& out, Key T::*key) {
  for (T& row : select<T>(session, table, "", {})) {
    const Key at = row.*key;
    out.set(at, std::move(row));
  }
}

/// Writes the rows that are not the same object in both.
template <class Key, class T>
void save_table(Session& session, const char* table, const char* key, const acct::Table<Key, T>& before,
                const acct::Table<Key, T>& after) {
  auto old = before.rows().begin();
  auto now = after.rows().begin();
  const std::string where = std::string(key) + " = ?";
  while (old != before.rows().end() || now != after.rows().end()) {
    if (now == after.rows().end() || (old != before.rows().end() && old->first < now->first)) {
      session.execute(std::string("DELETE FROM ") + table + " WHERE " + where, key_of(old->first));
      ++old;
    } else if (old == before.rows().end() || now->first < old->first) {
      insert(session, table, *now->second);
      ++now;
    } else {
      if (old->second != now->second) replace(session, table, *now->second, where.c_str(), key_of(now->first));
      ++old;
      ++now;
    }
  }
}

struct Counter {
  const char* name;
  std::uint32_t acct::Books::*member;
};
constexpr Counter kCounters[] = {{"next_assoc", &acct::Books::next_assoc_id},
                                 {"next_qos", &acct::Books::next_qos_id},
                                 {"next_wckey", &acct::Books::next_wckey_id},
                                 {"next_tres", &acct::Books::next_tres_id},
                                 {"next_resource", &acct::Books::next_resource_id}};

void save_books(Session& session, const acct::Books& before, const acct::Books& after) {
  save_table(session, "clusters", "name", before.clusters, after.clusters);
  save_table(session, "accounts", "name", before.accounts, after.accounts);
  save_table(session, "users", "name", before.users, after.users);
  save_table(session, "assocs", "id", before.assocs(), after.assocs());
  save_table(session, "qos", "id", before.qos, after.qos);
  save_table(session, "tres", "id", before.tres, after.tres);
  save_table(session, "wckeys", "id", before.wckeys, after.wckeys);
  save_table(session, "resources", "id", before.resources, after.resources);
  save_table(session, "federations", "name", before.federations, after.federations);
  for (const Counter& each : kCounters)
    session.execute("UPDATE meta SET value = ? WHERE name = ?",
                    {std::int64_t{after.*each.member}, std::string(each.name)});
}

}  // namespace

/// Runs `work` on the connection that writes and turns what the database throws into an error.
template <class Work>
auto Store::writing(Work&& work) -> decltype(work(std::declval<Session&>())) {
  std::lock_guard lock(writing_);
  try {
    if (!writer_) writer_ = std::make_unique<Session>(place_);
    return work(*writer_);
  } catch (const DatabaseError& error) {
    writer_.reset();
    return fail(Errc::db_connection, "{}", error.what());
  }
}

Result<std::unique_ptr<Store>> Store::open(const Place& place) {
  std::unique_ptr<Store> store(new Store(place));
  const mode_t mask = umask(077);  // what users did is not for everybody to read
  const auto opened = store->writing([](Session& session) -> Result<void> {
    migrate(session);
    return {};
  });
  umask(mask);
  if (!opened) return fail(opened.error());
  return store;
}

Store::~Store() = default;

Result<Loaded> Store::load(const acct::Books& founding) {
  return writing([&](Session& session) -> Result<Loaded> {
    Transaction transaction(session);
    session.execute("UPDATE meta SET value = value WHERE name = 'schema'");  // one at a time, as in save()
    if (session.query("SELECT value FROM meta WHERE name = 'revision'").empty()) {
      for (const Counter& each : kCounters)
        session.execute("INSERT INTO meta (name, value) VALUES (?, 0)", {std::string(each.name)});
      for (const char* name : {"last_job", "last_transaction"})
        session.execute("INSERT INTO meta (name, value) VALUES (?, 0)", {std::string(name)});
      session.execute("INSERT INTO meta (name, value) VALUES ('revision', 1)");
      save_books(session, {}, founding);
    }
    auto books = std::make_shared<acct::Books>();
    load_table(session, "clusters", books->clusters, &acct::Cluster::name);
    load_table(session, "accounts", books->accounts, &acct::Account::name);
    load_table(session, "users", books->users, &acct::User::name);
    for (acct::Assoc& assoc : select<acct::Assoc>(session, "assocs", "", {})) books->set_assoc(std::move(assoc));
    load_table(session, "qos", books->qos, &acct::Qos::id);
    load_table(session, "tres", books->tres, &acct::Tres::id);
    load_table(session, "wckeys", books->wckeys, &acct::Wckey::id);
    load_table(session, "resources", books->resources, &acct::Resource::id);
    load_table(session, "federations", books->federations, &acct::Federation::name);
    for (const Counter& each : kCounters)
      (*books).*each.member =
          static_cast<std::uint32_t>(session.number("SELECT value FROM meta WHERE name = ?", {std::string(each.name)}));
    Loaded loaded{std::move(books),
                  static_cast<std::uint64_t>(session.number("SELECT value FROM meta WHERE name = 'revision'"))};
    transaction.commit();
    return loaded;
  });
}

Result<std::uint64_t> Store::save(const acct::Books& before, const acct::Books& after,
                                  std::span<const acct::Transaction> log, std::uint64_t revision) {
  return writing([&](Session& session) -> Result<std::uint64_t> {
    Transaction transaction(session);
    // Writing first keeps all others waiting, whatever the database.
    session.execute("UPDATE meta SET value = value WHERE name = 'schema'");
    session.execute("UPDATE meta SET value = value + 1 WHERE name = 'revision'");
    const auto found = static_cast<std::uint64_t>(session.number("SELECT value FROM meta WHERE name = 'revision'")) - 1;
    if (found != revision) return fail(Errc::outdated, "revision {}, not {}", found, revision);
    save_books(session, before, after);
    std::int64_t id = session.number("SELECT value FROM meta WHERE name = 'last_transaction'");
    for (acct::Transaction each : log) {
      each.id = static_cast<std::uint32_t>(++id);
      insert(session, "transactions", each);
    }
    session.execute("UPDATE meta SET value = ? WHERE name = 'last_transaction'", {id});
    transaction.commit();
    return revision + 1;
  });
}

Result<std::uint64_t> Store::revision() {
  return writing([&](Session& session) -> Result<std::uint64_t> {
    return static_cast<std::uint64_t>(session.number("SELECT value FROM meta WHERE name = 'revision'"));
  });
}

Result<void> Store::write(const std::function<Result<void>(Writer&)>& work) {
  return writing([&](Session& session) -> Result<void> {
    Transaction transaction(session);
    Writer writer(session);
    FLURM_TRY_VOID(work(writer));
    writer.flush();
    transaction.commit();
    return {};
  });
}

Result<void> Store::read(const std::function<void(Reader&)>& work) {
  std::unique_ptr<Session> session;
  {
    std::lock_guard lock(idle_mutex_);
    if (!idle_readers_.empty()) {
      session = std::move(idle_readers_.back());
      idle_readers_.pop_back();
    }
  }
  for (bool fresh = !session;; fresh = true) {
    try {
      if (fresh) session = std::make_unique<Session>(place_);
      Reader reader(*session);
      work(reader);
      break;
    } catch (const DatabaseError& error) {
      // One that was idle may have been lost meanwhile.
      if (fresh) return fail(Errc::db_connection, "{}", error.what());
    }
  }
  std::lock_guard lock(idle_mutex_);
  idle_readers_.push_back(std::move(session));
  return {};
}

}  // namespace flurm::store
