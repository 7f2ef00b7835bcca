// dbd/sql_text.hpp — the little SQL that archives of slurmdbd are written in, as data: rows to insert, and tables that
// are emptied. Nothing of it is ever given to a database.
//
//   insert into TABLE (COLUMN, …) values (VALUE, …), … [on duplicate key update COLUMN=VALUES(COLUMN), …];
//   delete from TABLE where [alloc_nodes='NODES'] cluster='NAME';
//   truncate table TABLE;
//
// Names stand alone, in `…` or in "…"; values are '…' (with '' and \ as MariaDB reads them), numbers or NULL. Words in
// capitals or not. The last semicolon may be missing.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace flurm::dbd {

struct SqlInsert {
  std::string table;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< as many values as columns; NULL is empty
  bool replaces = false;                       ///< what is there already is updated
  std::vector<std::string> updated;            ///< then these columns of it
};

struct SqlRemoval {
  std::string table;
  std::string cluster;  ///< of whom; empty: the table's name says it
  std::string nodes;    ///< only what has just these, as a text or their number; empty: all
};

using SqlStatement = std::variant<SqlInsert, SqlRemoval>;

/// It begins like such a text.
bool is_sql(std::string_view text);

/// Hands `take` one statement after the other; its error ends the reading. Memory: some times the longest statement.
/// Errors: parse (with the line), whatever `take` returns.
Result<void> read_sql(std::string_view text, const std::function<Result<void>(const SqlStatement&)>& take);

}  // namespace flurm::dbd
