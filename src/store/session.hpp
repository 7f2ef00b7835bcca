// store/session.hpp — one connection to the database: statements with values, rows back. The only face of SOCI.
//
// Errors are DatabaseError inside this room; Store turns them into Result.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace flurm::store {

using Value = std::variant<std::int64_t, double, std::string>;
using Row = std::vector<Value>;

/// As a whole number, whatever the database made of it: some give sums as text.
std::int64_t whole(const Value& value);

class DatabaseError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Which database, and where.
struct Place {
  enum class Kind { sqlite, mysql, pgsql } kind = Kind::sqlite;
  std::string path;                        ///< of the SQLite file
  std::string host, name, user, password;  ///< of the others
  std::uint16_t port = 0;                  ///< 0: the usual one
};

/// Not for two threads at once.
class Session {
 public:
  explicit Session(const Place& place);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// `sql` has a `?` for each value, in order.
  void execute(const std::string& sql, const Row& values = {});
  std::vector<Row> query(const std::string& sql, const Row& values = {});
  /// The rows one by one, each gone with the next; `visit` asks nothing of this session.
  void for_each(const std::string& sql, const Row& values, const std::function<void(const Row&)>& visit);
  Place::Kind kind() const { return kind_; }
  /// The first column of the first row as a number; 0 when there is none.
  std::int64_t number(const std::string& sql, const Row& values = {});

  /// Tells `watch` of every question before it is asked; for tests that look at the database's plans.
  void watch(std::function<void(const std::string& sql, const Row& values)> watch) { watch_ = std::move(watch); }

  /// Transactions do not nest. begin() waits for other writers.
  void begin();
  void commit();
  void rollback();

 private:
  Place::Kind kind_;
  std::function<void(const std::string&, const Row&)> watch_;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flurm::store
