// store/columns.hpp — a record's members and their columns, named once for writing and reading.
#pragma once
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "acct/books.hpp"
#include "acct/job.hpp"
#include "store/session.hpp"

namespace flurm::store {

/// Runs over a record: collects names, or values, or assigns values.
class Columns {
 public:
  enum class Way { names, values, assign };
  explicit Columns(Way way) : way_(way) {}
  Columns(Way way, const Row& row) : row_(row), way_(way) {}

  template <class T>
  void operator()(const char* name, T& member) {
    switch (way_) {
      case Way::names:
        names_.push_back(name);
        return;
      case Way::values:
        row_.push_back(to_value(member));
        return;
      case Way::assign:
        if (at_ < row_.size()) from_value(row_[at_++], member);
        return;
    }
  }

  const std::vector<const char*>& names() const { return names_; }
  const Row& row() const { return row_; }

 private:
  template <class T>
  static Value to_value(const T& v) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      return static_cast<std::int64_t>(v);
    } else {
      return text_or_number(v);
    }
  }
  template <class T>
  static void from_value(const Value& value, T& v) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      v = static_cast<T>(whole(value));
    } else {
      assign(value, v);
    }
  }
  static Value text_or_number(const std::string& v) { return v; }
  static Value text_or_number(const double& v) { return v; }
  static Value text_or_number(const TimeS& v) { return v.v; }
  static Value text_or_number(const acct::TresCounts& v) { return acct::format_tres(v); }
  static Value text_or_number(const std::vector<std::uint32_t>& v);
  static Value text_or_number(const std::set<std::uint32_t>& v);
  static Value text_or_number(const std::vector<std::string>& v);
  static Value text_or_number(const std::set<std::string>& v);
  static Value text_or_number(const std::map<std::string, std::uint32_t>& v);
  static void assign(const Value& value, std::string& v);
  static void assign(const Value& value, double& v);
  static void assign(const Value& value, TimeS& v) { v.v = whole(value); }
  static void assign(const Value& value, acct::TresCounts& v);
  static void assign(const Value& value, std::vector<std::uint32_t>& v);
  static void assign(const Value& value, std::set<std::uint32_t>& v);
  static void assign(const Value& value, std::vector<std::string>& v);
  static void assign(const Value& value, std::set<std::string>& v);
  static void assign(const Value& value, std::map<std::string, std::uint32_t>& v);

  std::vector<const char*> names_;
  Row row_;
  std::size_t at_ = 0;
  Way way_;
};

void columns(Columns& c, acct::Cluster& r);
void columns(Columns& c, acct::Account& r);
void columns(Columns& c, acct::User& r);
void columns(Columns& c, acct::Assoc& r);
void columns(Columns& c, acct::Qos& r);
void columns(Columns& c, acct::Tres& r);
void columns(Columns& c, acct::Wckey& r);
void columns(Columns& c, acct::Resource& r);
void columns(Columns& c, acct::Federation& r);
void columns(Columns& c, acct::Transaction& r);
void columns(Columns& c, acct::Job& r);
void columns(Columns& c, acct::Step& r);
void columns(Columns& c, acct::Suspension& r);
void columns(Columns& c, acct::Event& r);
void columns(Columns& c, acct::Reservation& r);

/// "a, b, c" of all columns of R.
template <class R>
const std::string& column_list() {
  static const std::string list = [] {
    R record;
    Columns names(Columns::Way::names);
    columns(names, record);
    std::string text;
    for (const char* name : names.names()) text += (text.empty() ? "" : ", ") + std::string(name);
    return text;
  }();
  return list;
}

template <class R>
Row to_row(const R& record) {
  Columns values(Columns::Way::values);
  columns(values, const_cast<R&>(record));  // only reads
  return values.row();
}

template <class R>
R from_row(const Row& row) {
  R record;
  Columns assign(Columns::Way::assign, row);
  columns(assign, record);
  return record;
}

/// Writes a record in place of the one with the same key, which `key_columns` names ("cluster = ? AND id = ?").
template <class R>
void replace(Session& session, const char* table, const R& record, const char* key_columns, const Row& key) {
  session.execute(std::string("DELETE FROM ") + table + " WHERE " + key_columns, key);
  insert(session, table, record);
}
template <class R>
void insert(Session& session, const char* table, const R& record) {
  static const std::string marks = [] {
    std::string text = "?";
    for (std::size_t i = 1; i < to_row(R{}).size(); ++i) text += ", ?";
    return text;
  }();
  session.execute(std::string("INSERT INTO ") + table + " (" + column_list<R>() + ") VALUES (" + marks + ")",
                  to_row(record));
}
template <class R>
std::vector<R> select(Session& session, const char* table, const std::string& where, const Row& values) {
  std::vector<R> records;
  for (const Row& row : session.query(
           "SELECT " + column_list<R>() + " FROM " + table + (where.empty() ? "" : " WHERE ") + where, values))
    records.push_back(from_row<R>(row));
  return records;
}

}  // namespace flurm::store
