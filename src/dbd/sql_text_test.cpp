// dbd/sql_text_test.cpp — SQL that slurmdbd's archives are written in, and what is none: every cut of a good text is
// either refused or a shorter text, and no byte in another place makes the reader fall over.
#include "dbd/sql_text.hpp"

#include <gtest/gtest.h>

namespace flurm::dbd {
namespace {

using Words = std::vector<std::string>;

Result<std::vector<SqlStatement>> statements_of(std::string_view text) {
  std::vector<SqlStatement> all;
  FLURM_TRY_VOID(read_sql(text, [&](const SqlStatement& each) -> Result<void> {
    all.push_back(each);
    return {};
  }));
  return all;
}

void expect_error(std::string_view text, std::string_view expected) {
  const auto all = statements_of(text);
  ASSERT_FALSE(all) << text;
  EXPECT_TRUE(all.error().text.contains(expected)) << all.error().text;
}

constexpr std::string_view kText =
    "insert into job_table (jobid, `partition`, \"name\", nodes) values\n"
    "(7, 'debug', 'it''s \\'\\n', NULL),\n('8', '', 'a,b)', -1.5e3)\n"
    "on duplicate key update id=LAST_INSERT_ID(id), name=VALUES(name);\n"
    "truncate table \"linux_job_table\";\n"
    "DELETE FROM step_table WHERE cluster='linux';";

TEST(SqlText, statements_as_data) {
  const auto all = statements_of(kText);
  ASSERT_TRUE(all) << all.error().text;
  ASSERT_EQ(all->size(), 3u);
  const auto& insert = std::get<SqlInsert>((*all)[0]);
  EXPECT_EQ(insert.table, "job_table");
  EXPECT_EQ(insert.columns, (Words{"jobid", "partition", "name", "nodes"}));
  ASSERT_EQ(insert.rows.size(), 2u);
  EXPECT_EQ(insert.rows[0], (Words{"7", "debug", "it's '\n", ""}));
  EXPECT_EQ(insert.rows[1], (Words{"8", "", "a,b)", "-1.5e3"}));
  EXPECT_TRUE(insert.replaces);
  EXPECT_EQ(insert.updated, Words{"name"});
  const auto& truncated = std::get<SqlRemoval>((*all)[1]);
  EXPECT_EQ(truncated.table, "linux_job_table");
  EXPECT_EQ(truncated.cluster, "");
  EXPECT_EQ(std::get<SqlRemoval>((*all)[2]).cluster, "linux");
}

TEST(SqlText, a_removal_may_be_of_some_nodes) {
  for (const char* between : {" ", " && ", " and "}) {
    const auto all =
        statements_of(std::string("delete from job_table where alloc_nodes='n1'") + between + "cluster='linux'");
    ASSERT_TRUE(all) << all.error().text;
    EXPECT_EQ(std::get<SqlRemoval>((*all)[0]).nodes, "n1");
    EXPECT_EQ(std::get<SqlRemoval>((*all)[0]).cluster, "linux");
  }
  expect_error("delete from job_table where alloc_nodes='' cluster='linux'", "nodes before this");
}

TEST(SqlText, rows_may_stand_without_a_comma_between_them) {
  const auto all = statements_of("insert into t (a) values (1) (2)");
  ASSERT_TRUE(all);
  const auto& insert = std::get<SqlInsert>((*all)[0]);
  EXPECT_EQ(insert.rows.size(), 2u);
  EXPECT_FALSE(insert.replaces);
}

TEST(SqlText, what_is_wrong_is_said_with_its_line) {
  expect_error("insert into t (a, b) values\n(1)", "line 2: more values");
  expect_error("insert into t (a) values (1, 2)", "no more columns");
  expect_error("insert into t (a) values (now())", "a value is expected at 'now()");
  expect_error("insert into t (a) values ('x", "the quote's end is expected at the end");
  expect_error("insert into t (a) select 1", "values is expected");
  expect_error("insert into t (a) values (1) on duplicate key update a=b", "last_insert_id");
  expect_error("insert into t (a) values (1) on duplicate key update a=values(b)", "itself");
  expect_error("delete from t where cluster='x' or 1=1", "';' is expected at 'or 1=1'");
  expect_error("delete from t", "where is expected");
  expect_error("drop table t", "insert, delete or truncate");
  expect_error("truncate table " + std::string(300, 'x'), "a name");
}

TEST(SqlText, an_error_of_who_takes_ends_it) {
  int taken = 0;
  const auto done = read_sql("truncate table a; truncate table b;", [&](const SqlStatement&) -> Result<void> {
    ++taken;
    return fail(Errc::einval, "not this one");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text, "not this one");
  EXPECT_EQ(taken, 1);
}

TEST(SqlText, is_told_from_other_archives) {
  EXPECT_TRUE(is_sql(kText));
  EXPECT_TRUE(is_sql("TRUNCATE TABLE x"));
  EXPECT_TRUE(is_sql("drop table x"));  // to be refused as what it is
  EXPECT_FALSE(is_sql("flurm-archive 1\n"));
  EXPECT_FALSE(is_sql(""));
}

TEST(SqlText, any_cut_and_any_change_is_survived) {
  for (std::size_t end = 0; end < kText.size(); ++end) {
    const auto all = statements_of(kText.substr(0, end));
    if (all) {
      EXPECT_LE(all->size(), 3u);
    }
    for (const char c : std::string_view("'\\\"`(),;=\0x", 11)) {
      std::string changed(kText);
      changed[end] = c;
      (void)statements_of(changed);
    }
  }
}

}  // namespace
}  // namespace flurm::dbd
