// model/task_set_test.cpp — array texts as sbatch accepts and squeue prints them.
#include "model/task_set.hpp"

#include "gtest/gtest.h"

namespace flurm::model {
namespace {

TEST(TaskSet, reads_and_prints) {
  for (const char* text : {"0", "0-9", "1-9:2", "0-3,7,20-40:10", "5,7", "1,3,10-20"})
    EXPECT_EQ(TaskSet::parse(text, 1000)->text(), text);
  EXPECT_EQ(TaskSet::parse("3,1,2", 1000)->text(), "1-3");
  EXPECT_EQ(TaskSet::parse("0-9:20", 1000)->text(), "0");
  EXPECT_EQ(TaskSet::parse("0-9", 1000)->hex_mask(), "0x3FF");
}

TEST(TaskSet, refuses) {
  for (const char* text : {"", "a", "1-", "2-1", "1-5:0", "1,,2", "1-3x", "1001", "-1", "99999999999"})
    EXPECT_EQ(TaskSet::parse(text, 1000).error().code, Errc::invalid_array) << text;
}

TEST(TaskSet, gives_tasks_away_one_by_one) {
  TaskSet set = *TaskSet::parse("0-99999", 100000);
  set.erase(0);
  set.erase(50000);
  EXPECT_EQ(set.count(), 99998u);
  EXPECT_FALSE(set.contains(50000));
  EXPECT_EQ(set.ranges().size(), 2u);
  EXPECT_EQ(set.take(*TaskSet::parse("1-3,50000", 100000)).text(), "1-3");
  EXPECT_EQ(set.first(), 4u);
}

}  // namespace
}  // namespace flurm::model
