// exec/environment_test.cpp — names are unique, order stays, exact names only.
#include "exec/environment.hpp"

#include "gtest/gtest.h"

namespace flurm::exec {
namespace {

TEST(Environment, set_replaces_in_place) {
  Environment env({"A=1", "AB=2", "no equals", "=x", "A=3"});
  EXPECT_EQ(env.entries(), (std::vector<std::string>{"A=3", "AB=2"}));
  env.set("AB", "");
  env.set("C", "=");
  EXPECT_EQ(env.entries(), (std::vector<std::string>{"A=3", "AB=", "C=="}));
}

TEST(Environment, get_and_unset_match_the_whole_name) {
  Environment env({"AB=2", "A=1"});
  EXPECT_EQ(env.get("A"), "1");
  EXPECT_EQ(env.get("B"), std::nullopt);
  env.unset("A");
  env.set_default("AB", "9");
  env.set_default("D", "4");
  EXPECT_EQ(env.entries(), (std::vector<std::string>{"AB=2", "D=4"}));
}

TEST(Environment, what_users_chose_gets_a_harmless_name) {
  Environment env({"PATH=/bin"});
  env.merge_harmless({"PATH=/mine", "SPANK_A=1", "_SLURM_SPANK_OPTION_p_o=2"});
  EXPECT_EQ(env.entries(), (std::vector<std::string>{"PATH=/bin", "SPANK_PATH=/mine", "SPANK_A=1",
                                                     "SPANK__SLURM_SPANK_OPTION_p_o=2"}));
}

TEST(Environment, pointers_end_with_null) {
  Environment env({"A=1"});
  const std::vector<char*> pointers = env.pointers();
  ASSERT_EQ(pointers.size(), 2u);
  EXPECT_STREQ(pointers[0], "A=1");
  EXPECT_EQ(pointers[1], nullptr);
}

}  // namespace
}  // namespace flurm::exec
