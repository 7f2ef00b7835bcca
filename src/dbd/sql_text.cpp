// dbd/sql_text.cpp — see the header.
#include "dbd/sql_text.hpp"

#include <algorithm>
#include <cctype>

namespace flurm::dbd {

namespace {

constexpr std::size_t kColumnsMax = 256, kNameMax = 256;
constexpr std::string_view kBegins[] = {"insert into ", "delete from ", "truncate table ", "drop table "};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.'; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// What follows a backslash within '…' (MariaDB, "String Literals").
char escaped(char letter) {
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case '0':
      return '\0';
    case 'Z':
      return '\x1a';
    default:
      return letter;
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  /// No statement is left.
  bool done() {
    while (sign(';')) {
    }
    return at_ == text_.size();
  }

  Result<SqlStatement> statement() {
    if (word("insert")) return insert();
    SqlRemoval removal;
    if (word("truncate")) {
      FLURM_TRY_VOID(need_word("table"));
      FLURM_TRY(removal.table, name());
    } else if (word("delete")) {
      FLURM_TRY_VOID(need_word("from"));
      FLURM_TRY(removal.table, name());
      FLURM_TRY_VOID(need_word("where"));
      if (word("alloc_nodes")) {
        FLURM_TRY_VOID(need('='));
        FLURM_TRY(removal.nodes, quoted());
        if (removal.nodes.empty()) return wrong("nodes before this");
        if (!word("and") && sign('&')) FLURM_TRY_VOID(need('&'));  // slurmdbd does not miss it, either
      }
      FLURM_TRY_VOID(need_word("cluster"));
      FLURM_TRY_VOID(need('='));
      FLURM_TRY(removal.cluster, quoted());
    } else {
      return wrong("insert, delete or truncate");
    }
    FLURM_TRY_VOID(end());
    return removal;
  }

 private:
  Result<SqlStatement> insert() {
    SqlInsert insert;
    FLURM_TRY_VOID(need_word("into"));
    FLURM_TRY(insert.table, name());
    FLURM_TRY_VOID(need('('));
    do {
      if (insert.columns.size() == kColumnsMax) return wrong("fewer columns");
      FLURM_TRY(std::string column, name());
      insert.columns.push_back(std::move(column));
    } while (sign(','));
    FLURM_TRY_VOID(need(')'));
    FLURM_TRY_VOID(need_word("values"));
    // Slurm's own files have no comma between some rows; slurmdbd does not miss it.
    do {
      FLURM_TRY(std::vector<std::string> row, values(insert.columns.size()));
      insert.rows.push_back(std::move(row));
    } while (sign(',') || next() == '(');
    if (word("on")) {
      insert.replaces = true;
      FLURM_TRY(insert.updated, updates());
    }
    FLURM_TRY_VOID(end());
    return insert;
  }

  Result<std::vector<std::string>> values(std::size_t count) {
    std::vector<std::string> row;
    row.reserve(count);
    FLURM_TRY_VOID(need('('));
    do {
      if (row.size() == count) return wrong("')', for there are no more columns");
      FLURM_TRY(std::string each, value());
      row.push_back(std::move(each));
    } while (sign(','));
    if (row.size() != count) return wrong("more values: there are more columns");
    FLURM_TRY_VOID(need(')'));
    return row;
  }

  /// After "on". Of LAST_INSERT_ID(…) nothing is left to do here.
  Result<std::vector<std::string>> updates() {
    std::vector<std::string> updated;
    for (const char* each : {"duplicate", "key", "update"}) FLURM_TRY_VOID(need_word(each));
    do {
      if (updated.size() == kColumnsMax) return wrong("fewer columns");
      FLURM_TRY(const std::string column, name());
      FLURM_TRY_VOID(need('='));
      const bool new_value = word("values");
      if (!new_value) FLURM_TRY_VOID(need_word("last_insert_id"));
      FLURM_TRY_VOID(need('('));
      FLURM_TRY(const std::string from, name());
      if (from != column) return wrong("the column itself");
      FLURM_TRY_VOID(need(')'));
      if (new_value) updated.push_back(column);
    } while (sign(','));
    return updated;
  }

  Result<std::string> value() {
    if (next() == '\'') return quoted();
    const std::size_t begin = at_;
    if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (same(word, "null")) return std::string();
    const bool number =
        word.find_first_of("0123456789") != word.npos && word.size() < 64 &&
        std::ranges::all_of(word, [](char c) { return std::string_view("0123456789.eE+-").contains(c); });
    if (number) return std::string(word);
    at_ = begin;
    return wrong("a value");
  }

  Result<std::string> quoted() {
    FLURM_TRY_VOID(need('\''));
    std::string value;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\\' && at_ < text_.size())
        value += escaped(text_[at_++]);
      else if (c != '\'')
        value += c;
      else if (at_ < text_.size() && text_[at_] == '\'')
        value += text_[at_++];
      else
        return value;
    }
    return wrong("the quote's end");
  }

  Result<std::string> name() {
    const char quote = next();
    const bool is_quoted = quote == '`' || quote == '"';
    const std::size_t begin = is_quoted ? at_ + 1 : at_;
    std::size_t end = begin;
    while (end < text_.size() && (is_quoted ? text_[end] != quote : is_word(text_[end]))) ++end;
    if (end == begin || end - begin > kNameMax || (is_quoted && end == text_.size())) return wrong("a name");
    at_ = is_quoted ? end + 1 : end;
    return std::string(text_.substr(begin, end - begin));
  }

  /// The next character that is not blank; 0 at the end.
  char next() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool sign(char c) {
    if (next() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view expected) {
    next();
    const std::size_t end = at_ + expected.size();
    if (!same(text_.substr(at_, expected.size()), expected) || (end < text_.size() && is_word(text_[end])))
      return false;
    at_ = end;
    return true;
  }
  Result<void> need(char c) { return sign(c) ? Result<void>() : wrong(std::string("'") + c + "'"); }
  Result<void> need_word(std::string_view expected) { return word(expected) ? Result<void>() : wrong(expected); }
  Result<void> end() {
    next();
    return at_ == text_.size() || sign(';') ? Result<void>() : wrong("';'");
  }
  std::unexpected<Error> wrong(std::string_view expected) {
    const char found = next();
    const auto line = 1 + std::ranges::count(text_.substr(0, at_), '\n');
    const std::string rest(text_.substr(at_, 20));
    return fail(Errc::parse, "SQL, line {}: {} is expected at {}", line, expected,
                found ? "'" + rest.substr(0, rest.find('\n')) + "'" : "the end");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_sql(std::string_view text) {
  return std::ranges::any_of(kBegins,
                             [&](std::string_view begin) { return same(text.substr(0, begin.size()), begin); });
}

Result<void> read_sql(std::string_view text, const std::function<Result<void>(const SqlStatement&)>& take) {
  Parser parser(text);
  while (!parser.done()) {
    FLURM_TRY(const SqlStatement statement, parser.statement());
    FLURM_TRY_VOID(take(statement));
  }
  return {};
}

}  // namespace flurm::dbd
