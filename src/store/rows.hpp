// store/rows.hpp — many rows with one statement: a round to the database's server costs more than a row.
#pragma once
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "store/session.hpp"

namespace flurm::store {

class Rows {
 public:
  /// `into`: "table (column, …)".
  Rows(Session& session, std::string into, std::size_t columns)
      : session_(session), into_(std::move(into)), columns_(columns) {}
  /// May write what was added before.
  void add(Row row) {
    std::ranges::move(row, std::back_inserter(values_));
    if (values_.size() >= kValuesAtOnce) flush();
  }
  void flush() {
    if (values_.empty()) return;
    std::string one = "(?";
    for (std::size_t i = 1; i < columns_; ++i) one += ", ?";
    one += ")";
    std::string sql = "INSERT INTO " + into_ + " VALUES " + one;
    for (std::size_t i = columns_; i < values_.size(); i += columns_) sql += ", " + one;
    session_.execute(sql, values_);
    values_.clear();
  }

 private:
  static constexpr std::size_t kValuesAtOnce = 700;
  Session& session_;
  std::string into_;
  std::size_t columns_;
  Row values_;
};

}  // namespace flurm::store
