// store/session.cpp — SOCI: binding values of any number, and rows of any shape.
#include "store/session.hpp"

#include <map>

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "fmt/format.h"

namespace flurm::store {

namespace {

/// `?` becomes :v0, :v1, …, as all of SOCI's databases understand.
std::string numbered(const std::string& sql) {
  std::string out;
  int n = 0;
  for (char c : sql)
    if (c == '?')
      out += fmt::format(":v{}", n++);
    else
      out += c;
  return out;
}

Value value_of(const soci::row& row, std::size_t column) {
  if (row.get_indicator(column) == soci::i_null) return std::int64_t{0};
  switch (row.get_properties(column).get_data_type()) {
    case soci::dt_double:
      return row.get<double>(column);
    case soci::dt_integer:
      return std::int64_t{row.get<int>(column)};
    case soci::dt_long_long:
      return static_cast<std::int64_t>(row.get<long long>(column));
    case soci::dt_unsigned_long_long:
      return static_cast<std::int64_t>(row.get<unsigned long long>(column));
    default:
      return row.get<std::string>(column);
  }
}

}  // namespace

struct Session::Impl {
  soci::session sql;

  /// A statement and what it is bound to, kept for the next time.
  struct Prepared {
    explicit Prepared(soci::session& session) : statement(session) {}
    soci::statement statement;
    std::vector<long long> integers;
    std::vector<double> doubles;
    std::vector<std::string> texts;
  };

  void bind(Prepared& prepared, const Row& values) {
    // The places must not move while they are bound.
    prepared.integers.resize(values.size());
    prepared.doubles.resize(values.size());
    prepared.texts.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (const auto* number = std::get_if<std::int64_t>(&values[i])) {
        prepared.integers[i] = *number;
        prepared.statement.exchange(soci::use(prepared.integers[i]));
      } else if (const auto* real = std::get_if<double>(&values[i])) {
        prepared.doubles[i] = *real;
        prepared.statement.exchange(soci::use(prepared.doubles[i]));
      } else {
        prepared.texts[i] = std::get<std::string>(values[i]);
        prepared.statement.exchange(soci::use(prepared.texts[i]));
      }
    }
  }
};

namespace {

/// A value for a connection string, whatever it holds.
std::string quoted(const std::string& value) {
  std::string out = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

Session::Session(const Place& place) : kind_(place.kind), impl_(std::make_unique<Impl>()) {
  try {
    switch (place.kind) {
      case Place::Kind::sqlite:
        impl_->sql.open(soci::sqlite3, fmt::format("db={} timeout=30", place.path));
        // A commit is on the disk when it returns; readers go on while one writes.
        impl_->sql << "PRAGMA journal_mode=WAL";
        impl_->sql << "PRAGMA synchronous=FULL";
        return;
      // SOCI loads these from libraries of their own, when somebody asks for them.
      case Place::Kind::mysql:
        impl_->sql.open("mysql", fmt::format("db={} user={} password={} host={} port={} charset='utf8mb4'",
                                             quoted(place.name), quoted(place.user), quoted(place.password),
                                             quoted(place.host), place.port ? place.port : 3306));
        return;
      case Place::Kind::pgsql:
        impl_->sql.open("postgresql", fmt::format("dbname={} user={} password={} host={} port={}", quoted(place.name),
                                                  quoted(place.user), quoted(place.password), quoted(place.host),
                                                  place.port ? place.port : 5432));
        return;
    }
  } catch (const std::exception& error) {
    throw DatabaseError(error.what());
  }
}

Session::~Session() = default;

void Session::execute(const std::string& sql, const Row& values) {
  try {
    Impl::Prepared prepared(impl_->sql);
    impl_->bind(prepared, values);
    prepared.statement.alloc();
    prepared.statement.prepare(numbered(sql));
    prepared.statement.define_and_bind();
    prepared.statement.execute(true);
  } catch (const std::exception& error) {
    throw DatabaseError(error.what());
  }
}

void Session::for_each(const std::string& sql, const Row& values, const std::function<void(const Row&)>& visit) {
  if (watch_) watch_(sql, values);
  try {
    Impl::Prepared prepared(impl_->sql);
    soci::row row;
    prepared.statement.exchange(soci::into(row));
    impl_->bind(prepared, values);
    prepared.statement.alloc();
    prepared.statement.prepare(numbered(sql));
    prepared.statement.define_and_bind();
    if (!prepared.statement.execute(true)) return;
    Row out;
    do {
      out.clear();
      for (std::size_t i = 0; i < row.size(); ++i) out.push_back(value_of(row, i));
      visit(out);
    } while (prepared.statement.fetch());
  } catch (const std::exception& error) {
    throw DatabaseError(error.what());
  }
}

std::vector<Row> Session::query(const std::string& sql, const Row& values) {
  std::vector<Row> rows;
  for_each(sql, values, [&](const Row& row) { rows.push_back(row); });
  return rows;
}

std::int64_t whole(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return std::strtoll(text->c_str(), nullptr, 10);
  if (const auto* real = std::get_if<double>(&value)) return static_cast<std::int64_t>(*real);
  return std::get<std::int64_t>(value);
}

std::int64_t Session::number(const std::string& sql, const Row& values) {
  const std::vector<Row> rows = query(sql, values);
  return rows.empty() || rows[0].empty() ? 0 : whole(rows[0][0]);
}

void Session::begin() { execute(kind_ == Place::Kind::sqlite ? "BEGIN IMMEDIATE" : "BEGIN"); }
void Session::commit() { execute("COMMIT"); }
void Session::rollback() { execute("ROLLBACK"); }

}  // namespace flurm::store
