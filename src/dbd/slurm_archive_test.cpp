// dbd/slurm_archive_test.cpp — binary archives of slurmdbd: what is read of them, and that no bytes do harm.
// That they are laid out as here is shown by tests/real-clients/test_archive.py, with files that slurmdbd wrote.
#include "dbd/slurm_archive.hpp"

#include <gtest/gtest.h>

#include "base/types.hpp"
#include "wire/versions.hpp"

namespace flurm::dbd {
namespace {

std::string u16(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }
std::string u32(unsigned value) { return u16(value >> 16) + u16(value & 0xffff); }
std::string text(const std::string& value) {
  return value.empty() ? u32(0) : u32(static_cast<unsigned>(value.size() + 1)) + value + '\0';
}

constexpr unsigned kSuspended = 1427, kAssocUsage = 1418, kEvents = 1471;

std::string header(unsigned version, unsigned type, unsigned records) {
  return u16(version) + u32(0) + u32(1735689600) + u16(type) + text("linux") + u32(records);
}

/// Two suspensions.
std::string suspensions(unsigned version = wire::v22_05) {
  std::string all = header(version, kSuspended, 2);
  for (const char* each : {"7", "8"}) all += text("3") + text(each) + text("1735689700") + text("1735689600");
  return all;
}

struct Taken {
  Result<void> done;
  std::vector<SqlInsert> inserts;
};

Taken read(std::string_view bytes) {
  Taken taken;
  taken.done = read_slurm_archive(bytes, [&](const SqlStatement& statement) -> Result<void> {
    taken.inserts.push_back(std::get<SqlInsert>(statement));
    return {};
  });
  return taken;
}

TEST(SlurmArchive, rows_are_those_of_a_table) {
  const Taken taken = read(suspensions());
  ASSERT_TRUE(taken.done) << taken.done.error().text;
  ASSERT_EQ(taken.inserts.size(), 1u);
  const SqlInsert& insert = taken.inserts[0];
  EXPECT_EQ(insert.table, "linux_suspend_table");
  EXPECT_EQ(insert.columns, (std::vector<std::string>{"id_assoc", "job_db_inx", "time_end", "time_start"}));
  EXPECT_TRUE(insert.replaces);
  ASSERT_EQ(insert.rows.size(), 2u);
  EXPECT_EQ(insert.rows[1], (std::vector<std::string>{"3", "8", "1735689700", "1735689600"}));
}

TEST(SlurmArchive, usage_says_of_which_period_it_is) {
  std::string bytes = header(wire::v22_05, kAssocUsage, 1) + u16(1);
  for (const char* each : {"3", "1", "1735689600", "3600", "0", "0", "0"}) bytes += text(each);
  const Taken taken = read(bytes);
  ASSERT_TRUE(taken.done) << taken.done.error().text;
  EXPECT_EQ(taken.inserts.at(0).table, "linux_assoc_usage_day_table");
  bytes[2 + 8 + 2 + 10 + 4 + 1] = 9;
  EXPECT_FALSE(read(bytes).done) << "no such period";
}

TEST(SlurmArchive, transactions_are_no_clusters_and_scripts_of_one) {
  std::string bytes = header(wire::v22_05, 1446, 1);
  for (const char* each : {"12", "1735689600", "1405", "name='x'", "root", "", "linux"}) bytes += text(each);
  Taken taken = read(bytes);
  ASSERT_TRUE(taken.done) << taken.done.error().text;
  EXPECT_EQ(taken.inserts.at(0).table, "txn_table");
  EXPECT_EQ(taken.inserts.at(0).rows.at(0).at(4), "root");
  for (const auto& [type, table, column] : {std::tuple{1499u, "linux_job_env_table", "env_vars"},
                                            std::tuple{1500u, "linux_job_script_table", "batch_script"}}) {
    bytes = header(wire::v23_02, type, 1);
    for (const char* each : {"3", "1735689600", "K12:9", "#!/bin/sh"}) bytes += text(each);
    taken = read(bytes);
    ASSERT_TRUE(taken.done) << taken.done.error().text;
    EXPECT_EQ(taken.inserts.at(0).table, table);
    EXPECT_EQ(taken.inserts.at(0).columns.at(3), column);
  }
}

TEST(SlurmArchive, a_column_counts_where_its_release_has_it) {
  std::string bytes = header(wire::v23_11, kEvents, 1);
  for (const char* each : {"n[1-4]", "extra", "i-7", "big", "n2", "2", "1", "broken", "0", "1", "1=2"})
    bytes += text(each);
  const Taken taken = read(bytes);
  ASSERT_TRUE(taken.done) << taken.done.error().text;
  EXPECT_EQ(taken.inserts.at(0).columns.at(2), "instance_id");
  bytes[0] = 0x26;  // 22.05 has three less
  EXPECT_FALSE(read(bytes).done);
}

TEST(SlurmArchive, many_rows_come_in_parts) {
  std::string bytes = header(wire::v22_05, kSuspended, 1201);
  for (int i = 0; i < 1201; ++i) bytes += text("3") + text(std::to_string(i)) + text("2") + text("1");
  const Taken taken = read(bytes);
  ASSERT_TRUE(taken.done) << taken.done.error().text;
  std::size_t rows = 0;
  for (const SqlInsert& each : taken.inserts) rows += each.rows.size();
  EXPECT_EQ(rows, 1201u);
  EXPECT_EQ(taken.inserts.back().rows.back().at(1), "1200");
  EXPECT_GT(taken.inserts.size(), 2u);
}

TEST(SlurmArchive, is_told_from_other_archives) {
  EXPECT_TRUE(is_slurm_archive(suspensions()));
  EXPECT_FALSE(is_slurm_archive("flurm-archive 1\n"));
  EXPECT_FALSE(is_slurm_archive("insert into x"));
  EXPECT_FALSE(is_slurm_archive(""));
  EXPECT_FALSE(read(suspensions(0x2300)).done) << "20.02 has other columns";
  EXPECT_FALSE(read(suspensions(0x2c00)).done) << "nobody has looked at 25.11";
}

TEST(SlurmArchive, any_cut_and_any_change_is_survived) {
  const std::string whole = suspensions();
  EXPECT_FALSE(read(whole + "x").done);
  for (std::size_t end = 0; end < whole.size(); ++end) {
    EXPECT_FALSE(read(std::string_view(whole).substr(0, end)).done) << end;
    for (const char c : {'\0', '\1', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[end] = c;
      (void)read(changed);
    }
  }
}

}  // namespace
}  // namespace flurm::dbd
