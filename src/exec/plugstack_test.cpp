// exec/plugstack_test.cpp — plugstack.conf as people write it: comments, arguments, files that include others.
#include "exec/plugstack.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace flurm::exec {
namespace {

class Plugstack : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/flurm-plugstack-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  std::string folder_;
  std::vector<std::string> problems_;
};

TEST_F(Plugstack, NamesPluginsWithTheirArguments) {
  const auto read =
      read_plugstack(write("p", "# first\n\nrequired /a/b.so one  two # not three\noptional c.so\n"), problems_);
  ASSERT_TRUE(read && read->size() == 2);
  EXPECT_TRUE((*read)[0].required);
  EXPECT_EQ((*read)[0].plugin, "/a/b.so");
  EXPECT_EQ((*read)[0].arguments, (std::vector<std::string>{"one", "two"}));
  EXPECT_FALSE((*read)[1].required);
  EXPECT_TRUE(problems_.empty());
}

TEST_F(Plugstack, IncludesWhatAPatternMatches) {
  std::filesystem::create_directory(folder_ + "/d");
  write("d/2.conf", "optional two.so\n");
  write("d/1.conf", "optional one.so\n");
  const auto read = read_plugstack(write("p", "include d/*.conf\noptional last.so\ninclude none/*\n"), problems_);
  ASSERT_TRUE(read && read->size() == 3);
  EXPECT_EQ((*read)[0].plugin, "one.so");
  EXPECT_EQ((*read)[1].plugin, "two.so");
  EXPECT_EQ((*read)[2].plugin, "last.so");
}

TEST_F(Plugstack, MissingFileNamesNone) {
  const auto read = read_plugstack(folder_ + "/none", problems_);
  EXPECT_TRUE(read && read->empty());
}

TEST_F(Plugstack, PassesOverWhatItDoesNotUnderstand) {
  const auto read = read_plugstack(write("p", "needed a.so\nrequired\noptional b.so\n"), problems_);
  EXPECT_TRUE(read && read->size() == 1);
  EXPECT_EQ(problems_.size(), 2u);
}

TEST_F(Plugstack, RefusesACircle) {
  const std::string path = write("p", "include p\n");
  EXPECT_FALSE(read_plugstack(path, problems_));
}

TEST_F(Plugstack, FindsPluginsInTheirDirectories) {
  const std::string there = write("x.so", "");
  EXPECT_EQ(find_plugin("x.so", "/nowhere:" + folder_), there);
  EXPECT_EQ(find_plugin("y.so", folder_), "");
  EXPECT_EQ(find_plugin("/any/where.so", ""), "/any/where.so");
}

}  // namespace
}  // namespace flurm::exec
